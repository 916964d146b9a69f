from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import replies
from gateway.decide import Decision, Held, Outcome, Punch, Tone, counted, day_of, decide
from gateway.message import Form, IncomingMessage
from mqtt_bridge.records import Action, Flag, Policy

from .factories import MORNING, PHONE, RULES, STRANGER, message

HELD = Held("4d1c9f00a1b2c3d4", seq=7)


def test_a_check_in_counts_at_the_smsc_time() -> None:
    decision = decide(message("HADIR", received=MORNING + timedelta(hours=6)), RULES, HELD)
    assert decision.outcome is Outcome.RECORDED
    assert decision.record
    assert (decision.record.seq, decision.record.employee, decision.record.action) == (7, "e-ani", Action.IN)
    assert decision.record.at == MORNING
    assert decision.record.flags == ()
    assert decision.reply
    assert decision.reply.number == PHONE
    assert decision.reply.text == f"Hadir tercatat Sel 24 Nov 07:21:05 WIB, No. {decision.record.receipt}."


@pytest.mark.parametrize("sent", [None, MORNING - timedelta(days=400), MORNING + timedelta(hours=2)])
def test_an_impossible_smsc_time_gives_way_to_ours_with_a_flag(sent: datetime | None) -> None:
    decision = decide(message(sent=sent, received=MORNING), RULES, HELD)
    assert decision.record
    assert decision.record.at == MORNING
    assert decision.record.flags == (Flag.CLOCK_UNTRUSTED,)
    assert decision.reply
    assert "(jam gateway)" in decision.reply.text


@pytest.mark.parametrize("ours", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_not_trusted_does_not_contradict_the_smsc(ours: datetime) -> None:
    assert counted(message(received=ours, clock_trusted=False), Policy()).at == MORNING


def test_nor_is_an_smsc_believed_that_can_not_be_right() -> None:
    old = message(sent=datetime(2004, 1, 1, tzinfo=UTC), received=MORNING, clock_trusted=False)
    assert counted(old, Policy()).own


@pytest.mark.parametrize(
    ("text", "form", "outcome", "reply"),
    [
        ("Besok saya ada rapat dinas", Form.TEXT, Outcome.NOT_UNDERSTOOD, replies.NOT_UNDERSTOOD),
        ("", Form.TEXT, Outcome.EMPTY, replies.NOT_UNDERSTOOD),
        (" \n", Form.TEXT, Outcome.EMPTY, replies.NOT_UNDERSTOOD),
        ("HADIR", Form.PART, Outcome.TOO_LONG, replies.ONE_SHORT_TEXT),
        ("HADIR " * 30, Form.TEXT, Outcome.TOO_LONG, replies.ONE_SHORT_TEXT),
        ("HADIR", Form.BINARY, Outcome.BINARY, replies.ONLY_TEXT),
        ("Delivered", Form.REPORT, Outcome.REPORT, None),
    ],
)
def test_what_makes_no_record(text: str, form: Form, outcome: Outcome, reply: str | None) -> None:
    decision = decide(message(text, form=form), RULES, HELD)
    assert decision.outcome is outcome
    assert decision.record is None
    assert (decision.reply.text if decision.reply else None) == reply


def test_a_stranger_is_told_once_a_day() -> None:
    first = decide(message(sender=STRANGER), RULES, HELD)
    assert first.outcome is Outcome.UNKNOWN_SENDER
    assert first.reply
    assert first.reply.text == replies.NOT_REGISTERED
    again = decide(message(sender=STRANGER), RULES, Held("j", 7, corrections=1))
    assert again == Decision(Outcome.UNKNOWN_SENDER)


@pytest.mark.parametrize("sender", ["TELKOMSEL", "888", ""])
def test_nothing_but_phones_is_answered(sender: str) -> None:
    assert decide(message(sender=sender), RULES, HELD) == Decision(Outcome.NOT_A_PHONE)


def test_corrections_stop_before_two_machines_talk_all_day() -> None:
    held = Held("j", 7, corrections=RULES.policy.corrections_per_day)
    assert decide(message("Saya sedang rapat"), RULES, held) == Decision(Outcome.NOT_UNDERSTOOD)
    assert decide(message("HADIR"), RULES, held).reply is not None


def test_a_repeat_keeps_the_first_time_and_receipt() -> None:
    held = Held("j", 8, (Punch(Action.IN, MORNING, "K7QF"),))
    decision = decide(message(sent=MORNING + timedelta(minutes=5)), RULES, held)
    assert decision.outcome is Outcome.REPEAT
    assert decision.record is None
    assert decision.reply
    assert decision.reply.text == "Hadir sudah tercatat Sel 24 Nov 07:21:05 WIB, No. K7QF."
    assert decision.reply.tone is Tone.ANSWER


def test_an_earlier_check_in_that_came_later_counts() -> None:
    held = Held("j", 8, (Punch(Action.IN, MORNING, "K7QF"),))
    decision = decide(message(sent=MORNING - timedelta(minutes=20), received=MORNING), RULES, held)
    assert decision.record
    assert decision.record.at == MORNING - timedelta(minutes=20)


def test_the_last_going_counts() -> None:
    evening = MORNING + timedelta(hours=9)
    held = Held("j", 8, (Punch(Action.IN, MORNING, "K7QF"), Punch(Action.OUT, evening, "M2PT")))
    assert decide(message("PULANG", sent=evening + timedelta(minutes=1)), RULES, held).outcome is Outcome.RECORDED
    assert decide(message("PULANG", sent=evening - timedelta(minutes=1)), RULES, held).outcome is Outcome.REPEAT


def test_the_day_is_the_offices() -> None:
    start, end = day_of(datetime(2026, 11, 24, 17, 30, tzinfo=UTC), RULES.zone)
    assert start == datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert end - start == timedelta(days=1)


def _results(texts: list[tuple[str, int]]) -> tuple[datetime | None, datetime | None]:
    """First in and last out of a day after those messages, in the order given."""
    punches: tuple[Punch, ...] = ()
    for seq, (text, minute) in enumerate(texts, 1):
        at = MORNING + timedelta(minutes=minute)
        decision = decide(
            message(text, sent=at, received=MORNING + timedelta(hours=13)), RULES, Held("j", seq, punches)
        )
        if decision.record:
            punches += (Punch(decision.record.action, decision.record.at, decision.record.receipt),)
    came = [punch.at for punch in punches if punch.action is Action.IN]
    went = [punch.at for punch in punches if punch.action is Action.OUT]
    return min(came, default=None), max(went, default=None)


@given(st.data(), st.lists(st.tuples(st.sampled_from(["HADIR", "PULANG"]), st.integers(0, 600)), max_size=8))
def test_the_day_does_not_depend_on_the_order_of_arrival(data: st.DataObject, texts: list[tuple[str, int]]) -> None:
    assert _results(texts) == _results(data.draw(st.permutations(texts)))


anything = st.builds(
    IncomingMessage,
    channel=st.just("sms"),
    form=st.sampled_from(Form),
    sender=st.one_of(st.just(PHONE), st.text(max_size=20)),
    text=st.one_of(st.text(max_size=200), st.sampled_from(["HADIR", "PULANG 123456"])),
    sent=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    received=st.datetimes(datetime(2026, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    clock_trusted=st.booleans(),
    smsc=st.text(max_size=15),
    reference=st.text(max_size=9),
)


@given(anything)
def test_any_message_is_decided_and_every_reply_is_one_sms(incoming: IncomingMessage) -> None:
    decision = decide(incoming, RULES, HELD)
    assert (decision.record is not None) == (decision.outcome is Outcome.RECORDED)
    if decision.reply:
        assert len(decision.reply.text) <= replies.LONGEST
        assert decision.reply.text.isascii()
