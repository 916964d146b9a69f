from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide import decide
from gateway.decision import Decision, Held, Outcome, Tone
from gateway.message import Form, IncomingMessage
from gateway.presence import shown
from gateway.replies import LONGEST, Texts
from gateway.rules import Rules, counted, day_of
from mqtt_bridge.day import Punch, settle
from mqtt_bridge.records import (
    Action,
    Channel,
    Flag,
    Hours,
    Language,
    Member,
    Policy,
    Presence,
    PresenceRule,
    Replies,
)

from .factories import MORNING, OFFICE, PHONE, RULES, SECRET, STRANGER, message, rules

TEXTS = Texts(Language.INDONESIAN, RULES.zone)
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
        ("Besok saya ada rapat dinas", Form.TEXT, Outcome.NOT_UNDERSTOOD, TEXTS.not_understood(coded=False)),
        ("", Form.TEXT, Outcome.EMPTY, TEXTS.not_understood(coded=False)),
        (" \n", Form.TEXT, Outcome.EMPTY, TEXTS.not_understood(coded=False)),
        ("HADIR …", Form.PART, Outcome.INCOMPLETE, TEXTS.incomplete()),
        ("HADIR " * 30, Form.TEXT, Outcome.TOO_LONG, TEXTS.one_short_text()),
        ("HADIR", Form.BINARY, Outcome.BINARY, TEXTS.only_text()),
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
    assert first.reply.text == TEXTS.not_registered()
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
    held = Held("j", 8, {"e-ani": [Punch(Action.IN, MORNING, "K7QF")]})
    decision = decide(message(sent=MORNING + timedelta(minutes=5)), RULES, held)
    assert decision.outcome is Outcome.REPEAT
    assert decision.record is None
    assert decision.reply
    assert decision.reply.text == "Hadir sudah tercatat Sel 24 Nov 07:21:05 WIB, No. K7QF."
    assert decision.reply.tone is Tone.ANSWER


def test_an_earlier_check_in_that_came_later_counts() -> None:
    held = Held("j", 8, {"e-ani": [Punch(Action.IN, MORNING, "K7QF")]})
    decision = decide(message(sent=MORNING - timedelta(minutes=20), received=MORNING), RULES, held)
    assert decision.record
    assert decision.record.at == MORNING - timedelta(minutes=20)


def test_the_last_going_counts() -> None:
    evening = MORNING + timedelta(hours=9)
    held = Held("j", 8, {"e-ani": [Punch(Action.IN, MORNING, "K7QF"), Punch(Action.OUT, evening, "M2PT")]})
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
            message(text, sent=at, received=MORNING + timedelta(hours=13)), RULES, Held("j", seq, {"e-ani": punches})
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
    decision = decide(incoming, CODED, HELD)
    assert (decision.record is not None) == (decision.outcome is Outcome.RECORDED)
    if decision.reply:
        assert len(decision.reply.text) <= LONGEST
        assert decision.reply.text.isascii()


CODED = rules(policy=Policy(presence=PresenceRule.REQUIRED), secret=SECRET)
LATER = MORNING + timedelta(hours=9)


def code(at: datetime = MORNING) -> str:
    return shown(SECRET, at, CODED.policy).code


def test_a_code_shows_that_one_is_there() -> None:
    decision = decide(message(f"HADIR {code()}", received=MORNING + timedelta(hours=6)), CODED, HELD)
    assert decision.record
    assert decision.record.presence is Presence.CODE


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("HADIR", Outcome.NO_CODE),
        (f"HADIR {code(MORNING - timedelta(minutes=20))}", Outcome.OLD_CODE),
        (f"HADIR {code(MORNING - timedelta(hours=20))}", Outcome.WRONG_CODE),
        (code(MORNING - timedelta(hours=20)), Outcome.WRONG_CODE),
    ],
)
def test_without_the_code_nothing_is_recorded(text: str, outcome: Outcome) -> None:
    decision = decide(message(text), CODED, HELD)
    assert (decision.outcome, decision.record) == (outcome, None)
    assert decision.reply
    assert decision.reply.text.startswith("Belum tercatat")


def test_where_a_code_is_optional_a_wrong_one_is_still_wrong() -> None:
    optional = rules(policy=Policy(presence=PresenceRule.OPTIONAL), secret=SECRET)
    assert decide(message("HADIR"), optional, HELD).outcome is Outcome.RECORDED
    assert decide(message("HADIR 000000"), optional, HELD).outcome is Outcome.WRONG_CODE
    with_code = decide(message(f"HADIR {code()}"), optional, HELD)
    assert with_code.record
    assert with_code.record.presence is Presence.CODE


def test_field_staff_need_no_code_where_the_office_does() -> None:
    member = Member(employee="e-ani", phone=PHONE, presence=PresenceRule.OFF)
    field_staff = Rules({PHONE: (member,)}, CODED.policy, OFFICE, {OFFICE: SECRET})
    decision = decide(message("HADIR"), field_staff, HELD)
    assert decision.record
    assert decision.record.presence is Presence.NONE


def test_no_code_is_asked_for_where_none_is_to_be_had() -> None:
    assert decide(message("HADIR"), rules(policy=CODED.policy), HELD).outcome is Outcome.RECORDED


def test_whoever_guesses_is_not_heard_any_more() -> None:
    misses = tuple(MORNING - timedelta(minutes=minute) for minute in (50, 40, 30, 20))
    last = decide(message("HADIR 000000"), CODED, Held("j", 7, misses=misses))
    assert last.outcome is Outcome.WRONG_CODE
    assert last.reply
    assert "setelah pukul 07:32" in last.reply.text
    blocked = Held("j", 7, misses=(*misses, MORNING))
    assert decide(message(f"HADIR {code()}"), CODED, blocked) == Decision(Outcome.BLOCKED)
    assert decide(message("CEK"), CODED, blocked).outcome is Outcome.ANSWERED


def test_a_screen_whose_clock_is_not_known_to_be_right_is_believed_for_a_while() -> None:
    ours = MORNING - timedelta(days=2)
    incoming = message(f"HADIR {code(ours)}", received=ours + timedelta(minutes=2), clock_trusted=False)
    decision = decide(incoming, CODED, HELD)
    assert decision.record
    assert decision.record.at == MORNING
    assert decision.record.flags == (Flag.CODE_BY_OWN_CLOCK,)
    late = message(f"HADIR {code(ours)}", received=ours + timedelta(minutes=30), clock_trusted=False)
    assert decide(late, CODED, HELD).record is None


def test_a_lone_code_comes_and_later_goes() -> None:
    came = decide(message(code()), CODED, HELD)
    assert came.record
    assert (came.record.action, came.record.flags) == (Action.IN, (Flag.INFERRED,))
    held = Held("j", 8, {"e-ani": [Punch(Action.IN, MORNING, "K7QF", inferred=True)]})
    soon = decide(message(code(MORNING + timedelta(minutes=3)), sent=MORNING + timedelta(minutes=3)), CODED, held)
    assert soon.record, "what it means may still change, so it is kept"
    assert soon.reply
    assert soon.reply.text == "Hadir sudah tercatat Sel 24 Nov 07:21:05 WIB, No. K7QF."
    went = decide(message(code(LATER), sent=LATER), CODED, held)
    assert went.record
    assert went.record.action is Action.OUT


def test_nobody_goes_with_the_code_they_came_with() -> None:
    held = Held("j", 8, {"e-ani": [Punch(Action.IN, MORNING, "K7QF")]})
    decision = decide(message(f"PULANG {code()}", sent=MORNING + timedelta(seconds=40)), CODED, held)
    assert decision.reply
    assert "Kirim PULANG lagi" in decision.reply.text


def test_lateness_is_told() -> None:
    hours = Hours(since=date(2026, 1, 1), start=time(7, 10), end=time(16, 30))
    late = decide(message(), rules(policy=Policy(hours=(hours,))), HELD)
    assert late.reply
    assert "07:21:05 WIB, terlambat 11 menit, No. " in late.reply.text
    early = decide(message("PULANG", sent=LATER), rules(policy=Policy(hours=(hours,))), HELD)
    assert early.reply
    assert "9 menit sebelum jam pulang" in early.reply.text


def test_two_on_one_phone_say_who_speaks() -> None:
    people = tuple(Member(employee=f"e-{name}", phone=PHONE, alias=name) for name in ("ani", "budi"))
    shared = Rules({PHONE: people}, Policy(), OFFICE)
    for text in ("HADIR budi", "Budi hadir", "hadir BUDI."):
        decision = decide(message(text), shared, HELD)
        assert decision.record
        assert decision.record.employee == "e-budi"
    for text in ("HADIR", "HADIR ani budi", "HADIR budiman"):
        assert decide(message(text), shared, HELD).outcome is Outcome.WHO_SPEAKS


def test_an_absence_is_recorded_once_a_day_with_its_words() -> None:
    decision = decide(message("SAKIT demam"), RULES, HELD)
    assert decision.record
    assert (decision.record.action, decision.record.note) == (Action.SICK, "demam")
    held = Held("j", 8, {"e-ani": [Punch(Action.SICK, MORNING, "K7QF")]})
    assert decide(message("SAKIT", sent=MORNING + timedelta(hours=1)), RULES, held).outcome is Outcome.REPEAT


def test_a_stranger_asks_to_be_bound_and_the_nip_is_not_kept() -> None:
    decision = decide(message("DAFTAR 199001012020121001", sender=STRANGER), rules(sealing_key="key"), HELD)
    assert decision.record
    assert (decision.record.employee, decision.record.action) == (STRANGER, Action.REGISTER)
    assert decision.kept == "DAFTAR ******************"
    asked = Held("j", 8, {STRANGER: [Punch(Action.REGISTER, MORNING, "K7QF")] * 3})
    assert (
        decide(message("DAFTAR 199001012020121001", sender=STRANGER), rules(sealing_key="key"), asked).record is None
    )


def test_who_wants_no_answers_gets_none_but_to_questions() -> None:
    assert decide(message("STOP"), RULES, HELD).silence is True
    silent = Held("j", 7, silent=True)
    assert decide(message("HADIR"), RULES, silent).reply is None
    assert decide(message("HADIR"), RULES, silent).record is not None
    assert decide(message("CEK"), RULES, silent).reply is not None
    started = decide(message("MULAI"), RULES, silent)
    assert started.silence is False
    assert started.reply is not None


@pytest.mark.parametrize(
    ("wanted", "answered", "corrected"),
    [(Replies.ALL, True, True), (Replies.ERRORS, False, True), (Replies.NONE, False, False)],
)
def test_the_policy_says_what_is_answered(wanted: Replies, answered: bool, corrected: bool) -> None:
    policy = rules(policy=Policy(replies=wanted))
    assert (decide(message("HADIR"), policy, HELD).reply is not None) is answered
    assert (decide(message("apa kabar"), policy, HELD).reply is not None) is corrected


def test_a_walk_through_the_menu() -> None:
    opened = decide(message("MENU"), CODED, HELD)
    assert opened.menu == ()
    asked = decide(message("1"), CODED, Held("j", 7, menu=()))
    assert asked.menu == ("1",)
    assert asked.reply
    assert "kode 6 angka" in asked.reply.text
    done = decide(message(code()), CODED, Held("j", 7, menu=("1",)))
    assert done.record
    assert (done.record.action, done.record.channel, done.record.flags) == (Action.IN, Channel.MENU, ())
    assert done.menu is None


def test_a_code_in_an_open_menu_that_asks_for_none_still_counts() -> None:
    decision = decide(message(code()), CODED, Held("j", 7, menu=()))
    assert decision.record
    assert decision.record.action is Action.IN


def test_outside_of_the_menu_a_number_means_nothing() -> None:
    assert decide(message("1"), RULES, HELD).outcome is Outcome.NOT_UNDERSTOOD


texts = st.sampled_from(["HADIR", "PULANG", "{}", "HADIR {}", "PULANG {}", "SAKIT", "1", "MENU", "apa"])


@given(st.data(), st.lists(st.tuples(texts, st.integers(0, 900)), max_size=8, unique_by=lambda each: each[1]))
def test_a_day_with_codes_does_not_depend_on_the_order_of_arrival(
    data: st.DataObject, sent: list[tuple[str, int]]
) -> None:
    assert _coded_day(sent) == _coded_day(data.draw(st.permutations(sent)))


def _coded_day(sent: list[tuple[str, int]]) -> tuple[datetime | None, datetime | None]:
    policy = rules(policy=Policy(presence=PresenceRule.OPTIONAL), secret=SECRET)
    punches: list[Punch] = []
    for seq, (text, minute) in enumerate(sent, 1):
        at = MORNING - timedelta(hours=5) + timedelta(minutes=minute)
        incoming = message(text.format(code(at)), sent=at, received=MORNING + timedelta(hours=14))
        made = decide(incoming, policy, Held("j", seq, {"e-ani": tuple(punches)})).record
        if made:
            punches.append(Punch(made.action, made.at, "", Flag.INFERRED in made.flags))
    day = settle(punches)
    return (day.came.at if day.came else None), (day.left.at if day.left else None)
