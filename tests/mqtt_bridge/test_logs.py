from __future__ import annotations

import pytest

from mqtt_bridge.logs import redact


@pytest.mark.parametrize("secret", ["+6281234567890", "081234567890", "198501012010011001", "482913"])
def test_numbers_of_people_and_codes_never_reach_a_log(secret: str) -> None:
    event = redact(None, "info", {"event": f"text from {secret}", "number": secret})
    assert secret not in str(event)


@pytest.mark.parametrize("harmless", ["seq 12345", "2026-11-24T07:21:05.123456Z", "4d1c9f00a1b2c3d4", "127.0.0.1:81"])
def test_what_names_nobody_stays(harmless: str) -> None:
    assert redact(None, "info", {"event": harmless}) == {"event": harmless}
