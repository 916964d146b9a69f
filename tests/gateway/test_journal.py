from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import peewee
import pytest
from hypothesis import HealthCheck, given, settings

from gateway.decision import Outcome
from gateway.journal import Journal, Position
from gateway.outbox import Delivery
from gateway.store import JournalError
from mqtt_bridge.records import Ack, broken_link, genesis

from .factories import MORNING, OTHER, PHONE, RULES, STRANGER, desired, journal, message
from .test_decide import anything


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Journal]:
    opened = journal(tmp_path)
    yield opened
    opened.close()


def ack(held: Journal, to: int, **changes: object) -> Ack:
    values = {"gateway": held.gateway, "journal": held.id, "seq": to, "hash": held.hash_at(to), "at": MORNING}
    return Ack(**{**values, **changes})  # type: ignore[arg-type]


def test_one_message_is_message_record_and_reply_at_once(held: Journal) -> None:
    assert held.admit([message()], RULES) == [Outcome.RECORDED]
    (record,) = held.records(after=0, limit=10)
    assert (record.seq, record.employee, record.at) == (1, "e-ani", MORNING)
    (reply,) = held.unsent(10)
    assert (reply.number, reply.attempts) == (PHONE, 0)
    assert record.receipt in reply.text
    (entry,) = held.log(10)
    assert (entry.outcome, entry.receipt, entry.delivery) == (Outcome.RECORDED, record.receipt, Delivery.QUEUED)


def test_a_message_read_or_delivered_again_changes_nothing(held: Journal) -> None:
    held.admit([message()], RULES)
    assert held.admit([message(received=MORNING + timedelta(hours=1))], RULES) == [Outcome.RECORDED]
    assert held.position() == Position(delivered=0, last=1)
    assert len(held.unsent(10)) == 1
    assert held.log(10)[0].copies == 2


def test_the_same_text_next_day_is_another_message(held: Journal) -> None:
    held.admit([message(), message(sent=MORNING + timedelta(days=1))], RULES)
    first, second = held.records(after=0, limit=10)
    assert first.receipt != second.receipt


def test_without_a_time_stamp_the_time_of_receipt_tells_messages_apart(held: Journal) -> None:
    hours = (0, 0.05, 5, 24)
    held.admit([message("PULANG", sent=None, received=MORNING + timedelta(hours=hour)) for hour in hours], RULES)
    assert [record.at for record in held.records(0, 10)] == [MORNING + timedelta(hours=hour) for hour in (0, 5, 24)]


def test_a_repeat_is_answered_with_the_first_receipt(held: Journal) -> None:
    held.admit([message(), message("masuk", sent=MORNING + timedelta(minutes=1))], RULES)
    receipt = held.records(after=0, limit=1)[0].receipt
    assert [receipt in reply.text for reply in held.unsent(10)] == [True, True]
    assert held.position().last == 1


def test_all_of_them_or_none(held: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise sqlite_full

    sqlite_full = peewee.OperationalError("database or disk is full")
    monkeypatch.setattr(held, "_keep_reply", fail)
    with pytest.raises(JournalError, match="disk is full"):
        held.admit([message(), message(sender=OTHER)], RULES)
    monkeypatch.undo()
    held.reopen()
    assert held.position().last == 0
    assert held.log(10) == []


def test_the_chain_holds_and_a_changed_record_is_found(held: Journal) -> None:
    held.admit([message(sent=MORNING + timedelta(days=day)) for day in range(5)], RULES)
    records = held.records(after=0, limit=10)
    start = genesis(held.gateway, held.id)
    assert broken_link(start, records) is None
    forged = [*records[:2], msgspec.structs.replace(records[2], employee="e-budi"), *records[3:]]
    assert broken_link(start, forged) == 3
    assert broken_link(start, [records[0], records[2]]) == 3


def test_messages_wait_for_a_roster_and_are_then_decided_as_they_came(held: Journal) -> None:
    assert held.admit([message(), message(sender=STRANGER)], None) == [Outcome.WAITING, Outcome.WAITING]
    assert held.position().last == 0
    assert held.decide_waiting(RULES) == 2
    assert held.decide_waiting(RULES) == 0
    assert held.records(after=0, limit=10)[0].at == MORNING
    assert [entry.outcome for entry in held.log(10)] == [Outcome.UNKNOWN_SENDER, Outcome.RECORDED]
    assert held.admit([message()], RULES) == [Outcome.RECORDED]
    assert held.position().last == 1


def test_a_reply_goes_from_queued_to_sent(held: Journal) -> None:
    held.admit([message()], RULES)
    (reply,) = held.unsent(10)
    assert held.sending(reply.id, 0)
    assert held.unsent(10)[0].attempts == 1  # cut short here, it is still to be sent
    assert not held.sending(reply.id, 0)  # by somebody who looked before that
    held.not_sent(reply.id, "no network", give_up=False)
    assert held.log(1)[0].delivery is Delivery.QUEUED
    assert held.sending(reply.id, 1)
    held.sent(reply.id, MORNING)
    assert not held.sending(reply.id, 2)
    assert held.unsent(10) == []
    assert held.log(1)[0].delivery is Delivery.SENT


def test_only_an_ack_of_this_very_chain_moves_the_position(held: Journal) -> None:
    held.admit([message(sent=MORNING + timedelta(days=day)) for day in range(3)], RULES)
    for wrong in ({"journal": "another"}, {"hash": "0" * 64}, {"seq": 4}):
        assert not held.acknowledge(ack(held, 2, **wrong))
    assert held.position().delivered == 0
    assert held.acknowledge(ack(held, 2))
    assert held.position() == Position(delivered=2, last=3)
    assert held.acknowledge(ack(held, 0))  # the collector lost what it had
    assert held.position().delivered == 0


def test_an_older_desired_is_not_applied(held: Journal) -> None:
    assert held.desired() is None
    assert held.apply(desired(2))
    assert not held.apply(desired(1))
    assert not held.apply(desired(2))
    assert held.desired() == desired(2)


def test_everything_is_there_after_opening_it_again(held: Journal, tmp_path: Path) -> None:
    held.admit([message()], RULES)
    held.apply(desired())
    held.close()
    again = journal(tmp_path)
    assert (again.id, again.position().last, again.desired()) == (held.id, 1, desired())
    assert again.latest() == MORNING
    again.close()


def test_a_clock_that_ran_ahead_once_does_not_spoil_the_time_for_good(held: Journal) -> None:
    held.admit(
        [message(received=MORNING.replace(year=2035)), message(sent=None, received=MORNING.replace(year=2036))], RULES
    )
    assert held.latest() == MORNING


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match=r"journal\.db: written by a newer version \(schema 99\)"):
        journal(tmp_path)


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, " * 300)
    with pytest.raises(JournalError, match=r"journal\.db: file is not a database"):
        journal(tmp_path)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
def test_any_message_can_be_kept(held: Journal, incoming: object) -> None:
    before = held.position().last
    (outcome,) = held.admit([incoming], RULES)  # type: ignore[list-item]
    assert held.position().last - before in {0, 1}
    assert held.admit([incoming], RULES) == [outcome]  # type: ignore[list-item]
