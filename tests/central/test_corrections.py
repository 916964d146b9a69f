"""Corrections count once a second person agreed, beside what gateways sent; the audit finds a changed line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from central import audit, calendar, corrections
from central.attendance import Attendance
from central.city import City as Tallies
from central.corrections import Kind, NotAllowed, Wish
from central.database import Database, micros
from central.policy import Planner
from central.rulebooks import load
from central.rules import DayResult, Status
from mqtt_bridge.records import Action

from .offices import DAY, NOW, WIB, City, at, later

GATEWAY = "dinkes-01"


class Corrected:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.city = City(database)
        self.ani = self.city.office(GATEWAY, ["Ani", "Budi"])["Ani"]
        self.city.complete(later(hours=-1))
        self.attendance = Attendance(database, Planner(load(), WIB, calendar.holiday))
        self.tallies = Tallies(database, self.attendance)

    def ask(self, kind: Kind, who: str = "clerk", **changes: object) -> int:
        values = {"since": at("00:00"), "until": at("00:00"), "reason": "surat nomor 1", **changes}
        return corrections.ask(self.database, Wish(self.ani, kind, **values), who, NOW)  # type: ignore[arg-type]

    def decide(self, id_: int, who: str = "head", accepted: bool = True) -> None:
        corrections.decide(self.database, id_, who, NOW, accepted=accepted)

    def result(self, offset: int = 0) -> DayResult:
        person = self.attendance.person(self.ani)
        assert person
        day = DAY + timedelta(days=offset)
        result = self.attendance.days(person, day, day, NOW)[0].result
        assert result
        return result


@pytest.fixture
def corrected(database: Database) -> Corrected:
    return Corrected(database)


def punch(when: datetime, action: Action = Action.IN) -> dict[str, object]:
    return {"what": action, "since": when, "until": when}


def test_a_record_that_lacked_counts_once_it_is_agreed(corrected: Corrected) -> None:
    asked = (punch(at("07:20")), punch(at("16:05"), Action.OUT))
    ids = [corrected.ask(Kind.PUNCH, **each) for each in asked]
    assert corrected.result().status is Status.ABSENT
    assert corrected.tallies.tallies(DAY, NOW)[0].counts[Status.ABSENT] == 2
    for id_ in ids:
        corrected.decide(id_)
    assert corrected.result().status is Status.PRESENT
    assert corrected.tallies.tallies(DAY, NOW)[0].counts[Status.ABSENT] == 1
    assert any("koreksi" in str(values.get("source")) for _, values in corrected.result().why)


def test_a_wrong_record_stays_and_does_not_count(corrected: Corrected) -> None:
    wrong = corrected.city.record("Ani", Action.IN, "07:10")
    corrected.city.record("Ani", Action.IN, "07:50")
    corrected.city.record("Ani", Action.OUT, "16:05")
    assert corrected.result().status is Status.PRESENT
    corrected.decide(corrected.ask(Kind.VOID, record=wrong, reason="dikirim orang lain"))
    assert corrected.result().late == 20
    assert any(values.get("reason") == "dikirim orang lain" for _, values in corrected.result().why)
    assert corrected.database.value("SELECT COUNT(*) FROM record") == 3


def test_an_absence_covers_its_days(corrected: Corrected) -> None:
    span = {"what": Status.DUTY, "since": at("00:00"), "until": at("00:00", DAY + timedelta(days=1))}
    corrected.decide(corrected.ask(Kind.ABSENCE, **span))
    assert [corrected.result(offset).status for offset in (-1, 0)] == [Status.ABSENT, Status.DUTY]
    assert corrected.result(1).status is not Status.DUTY
    assert corrected.result().final


@pytest.mark.parametrize(("accepted", "status"), [(True, Status.SICK), (False, Status.ABSENT)])
def test_a_statement_is_agreed_or_not(corrected: Corrected, accepted: bool, status: Status) -> None:
    record = corrected.city.record("Ani", Action.SICK, "06:40")
    assert (corrected.result().status, corrected.result().pending) == (Status.SICK, True)
    corrections.decide_statement(corrected.database, record, "head", NOW, accepted=not accepted)
    corrections.decide_statement(corrected.database, record, "head", NOW, accepted=accepted)
    assert (corrected.result().status, corrected.result().pending) == (status, False)
    (found,) = corrections.of_employee(corrected.database, corrected.ani, at("00:00"), at("23:59"))
    assert (found.asked_by, found.decided_by, found.accepted) == (corrections.BY_SMS, "head", accepted)


def test_a_statement_that_was_annulled_counts_no_more_whatever_was_agreed(corrected: Corrected) -> None:
    record = corrected.city.record("Ani", Action.SICK, "06:40")
    corrections.decide_statement(corrected.database, record, "head", NOW, accepted=True)
    corrected.decide(corrected.ask(Kind.VOID, record=record))
    assert corrected.result().status is Status.ABSENT
    void = corrected.database.value("SELECT id FROM correction WHERE kind = 'void'")
    corrected.decide(corrected.ask(Kind.REVOKE, record=void))
    assert corrected.result().status is Status.SICK


def test_what_was_agreed_can_be_revoked_by_two(corrected: Corrected) -> None:
    id_ = corrected.ask(Kind.ABSENCE, what=Status.SICK, until=at("00:00", DAY + timedelta(days=1)))
    corrected.decide(id_)
    assert corrected.result().status is Status.SICK
    revoke = corrected.ask(Kind.REVOKE, record=id_)
    assert corrected.result().status is Status.SICK
    corrected.decide(revoke)
    assert corrected.result().status is Status.ABSENT


def test_nobody_decides_alone_or_twice(corrected: Corrected) -> None:
    id_ = corrected.ask(Kind.PUNCH, **punch(at("07:20")))
    with pytest.raises(NotAllowed, match="minta orang lain"):
        corrected.decide(id_, "clerk")
    corrected.decide(id_, "head", accepted=False)
    with pytest.raises(NotAllowed, match="Sudah diputuskan oleh head"):
        corrected.decide(id_, "other")
    with pytest.raises(NotAllowed, match="tidak ada"):
        corrected.decide(99)
    assert corrected.result().status is Status.ABSENT
    assert corrections.waiting(corrected.database) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda it: it.ask(Kind.PUNCH, **{**punch(at("07:20")), "reason": " "}),
        lambda it: it.ask(Kind.PUNCH, **{**punch(at("07:20")), "reason": "x" * 201}),
        lambda it: it.ask(Kind.VOID, record=it.city.record("Budi", Action.IN, "07:00")),
        lambda it: it.ask(Kind.STATEMENT, record=it.city.record("Ani", Action.SICK, "07:00")),
        lambda it: it.ask(Kind.REVOKE, record=it.ask(Kind.PUNCH, **punch(at("07:20")))),
        lambda it: it.ask(Kind.ABSENCE, what=Status.SICK, until=at("00:00", DAY - timedelta(days=1))),
        lambda it: corrections.decide_statement(
            it.database, it.city.record("Ani", Action.IN, "07:00"), "head", NOW, accepted=True
        ),
    ],
)
def test_what_makes_no_sense_is_refused(corrected: Corrected, ask: Callable[[Corrected], object]) -> None:
    with pytest.raises(NotAllowed):
        ask(corrected)
    found = corrections.of_employee(corrected.database, corrected.ani, at("00:00"), NOW)
    assert not any(each.accepted for each in found)


# The audit


def written(corrected: Corrected) -> Database:
    for clock in ("07:20", "07:21", "07:22"):
        corrected.decide(corrected.ask(Kind.PUNCH, **punch(at(clock))))
    return corrected.database


def test_everything_is_in_the_audit(corrected: Corrected) -> None:
    database = written(corrected)
    events = [(line.who, line.event) for line in audit.lines(database)]
    assert events == [("clerk", "correction-asked"), ("head", "correction-decided")] * 3
    verdict = audit.verify(database)
    assert (verdict.lines, verdict.broken) == (6, None)
    assert "surat nomor 1" in next(audit.lines(database)).body


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET body = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET who = 'nobody' WHERE seq = 1", 1),
        ("UPDATE audit SET at = at + 1 WHERE seq = 6", 6),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("INSERT INTO audit SELECT 7, at, who, event, body, hash FROM audit WHERE seq = 6", 7),
    ],
)
def test_a_line_that_was_changed_is_found(corrected: Corrected, change: str, broken: int) -> None:
    database = written(corrected)
    database.run(change)
    assert audit.verify(database).broken == broken


def test_a_line_that_was_written_anew_breaks_the_next(corrected: Corrected) -> None:
    database = written(corrected)
    lines = list(audit.lines(database))
    forged = audit.digest(lines[1].hash, 3, micros(lines[2].at), "nobody", lines[2].event, lines[2].body)
    database.run("UPDATE audit SET who = 'nobody', hash = ? WHERE seq = 3", forged)
    assert audit.verify(database).broken == 4


def test_lines_cut_off_show_by_the_hash_of_the_last(corrected: Corrected) -> None:
    database = written(corrected)
    noted = audit.verify(database).hash
    database.run("DELETE FROM audit WHERE seq = 6")
    assert audit.verify(database).broken is None
    assert audit.verify(database).hash != noted


def test_a_change_that_fails_is_not_in_the_audit(corrected: Corrected, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = corrected.ask(Kind.PUNCH, **punch(at("07:20")))
    with pytest.raises(NotAllowed):
        corrected.decide(id_, "clerk")
    assert audit.verify(corrected.database).lines == 1

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("central.audit.append", fail)
    with pytest.raises(RuntimeError):
        corrected.decide(id_)
    assert corrections.waiting(corrected.database)[0].id == id_
