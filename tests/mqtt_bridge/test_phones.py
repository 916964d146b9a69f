from __future__ import annotations

import pytest

from mqtt_bridge.phones import masked, mobile, sender


@pytest.mark.parametrize("number", ["+6281234567890", "081234567890", "6281234567890", "0812-3456-7890"])
def test_one_form_for_one_phone(number: str) -> None:
    assert mobile(number) == "+6281234567890"


@pytest.mark.parametrize("number", ["081234567890", "6281234567890", "08121000003"])
def test_a_sender_that_may_be_a_name_of_digits_is_no_phone(number: str) -> None:
    assert sender(number) is None
    assert sender("+6281234567890") == "+6281234567890"


@pytest.mark.parametrize(
    "number",
    [
        "+14155550123",
        "+447911123456",
        "+8613800138000",
        "+6591234567",
        "",
        "888",
        "TELKOMSEL",
        "+62761123456",
        "BANK1234567890",
        "+1",
        "abc",
        "123456",
    ],
)
def test_nothing_else_is_a_phone(number: str) -> None:
    assert mobile(number) is None


def test_masked() -> None:
    assert masked("+6281234567890") == "+628123****890"
    assert masked("TELKOMSEL"[:5]) == "TELKO"
