"""Missed calls as check-ins: the rule, a whole gateway, and a call that rings at a modem."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import Core
from gateway.decide import decide
from gateway.decision import Held, Outcome
from gateway.message import from_call
from gateway.rules import Rules, by_number
from modem.driver import GammuModem
from modem.messages import IncomingCall
from mqtt_bridge.day import Punch
from mqtt_bridge.records import Action, Channel, Flag, Member, Policy, Presence, PresenceRule
from tests.simulated import Simulator
from tests.waiting import eventually

from .factories import MORNING, PHONE, RULES, SECRET, STRANGER, desired, journal, rules
from .fakes import FakeClock, FakeModem

CALLS = rules(policy=Policy(missed_calls=True))
HELD = Held("4d1c9f00a1b2c3d4", seq=7)
IN = Punch(Action.IN, MORNING - timedelta(hours=1), "K7QF")
ASSUMED = (Flag.LOW_ASSURANCE, Flag.INFERRED)
CALL = from_call(IncomingCall("081234567890"), MORNING, clock_trusted=True)


@pytest.mark.parametrize(("punches", "action"), [((), Action.IN), ((IN,), Action.OUT)])
def test_a_call_is_in_and_then_out(punches: tuple[Punch, ...], action: Action) -> None:
    decision = decide(CALL, CALLS, replace(HELD, punches={"e-ani": punches}))
    record = decision.record
    assert record
    assert (record.action, record.at, record.employee) == (action, MORNING, "e-ani")
    assert (record.channel, record.presence, record.flags) == (Channel.CALL, Presence.NONE, ASSUMED)
    assert decision.reply
    assert decision.reply.number == PHONE


def test_a_clock_that_is_not_set_is_flagged_as_well() -> None:
    decision = decide(replace(CALL, clock_trusted=False), CALLS, HELD)
    assert decision.record
    assert decision.record.flags == (Flag.CLOCK_UNTRUSTED, *ASSUMED)


@pytest.mark.parametrize(
    ("number", "by", "outcome"),
    [
        (PHONE, RULES, Outcome.CALL),
        (STRANGER, CALLS, Outcome.UNKNOWN_SENDER),
        ("", CALLS, Outcome.NOT_A_PHONE),
        ("0761123456", CALLS, Outcome.NOT_A_PHONE),
    ],
)
def test_other_calls_are_neither_recorded_nor_answered(number: str, by: Rules, outcome: Outcome) -> None:
    decision = decide(from_call(IncomingCall(number), MORNING, clock_trusted=True), by, HELD)
    assert (decision.outcome, decision.record, decision.reply) == (outcome, None, None)


def test_calling_twice_in_the_morning_is_one_in(tmp_path: Path) -> None:
    modem, clock, held = FakeModem(), FakeClock(), journal(tmp_path)
    held.apply(desired(policy=CALLS.policy))
    core = Core(modem, held, clock, tmp_path)
    for after in (0, 120, 8 * 3600, 60):  # did it count? And at the end of the day
        now = clock.moment
        clock.moment = replace(now, wall=now.wall + timedelta(seconds=after), monotonic=now.monotonic + after)
        modem.ringing = [PHONE]
        while core.step_modem():
            pass
    assert [record.action for record in held.records(0, 10)] == [Action.IN, Action.OUT]
    assert [sms.text.split()[0] for sms in modem.sent] == ["Hadir", "Pulang"]
    held.close()


def test_a_call_that_rings_at_a_modem(tmp_path: Path) -> None:
    held = journal(tmp_path)
    held.apply(desired(policy=CALLS.policy))
    with Simulator(tmp_path) as simulator:
        modem = GammuModem(str(simulator.device))
        core = Core(modem, held, FakeClock(), tmp_path)
        core.step_modem()
        simulator.call(PHONE)
        eventually(lambda: core.step_modem() and simulator.answers(PHONE))
        assert simulator.calls() == [(PHONE, "hung-up")]
        assert simulator.answers(PHONE)[0].startswith("Hadir tercatat Sel 24 Nov 07:21:05 WIB (jam gateway)")
        modem.close()
    held.close()


def test_a_call_carries_no_code() -> None:
    by = rules(policy=Policy(missed_calls=True, presence=PresenceRule.REQUIRED), secret=SECRET)
    decision = decide(CALL, by, HELD)
    assert (decision.outcome, decision.record) == (Outcome.NO_CODE, None)
    assert decision.reply


def test_a_call_of_a_shared_number_is_nobodys() -> None:
    roster = [Member(employee=each, phone=PHONE, alias=each[2:]) for each in ("e-ani", "e-budi")]
    decision = decide(CALL, replace(CALLS, people=by_number(roster)), HELD)
    assert (decision.outcome, decision.record) == (Outcome.WHO_SPEAKS, None)
    assert decision.reply
    assert "ANI / BUDI" in decision.reply.text
