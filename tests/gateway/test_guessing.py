"""Whoever tries codes one after the other gets nowhere, is noticed, and costs little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.decision import Outcome
from gateway.health import Condition, reasons
from gateway.journal import Journal
from mqtt_bridge.records import Policy, PresenceRule

from .factories import MORNING, SECRET, journal, message, rules
from .test_health import WELL

PHONES = [f"+628123450{number:04}" for number in range(100)]
POLICY = Policy(presence=PresenceRule.REQUIRED)
RULES = rules({phone: f"e-{phone[-4:]}" for phone in PHONES}, POLICY, secret=SECRET)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Journal]:
    made = journal(tmp_path)
    yield made
    made.close()


def guess(held: Journal, phones: list[str], times: int) -> Counter[Outcome]:
    """That many wrong codes, one a second, from these phones in turn."""
    found: Counter[Outcome] = Counter()
    for number in range(times):
        at = MORNING + timedelta(seconds=number)
        incoming = message(f"HADIR {(number * 7919) % 1_000_000:06}", sender=phones[number % len(phones)], sent=at)
        found.update(held.admit([incoming], RULES))
    return found


@pytest.mark.parametrize(("phones", "heard"), [(PHONES[:1], 5), (PHONES, 500)])
def test_a_thousand_guesses(held: Journal, phones: list[str], heard: int) -> None:
    """A right one among them has a chance of a few in a million for each that is heard at all."""
    found = guess(held, phones, 1000)
    assert held.position().last == 0
    assert found[Outcome.WRONG_CODE] + found[Outcome.OLD_CODE] == heard
    assert found[Outcome.BLOCKED] == 1000 - heard
    assert held.unsent_count() <= 5 * len(phones), "each number is answered five times at most"
    guesses = held.guesses(MORNING - timedelta(minutes=1))
    told = reasons(Condition(**{**WELL, "guesses": guesses, "guess_alarm": POLICY.code_alarm_per_hour}))
    assert [reason.code for reason in told] == ["guessing"]
