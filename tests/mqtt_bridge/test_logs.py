from __future__ import annotations

import pytest

from mqtt_bridge.logs import redact, remember, remembered


@pytest.mark.parametrize("secret", ["+6281234567890", "081234567890", "198501012010011001", "482913"])
def test_numbers_of_people_and_codes_never_reach_a_log(secret: str) -> None:
    event = redact(None, "info", {"event": f"text from {secret}", "number": secret})
    assert secret not in str(event)


@pytest.mark.parametrize("harmless", ["seq 12345", "2026-11-24T07:21:05.123456Z", "4d1c9f00a1b2c3d4", "127.0.0.1:81"])
def test_what_names_nobody_stays(harmless: str) -> None:
    assert redact(None, "info", {"event": harmless}) == {"event": harmless}


def test_the_last_warnings_are_remembered() -> None:
    for number in range(40):
        remember(None, "warning", {"event": f"odd {number}", "level": "warning"})
        remember(None, "info", {"event": "all is well", "level": "info"})
    remember(
        None, "error", {"event": "broken", "level": "error", "exception": "Traceback:\n  a line\nValueError: x\n"}
    )
    kept = remembered()
    assert [each["event"] for each in kept[-2:]] == ["odd 39", "broken"]
    assert kept[-1]["exception"] == "ValueError: x"
    assert len(kept) == 30
