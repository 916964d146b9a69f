"""Long messages: joined whatever order their parts come in, given up in time, and never joined with another's."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core import Core
from gateway.decide import DISPUTES_PER_DAY, Outcome
from gateway.journal import Journal
from gateway.message import Form, IncomingMessage, fingerprint
from gateway.parts import AGAIN, Whole, belongs_to, digest, incomplete, joined
from modem.messages import Part
from mqtt_bridge.records import Action
from mqtt_bridge.sealing import public_text

from .factories import MORNING, PHONE, RULES, STRANGER, desired, journal, message
from .fakes import FakeClock, FakeModem

WINDOW = timedelta(minutes=10)
LONG = ("SANGGAH kemarin saya pulang ", "16.05 bukan 15.05, ", "mohon diperiksa")


def piece(
    number: int, text: str, total: int = 3, reference: int = 7, seconds: float = 0, **more: object
) -> IncomingMessage:
    sent = MORNING + timedelta(seconds=seconds or number)
    part = Part(reference, number, total)
    return message(text, form=Form.PART, part=part, **{"sent": sent, **more})  # type: ignore[arg-type]


def pieces(texts: Sequence[str] = LONG, reference: int = 7, seconds: float = 0) -> list[IncomingMessage]:
    return [piece(n, text, len(texts), reference, seconds + n) for n, text in enumerate(texts, 1)]


def whole(*parts: IncomingMessage, id_: int = 1, joined: bool = False) -> Whole:
    assert parts[0].part
    return Whole(id_, parts[0].part.total, {each.part.number: each for each in parts if each.part}, joined)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Journal]:
    opened = journal(tmp_path)
    yield opened
    opened.close()


# What belongs together


def test_the_text_is_whole_and_has_the_time_of_what_came_first() -> None:
    parts = [piece(1, "HADIR", 2, seconds=9), piece(2, " 482913", 2, seconds=4)]
    made = joined(whole(*parts))
    assert (made.form, made.text, made.sent) == (Form.TEXT, "HADIR 482913", parts[1].sent)
    assert (made.received, made.part) == (max(part.received for part in parts), None)


def test_one_clock_that_is_not_trusted_is_enough() -> None:
    assert not joined(whole(piece(1, "a", 2), piece(2, "b", 2, clock_trusted=False))).clock_trusted


@given(st.permutations(range(4)), st.lists(st.integers(0, 500), min_size=4, max_size=4, unique=True))
def test_it_is_the_same_message_in_any_order(order: list[int], seconds: list[int]) -> None:
    parts = [piece(n + 1, f"bagian {n}", 4, seconds=second + 1) for n, second in enumerate(seconds)]
    first, second = joined(whole(*parts)), joined(whole(*[parts[place] for place in order]))
    assert first == second
    assert fingerprint(first) == fingerprint(second)


def test_the_same_reference_on_another_day_is_another_message() -> None:
    assert belongs_to(piece(2, "b", seconds=86_400), [whole(piece(1, "a"))], WINDOW) is None


def test_of_several_with_one_reference_the_nearest_is_meant() -> None:
    early, late = whole(piece(1, "a", seconds=1)), whole(piece(1, "c", seconds=300), id_=2)
    assert belongs_to(piece(2, "b", seconds=3), [early, late], WINDOW) == early
    assert belongs_to(piece(2, "d", seconds=303), [early, late], WINDOW) == late


def test_a_part_that_a_phone_sends_once_more_begins_nothing() -> None:
    done = whole(*pieces([digest(text) for text in LONG]), joined=True)
    again = piece(1, LONG[0], seconds=60)
    assert belongs_to(again, [done], WINDOW) == done
    much_later = piece(1, LONG[0], seconds=AGAIN.total_seconds() + 2)
    assert belongs_to(much_later, [done], WINDOW) is None
    assert belongs_to(piece(1, "lain", seconds=60), [done], WINDOW) is None


def test_what_is_missing_shows() -> None:
    assert incomplete(whole(piece(2, "dua", 5))).text == "… dua …"
    assert incomplete(whole(piece(1, "satu", 3), piece(3, "tiga", 3))).text == "satu … tiga"
    assert incomplete(whole(piece(1, "satu", 3))).form is Form.PART


# In the journal


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parts_become_one_record_whatever_comes_first(held: Journal, order: tuple[int, ...]) -> None:
    parts = pieces()
    outcomes = [held.admit([parts[place]], RULES)[0] for place in order]
    assert outcomes == [Outcome.PART, Outcome.PART, Outcome.RECORDED]
    (record,) = held.records(0, 10)
    assert (record.action, record.at) == (Action.DISPUTE, parts[0].sent)
    assert record.fingerprint == fingerprint(joined(whole(*parts)))
    (entry,) = held.log(10)
    assert entry.text == "".join(LONG)
    assert len(held.unsent(10)) == 1


def test_all_parts_at_once_and_then_all_again(held: Journal) -> None:
    parts = pieces()
    assert held.admit([*parts, *parts], RULES) == [Outcome.PART, Outcome.PART, Outcome.RECORDED, *[Outcome.PART] * 3]
    held.admit(parts[::-1], RULES)
    assert held.give_up_parts(MORNING + timedelta(hours=2), RULES) == []
    assert (held.position().last, len(held.log(10)), len(held.unsent(10))) == (1, 1, 1)


def test_a_part_that_a_phone_sends_once_more_changes_nothing(held: Journal) -> None:
    parts = pieces()
    again = [piece(number, text, seconds=number + 40) for number, text in enumerate(LONG, 1)]
    held.admit([parts[0], again[0], parts[1], again[1], parts[2], again[2]], RULES)
    assert held.give_up_parts(MORNING + timedelta(hours=2), RULES) == []
    assert held.position().last == 1
    assert held.records(0, 1)[0].at == parts[0].sent


def test_two_long_messages_at_the_same_time(held: Journal) -> None:
    dispute, absence = pieces(), pieces(("SAKIT de", "mam"), reference=8)
    held.admit([dispute[0], absence[1], dispute[2], absence[0], dispute[1]], RULES)
    assert {record.action: record.note for record in held.records(0, 10)} == {
        Action.DISPUTE: "kemarin saya pulang 16.05 bukan 15.05, mohon diperiksa",
        Action.SICK: "demam",
    }


def test_the_same_reference_next_day(held: Journal) -> None:
    held.admit(pieces(), RULES)
    held.admit(pieces(seconds=86_400), RULES)
    assert held.position().last == 2


def test_parts_of_different_senders_are_never_joined(held: Journal) -> None:
    first, second, third = pieces()
    held.admit([first, replace(second, sender=STRANGER), third], RULES)
    assert held.position().last == 0


def test_what_lacks_a_part_is_given_up_shown_and_answered_once(held: Journal) -> None:
    parts = pieces()
    held.admit([parts[0], parts[2]], RULES)
    assert held.log(10) == []
    since = held.parts_waiting()
    assert since == parts[0].received
    assert held.give_up_parts(since + WINDOW - timedelta(seconds=1), RULES) == []
    assert held.give_up_parts(since + WINDOW, RULES) == [Outcome.INCOMPLETE]
    assert held.give_up_parts(since + 2 * WINDOW, RULES) == []
    (entry,) = held.log(10)
    assert (entry.outcome, entry.text) == (Outcome.INCOMPLETE, f"{LONG[0]} … {LONG[2]}")
    (reply,) = held.unsent(10)
    assert "tidak sampai utuh" in reply.text
    assert held.parts_waiting() is None


def test_a_part_that_comes_after_all_still_counts(held: Journal) -> None:
    """An SMS centre may keep it for days; it was stamped with the others."""
    parts = pieces()
    held.admit(parts[:2], RULES)
    held.give_up_parts(MORNING + timedelta(hours=1), RULES)
    late = replace(parts[2], received=MORNING + timedelta(hours=40))
    assert held.admit([late], RULES) == [Outcome.RECORDED]
    assert held.records(0, 1)[0].at == parts[0].sent
    assert [entry.outcome for entry in held.log(10)] == [Outcome.RECORDED, Outcome.INCOMPLETE]
    assert held.admit([late], RULES) == [Outcome.PART]


def test_without_stamps_the_time_of_receipt_tells(held: Journal) -> None:
    first, second = (piece(n, text, 2, sent=None, received=MORNING) for n, text in ((1, "HAD"), (2, "IR")))
    held.admit([first], RULES)
    held.admit([replace(second, received=MORNING + timedelta(hours=5))], RULES)
    assert held.position().last == 0
    held.admit([replace(second, received=MORNING + timedelta(minutes=5))], RULES)
    assert held.position().last == 1


def test_parts_wait_for_a_roster_as_one_message(held: Journal) -> None:
    assert held.admit(pieces(), None) == [Outcome.PART, Outcome.PART, Outcome.WAITING]
    assert held.decide_waiting(RULES) == 1
    assert held.position().last == 1


def test_parts_outlive_a_restart(tmp_path: Path) -> None:
    parts = pieces()
    for part in parts:
        opened = journal(tmp_path)
        opened.admit([part], RULES)
        opened.close()
    opened = journal(tmp_path)
    assert opened.position().last == 1
    opened.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_parts_in_any_order_lose_and_double_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Several messages with few references, hours apart or together, doubled and mixed."""
    count = data.draw(st.integers(1, DISPUTES_PER_DAY))
    messages = []
    for number in range(count):
        texts = [f"SANGGAH {number}", *(f" bagian {place}" for place in range(data.draw(st.integers(1, 3))))]
        messages.append(pieces(texts, reference=number % 2, seconds=number * 3600))
    parts = [part for each in messages for part in each]
    mixed = data.draw(st.permutations(parts + data.draw(st.lists(st.sampled_from(parts)))))
    opened = journal(tmp_path_factory.mktemp("journal"))
    for part in mixed:
        opened.admit([part], RULES)
    assert sorted(record.at for record in opened.records(0, 20)) == [each[0].sent for each in messages]
    assert opened.parts_waiting() is None
    opened.close()


# From the SIM


def test_a_slot_is_free_as_soon_as_its_part_is_kept_and_nothing_is_complete_meanwhile(tmp_path: Path) -> None:
    modem, clock, held = FakeModem(), FakeClock(), journal(tmp_path)
    held.apply(desired())
    core = Core(modem, held, clock, tmp_path)

    def later(seconds: float) -> datetime:
        now = clock.moment
        clock.moment = replace(now, wall=now.wall + timedelta(seconds=seconds), monotonic=now.monotonic + seconds)
        while core.step_modem():
            pass
        return clock.moment.wall

    before = later(1)
    modem.put(1, "HADIR di kantor ", PHONE, MORNING, Part(9, 1, 2))
    later(5)
    assert modem.slots == {}
    assert core.sides[0].receiver.complete_until == before
    modem.put(1, "pusat", PHONE, MORNING + timedelta(seconds=1), Part(9, 2, 2))
    now = later(5)
    assert core.sides[0].receiver.complete_until == now
    modem.put(1, "HADIR ", PHONE, now, Part(10, 1, 2))
    later(1)
    later(WINDOW.total_seconds())
    assert [sms.text for sms in modem.sent if "utuh" in sms.text]
    now = later(1)
    assert core.sides[0].receiver.complete_until == now
    held.close()


@pytest.mark.parametrize("part", [Part(1, 3, 2), Part(1, 0, 0), Part(1, 0, 2), Part(1, 1, 1)])
def test_a_place_that_can_not_be_is_no_part(tmp_path: Path, part: Part) -> None:
    modem, held = FakeModem(), journal(tmp_path)
    held.apply(desired())
    core = Core(modem, held, FakeClock(), tmp_path)
    modem.put(1, "HADIR", PHONE, MORNING, part)
    while core.step_modem():
        pass
    assert (held.position().last, modem.slots) == (1, {})
    held.close()


def test_no_piece_of_a_number_of_the_civil_service_stays_with_the_parts(held: Journal) -> None:
    """It is for the collector alone: sealed in the record, and hidden in the message log."""
    nip = "199001012020121001"
    rules = replace(RULES, sealing_key=public_text(X25519PrivateKey.generate()))
    parts = [piece(1, "DAFTAR ", 2, sender=STRANGER), piece(2, nip, 2, sender=STRANGER)]
    assert held.admit(parts, rules) == [Outcome.PART, Outcome.RECORDED]
    with closing(sqlite3.connect(held._path)) as database:
        assert nip not in "\n".join(database.iterdump())
