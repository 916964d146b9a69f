"""What goes when its time has come, and what is left of a person who was erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central import audit, calendar, desired, endpoints, fleet, queries, retention, roster_changes
from central.attendance import Attendance, Person
from central.city import City
from central.config import RetentionSection
from central.database import Database, micros
from central.evidence import Check, Scope
from central.ingest import Envelope, Ingest
from central.outbound import Rules
from central.policy import Planner
from central.queries import Wanted
from central.roster import Row, store
from central.rulebooks import load
from mqtt_bridge.records import Action, Policy

from .factories import GATEWAY, NOW, KnownKeys, batch, chain, envelope

NIP = "199001012015011001"
PHONE = "+6281234567890"
LATER = NOW + timedelta(days=100)
YEAR = RetentionSection(records_days=90, batches_days=90, quarantine_days=90, former_days=90)


class Keys(KnownKeys):
    """Of which `evidence` asks for those that counted then."""

    def at(self, gateway: str, _when: Any) -> Any:
        return [self.get(gateway)]


@pytest.fixture
def filled(database: Database) -> Database:
    """An employee, the request by which their number was bound, ten records, and something put aside."""
    fleet.add(database, GATEWAY, NOW)
    store(database, [Row(2, NIP, "Ani Contoh", PHONE, GATEWAY, "ani")], now=NOW)
    desired.refresh(database, Policy(), NOW)
    request = chain(1, journal="before", employee=PHONE, action=Action.REGISTER, note="sealed", messages="before")
    made = chain(10, employee=id_of(database))
    ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]
    ingest.take([envelope(batch(request, 1, 1, journal="before")), envelope(batch(made, 1, 10))], NOW)
    ingest.take([Envelope(GATEWAY, b"garbage")], NOW)
    return database


def id_of(database: Database) -> str:
    return str(database.value("SELECT id FROM employee"))


def count(database: Database, table: str) -> int:
    return int(database.value(f"SELECT COUNT(*) FROM {table}"))


def counts(database: Database) -> dict[str, int]:
    return {table: count(database, table) for table in ("record", "batch", "quarantine")}


def test_nothing_goes_before_it_is_said_and_nothing_before_its_time(filled: Database) -> None:
    before = counts(filled)
    assert {each.what: each.count for each in retention.due(filled, YEAR, LATER)} == {
        "record": 11, "batch": 2, "quarantine": 1, "employee": 0,
    }  # fmt: skip
    assert counts(filled) == before
    retention.run(filled, YEAR, "it", NOW + timedelta(days=90))
    assert counts(filled) == before
    assert retention.due(filled, RetentionSection(), LATER)[0].what == "quarantine"
    assert len(retention.due(filled, RetentionSection(), LATER)) == 1


def test_what_is_old_goes_and_that_is_noted(filled: Database) -> None:
    done = retention.run(filled, YEAR, "it", LATER)
    assert {each.what: each.count for each in done} == {"record": 11, "batch": 2, "quarantine": 1, "employee": 0}
    assert counts(filled) == {"record": 0, "batch": 0, "quarantine": 0}
    begun, line = audit.lines(filled)
    assert (begun.event, '"record":"2026-12-04' in begun.body) == ("retention-begun", True)
    assert (line.who, line.event, '"removed":11' in line.body) == ("it", "retention-run", True)
    assert audit.verify(filled).broken is None
    assert sum(each.count for each in retention.run(filled, YEAR, "it", LATER)) == 0


def test_what_is_new_stays_and_goes_on(filled: Database) -> None:
    ingest = Ingest(filled, KnownKeys())  # type: ignore[arg-type]
    made = chain(12, employee=id_of(filled))
    ingest.take([envelope(batch(made, 11, 11))], LATER)
    retention.run(filled, YEAR, "it", LATER)
    assert [each.seq for each in queries.records(filled, Wanted(), 100)] == [11]
    (ack,) = ingest.take([envelope(batch(made, 12, 12))], LATER)
    assert (ack.seq, ack.refused) == (12, None)


def test_many_go_in_small_bites(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    assert retention.run(filled, YEAR, "it", LATER)[0].count == 11
    assert count(filled, "record") == 0


def test_what_a_program_was_not_told_yet_stays(filled: Database) -> None:
    endpoint = endpoints.add(filled, "sinergi", "https://sinergi.example", Rules(), "it", NOW, from_start=True)
    retention.run(filled, YEAR, "it", LATER)
    assert count(filled, "record") == 11
    filled.run("UPDATE webhook SET position = 5 WHERE id = ?", endpoint.id)
    filled.insert_all("delivery", ("webhook", "record", "employee", "due", "dead"), [(endpoint.id, 2, "e", 1, 1)])
    retention.run(filled, YEAR, "it", LATER)
    assert [id_ for (id_,) in filled.rows("SELECT id FROM record ORDER BY id")] == [2, *range(6, 12)]


def test_records_whose_proof_had_its_time_are_not_called_unproven(filled: Database) -> None:
    assert list(Check(filled, Keys(), Scope(GATEWAY)).faults()) == []  # type: ignore[arg-type]
    retention.run(filled, RetentionSection(batches_days=90), "it", LATER)
    assert counts(filled)["record"] == 11
    assert list(Check(filled, Keys(), Scope(GATEWAY)).faults()) == []  # type: ignore[arg-type]
    fresh = chain(11, employee=id_of(filled))
    Ingest(filled, KnownKeys()).take([envelope(batch(fresh, 11, 11))], LATER)  # type: ignore[arg-type]
    filled.run("DELETE FROM batch")
    assert len(list(Check(filled, Keys(), Scope(GATEWAY)).faults())) == 1  # type: ignore[arg-type]


def test_what_went_when_it_was_ended_midway_is_noted_and_not_called_unproven(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches went, and nothing of what was to follow was done."""
    remove = retention._remove

    def dying(database: Database, kind: Any, before: Any) -> int:
        removed = remove(database, kind, before)
        raise KeyboardInterrupt(removed)

    monkeypatch.setattr(retention, "_remove", dying)
    with pytest.raises(KeyboardInterrupt):
        retention.run(filled, RetentionSection(batches_days=90), "it", LATER)
    assert counts(filled)["batch"] == 0
    assert [line.event for line in audit.lines(filled)] == ["retention-begun"]
    assert list(Check(filled, Keys(), Scope(GATEWAY)).faults()) == []  # type: ignore[arg-type]


def test_a_day_whose_records_went_is_not_judged(filled: Database) -> None:
    """Who was there would else be absent, for good."""
    zone = ZoneInfo("Asia/Jakarta")
    attendance = Attendance(filled, Planner(load(), zone, calendar.holiday))
    city = City(filled, attendance)
    filled.run("UPDATE placement SET since = ?", micros(NOW - timedelta(days=30)))
    filled.insert_all("watermark", ("gateway", "journal", "until"), [(GATEWAY, "j", micros(LATER))])
    day, person = NOW.astimezone(zone).date(), Person(id_of(filled), "Ani")

    def judged() -> tuple[bool, int, bool]:
        first, last = attendance.days(person, day, day + timedelta(days=90), LATER)[::90]
        (tally,) = city.tallies(day, LATER)
        return first.result is not None, sum(tally.counts.values()), last.result is not None

    assert judged() == (True, 1, True)
    retention.run(filled, RetentionSection(records_days=90), "it", LATER)
    assert judged() == (False, 0, True)


def test_lists_that_somebody_left_lying_go(filled: Database) -> None:
    row = Row(2, NIP, "Ani Contoh", PHONE, GATEWAY)
    roster_changes.keep(filled, "a", [row], replace=False, who="old", now=LATER - timedelta(days=2))
    filled.run("INSERT INTO roster_draft SELECT 'b', 'new', kept + 172800000000, replace_all, body FROM roster_draft")
    retention.run(filled, RetentionSection(), "it", LATER)
    assert filled.rows("SELECT who FROM roster_draft") == [("new",)]


# Erasing


@pytest.mark.parametrize("named", [NIP, "19900101 201501 1 001", "id"])
def test_of_who_is_erased_only_the_opaque_id_is_left(filled: Database, named: str) -> None:
    employee = id_of(filled)
    traces = retention.find(filled, employee if named == "id" else named)
    assert traces == retention.Traces(employee, 10, 1)
    retention.erase(filled, traces, "surat 12", "it", NOW)
    desired.refresh(filled, Policy(), LATER)
    tables = ("employee", "record", "desired", "placement", "binding", "audit", "webhook", "delivery")
    kept = str([[bytes(each) if isinstance(each, memoryview) else each for each in row]
                for table in tables for row in filled.rows(f"SELECT * FROM {table}")])  # fmt: skip
    for personal in (NIP, "Ani", PHONE, PHONE[1:], "sealed"):
        assert personal not in kept
    assert filled.value("SELECT COUNT(*) FROM placement WHERE until IS NULL") == 0  # nobody is absent under that id
    entries = queries.records(filled, Wanted(), 100)
    assert [entry.employee for entry in entries] == [retention.ERASED, *[employee] * 10]
    assert {entry.name for entry in entries[1:]} == {retention.ERASED}
    assert list(Check(filled, Keys(), Scope(GATEWAY)).faults()) == []  # type: ignore[arg-type]
    assert [line.event for line in audit.lines(filled)] == ["person-erased"]
    assert retention.find(filled, NIP) is None
    assert retention.find(filled, employee) is None


def test_numbers_that_somebody_had_before_are_erased_too(filled: Database) -> None:
    """Also where a program was not told of them yet, and from lists that wait to be taken in."""
    employee = id_of(filled)
    request = filled.value("SELECT id FROM record WHERE action = ?", Action.REGISTER)
    filled.insert_all(
        "binding", ("record", "employee", "approved", "person", "decided"), [(request, employee, 1, "peni", 0)]
    )
    filled.run("UPDATE employee SET phone = '+6281200000000'")
    filled.insert_all("delivery", ("webhook", "record", "employee", "due"), [(1, request, PHONE, 0)])
    row = Row(2, NIP, "Ani Contoh", "+6281200000000", GATEWAY)
    roster_changes.keep(filled, "draft", [row], replace=False, who="peni", now=NOW)
    traces = retention.find(filled, NIP)
    assert traces == retention.Traces(employee, 10, 1)
    retention.erase(filled, traces, "surat 12", "it", NOW)
    kept = str([filled.rows(f"SELECT * FROM {table}") for table in ("record", "delivery", "roster_draft")])
    for personal in (PHONE, NIP, "sealed"):
        assert personal not in kept


def test_a_record_that_was_changed_by_hand_is_still_found(filled: Database) -> None:
    """Only whose number asked may be gone, and nothing else of it."""
    filled.run("UPDATE record SET employee = ?, action = 'in' WHERE action = 'register'", retention.ERASED)
    assert len(list(Check(filled, Keys(), Scope(GATEWAY)).faults())) == 1  # type: ignore[arg-type]
    filled.run("UPDATE record SET employee = ? WHERE action = 'in'", retention.ERASED)
    assert len(list(Check(filled, Keys(), Scope(GATEWAY)).faults())) == 11  # type: ignore[arg-type]


def test_the_nip_and_the_number_are_free_for_somebody_new(filled: Database) -> None:
    former = id_of(filled)
    traces = retention.find(filled, NIP)
    assert traces
    retention.erase(filled, traces, "x", "it", NOW)
    store(filled, [Row(2, NIP, "Ani Contoh", PHONE, GATEWAY)], now=NOW)
    assert filled.value("SELECT id FROM employee WHERE nip = ?", NIP) != former


def test_who_left_long_ago_is_erased_and_who_left_lately_or_came_back_is_not(database: Database) -> None:
    fleet.add(database, GATEWAY, NOW)
    rows = [
        Row(n, f"{int(NIP) + n}", name, f"+6281234567{n:03}", GATEWAY) for n, name in enumerate(("A", "B", "C", "D"))
    ]
    store(database, rows, now=NOW)
    store(database, rows[1:], replace=True, now=NOW + timedelta(days=1))  # A leaves
    store(database, rows[2:], replace=True, now=NOW + timedelta(days=95))  # B leaves lately
    store(database, rows[3:], replace=True, now=NOW + timedelta(days=1))  # C leaves
    store(database, rows[2:], now=NOW + timedelta(days=2))  # C comes back
    (due,) = retention.due(database, RetentionSection(quarantine_days=0, former_days=90), LATER)
    assert (due.what, due.count) == ("employee", 1)
    retention.run(database, RetentionSection(former_days=90), "it", LATER)
    names = [name for (name,) in database.rows("SELECT name FROM employee ORDER BY name")]
    assert names == sorted([retention.ERASED, "B", "C", "D"])
    assert retention.due(database, RetentionSection(quarantine_days=0, former_days=90), LATER)[0].count == 0


def test_the_boundary_never_goes_back(filled: Database) -> None:
    retention.run(filled, YEAR, "it", LATER)
    retention.run(filled, YEAR, "it", LATER - timedelta(days=5))
    assert retention.boundary(filled, "batch") == micros(LATER - timedelta(days=90))
