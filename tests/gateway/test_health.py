from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.guardian import SimView
from gateway.health import LITTLE_DISK, Condition, reasons
from modem.messages import ModemStatus, Registration
from modem.ussd import Forecast
from mqtt_bridge.client import Problem, Trouble

WELL: dict[str, Any] = {
    "journal_problem": None, "modem_problem": None, "modem": ModemStatus(Registration.HOME, used=3, capacity=50),
    "stuck": 0, "clock_trusted": True, "disk_free": 10 * LITTLE_DISK, "waiting_for": None, "link_problem": None,
    "has_rules": True, "diverged": None, "refused": None, "unanswered": 0.0, "disbelieved": None,
}  # fmt: skip


def codes(**facts: Any) -> list[str]:
    return [reason.code for reason in reasons(Condition(**{**WELL, **facts}))]


def test_nothing_is_wrong_with_a_gateway_that_is_well() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("fact", "value", "code"),
    [
        ("journal_problem", "disk full", "journal"),
        ("modem_problem", "gone", "modem"),
        ("modem", ModemStatus(Registration.DENIED), "network"),
        ("modem", ModemStatus(Registration.HOME, used=50, capacity=50), "sim-full"),
        ("clock_trusted", False, "clock"),
        ("disk_free", LITTLE_DISK - 1, "disk"),
        ("waiting_for", "kunci", "link"),
        ("link_problem", Problem(Trouble.DENIED, "Not authorized"), "link"),
        ("has_rules", False, "no-roster"),
        ("diverged", "another record 5", "diverged"),
        ("refused", "chain", "refused"),
        ("stuck", 2, "sim-stuck"),
        ("unanswered", 301.0, "no-ack"),
        ("disbelieved", "bad signature", "disbelieved"),
        ("sim", SimView(balance=9_999, low_balance=10_000), "sim-balance"),
        ("sim", SimView(balance=90_000, forecast=Forecast(4, None)), "sim-balance"),
        ("sim", SimView(valid_until=date(2026, 12, 31), forecast=Forecast(None, 13)), "sim-validity"),
        ("sim", SimView(unread="x" * 500), "sim-unread"),
        ("unsent_in_a_row", 3, "sim-cannot-send"),
        ("capped", "sms.per_day", "sms-limit"),
        ("deaf", True, "calls"),
    ],
)
def test_each_fact_has_its_reason(fact: str, value: Any, code: str) -> None:
    assert codes(**{fact: value}) == [code]


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_of_the_link_has_words(trouble: Trouble) -> None:
    (reason,) = reasons(Condition(**{**WELL, "link_problem": Problem(trouble, "x" * 500)}))
    assert len(reason.text) <= 200


@pytest.mark.parametrize("registration", [each for each in Registration if each.value not in {"home", "roaming"}])
def test_every_registration_has_words(registration: Registration) -> None:
    assert codes(modem=ModemStatus(registration)) == ["network"]


def test_the_worst_comes_first() -> None:
    assert codes(refused="x", journal_problem="x", clock_trusted=False) == ["journal", "clock", "refused"]
