from __future__ import annotations

import pytest

from mqtt_bridge.phones import masked, mobile


@pytest.mark.parametrize("number", ["+6281234567890", "081234567890", "6281234567890", "0812-3456-7890"])
def test_one_form_for_one_phone(number: str) -> None:
    assert mobile(number) == "+6281234567890"


@pytest.mark.parametrize("number", ["", "888", "TELKOMSEL", "+62761123456", "BANK1234567890", "+1", "abc", "123456"])
def test_nothing_else_is_a_phone(number: str) -> None:
    assert mobile(number) is None


def test_masked() -> None:
    assert masked("+6281234567890") == "+628123****890"
    assert masked("TELKOMSEL"[:5]) == "TELKO"
