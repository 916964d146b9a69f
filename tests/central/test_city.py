"""Tallies that were kept are those that would be made now, whatever happened since; and a new process finds them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from central import calendar, city_stamps, corrections
from central.attendance import Attendance
from central.city import City as Tallies
from central.city import Tally
from central.corrections import Kind, Wish
from central.counting import Counting
from central.database import Database
from central.policy import Planner
from central.roster import Row, store
from central.rulebooks import load
from mqtt_bridge.records import Action

from .factories import GATEWAY, OTHER
from .offices import DAY, NOW, WIB, City, at, later


class Held:
    """Two offices; what was kept is asked beside what is made anew."""

    record: int

    def __init__(self, database: Database) -> None:
        self.city = City(database)
        self.city.office(GATEWAY, ["Ani", "Budi", "Cici"])
        self.city.office(OTHER, ["Eko"])
        self.database = database
        self.attendance = Attendance(database, Planner(load(), WIB, calendar.holiday))
        self.tallies = self.process()

    def process(self) -> Tallies:
        """As after a start: it knows nothing yet."""
        return Tallies(self.database, self.attendance)

    def anew(self, day: date = DAY) -> list[Tally]:
        held = self.database.rows("SELECT day, body FROM city_day")
        self.database.run("DELETE FROM city_day")
        found = self.process().tallies(day, NOW)
        self.database.insert_all("city_day", ("day", "body"), held or [("2000-01-01", b"")])
        return found

    def move(self, name: str, gateway: str, clock: str) -> None:
        phone, nip = self.database.rows("SELECT phone, nip FROM employee WHERE name = ?", name)[0]
        store(self.database, [Row(2, nip, name, phone, gateway)], now=at(clock))

    def correct(self, **wish: object) -> None:
        id_ = corrections.ask(self.database, Wish(**wish), "opik", NOW)  # type: ignore[arg-type]
        corrections.decide(self.database, id_, "peni", NOW, accepted=True)

    def shift(self, pattern: str) -> None:
        self.database.run("DELETE FROM shift")
        row = (self.city.id("Ani"), pattern, DAY.isoformat(), DAY.isoformat())
        self.database.insert_all("shift", ("employee", "pattern", "first", "last"), [row])


@pytest.fixture
def held(database: Database) -> Held:
    made = Held(database)
    for gateway in (GATEWAY, OTHER):
        made.city.complete(later(hours=-1), gateway)
    made.city.record("Ani", Action.IN, "07:12")
    made.city.record("Ani", Action.OUT, "16:03")
    made.record = made.city.record("Budi", Action.IN, "07:45")
    made.city.record("Eko", Action.IN, "07:00", gateway=OTHER)
    return made


def punch(held: Held) -> None:
    held.correct(
        employee=held.city.id("Cici"), kind=Kind.PUNCH, reason="lupa", since=at("07:10"), until=at("07:10"), what="in"
    )


def absence(held: Held) -> None:
    midnight = at("00:00")
    held.correct(
        employee=held.city.id("Cici"), kind=Kind.ABSENCE, reason="surat", what="sakit", since=midnight,
        until=midnight + timedelta(days=1),
    )  # fmt: skip


def void(held: Held) -> None:
    """Its own time is far from the record's."""
    held.correct(
        employee=held.city.id("Budi"), kind=Kind.VOID, reason="bukan dia", what="", since=later(days=30),
        until=later(days=30), record=held.record,
    )  # fmt: skip


CHANGES: dict[str, Callable[[Held], object]] = {
    "a record": lambda held: held.city.record("Cici", Action.IN, "07:20"),
    "a record that came at another office": lambda held: held.city.record("Cici", Action.IN, "07:20", gateway=OTHER),
    "a statement": lambda held: held.city.record("Cici", Action.SICK, "06:00"),
    "a correction": punch,
    "an absence": absence,
    "a record that does not count": void,
    "an incident": lambda held: held.city.incident("modem", "07:00", "07:50"),
    "somebody new": lambda held: store(
        held.database, [Row(9, "9" * 18, "Dodi", "+6281299999999", GATEWAY)], now=at("06:00")
    ),
    "somebody who went": lambda held: held.move("Ani", OTHER, "12:00"),
    "an incident where somebody was before": lambda held: (
        held.move("Budi", OTHER, "12:00"), held.tallies.tallies(DAY, NOW),
        held.city.incident("modem", "07:00", "08:00"),
    ),
    "the watermark where somebody was before": lambda held: (
        held.move("Cici", OTHER, "12:00"), held.city.complete(at("06:00")), held.tallies.tallies(DAY, NOW),
        held.city.complete(later(hours=-1)),
    ),
    "a shift": lambda held: held.shift("malam"),
    "another shift": lambda held: (held.shift("malam"), held.tallies.tallies(DAY, NOW), held.shift("pagi")),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_kept_is_what_would_be_made_now(held: Held, what: str) -> None:
    before = held.tallies.tallies(DAY, NOW)
    held.tallies.store(DAY, NOW)
    held.process().store(DAY, NOW)
    CHANGES[what](held)
    fresh = held.anew()
    assert fresh != before, "the change changes nothing: the test proves nothing"
    assert held.tallies.tallies(DAY, NOW) == fresh
    assert held.process().tallies(DAY, NOW) == fresh


def test_a_new_process_judges_nobody_again(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    assert held.process().store(DAY, NOW)
    fresh = held.anew()
    made: list[str] = []
    real = held.attendance.offices

    def watched(gateways: list[str], *rest: object) -> object:
        made.extend(gateways)
        return real(gateways, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(held.attendance, "offices", watched)
    assert held.process().tallies(DAY, NOW) == fresh
    assert not held.process().store(DAY, NOW)
    assert made == []
    held.city.record("Eko", Action.OUT, "16:30", gateway=OTHER)
    held.process().tallies(DAY, NOW)
    assert made == [OTHER]


def test_in_doubt_all_is_made_anew(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was set back, the code that judges or the rules are others, what was stored can not be read."""
    held.process().store(DAY, NOW)
    stamps = city_stamps.of(held.attendance, DAY, {})
    with monkeypatch.context() as patched:
        patched.setattr(city_stamps, "_CODE", "another")
        assert set(city_stamps.of(held.attendance, DAY, {}).values()).isdisjoint(stamps.values())
    other = Attendance(held.database, Planner(load("kuningan"), WIB, calendar.holiday))
    assert set(city_stamps.of(other, DAY, {}).values()).isdisjoint(stamps.values())
    held.database.run("DELETE FROM record WHERE id = (SELECT MAX(id) FROM record)")
    assert held.process().tallies(DAY, NOW) == held.anew()
    held.database.run("UPDATE city_day SET body = ?", b"of another version")
    assert held.process().tallies(DAY, NOW) == held.anew()


def test_days_are_counted_before_somebody_looks(held: Held) -> None:
    held.city.record("Ani", Action.IN, "07:12", DAY - timedelta(days=3))
    counting = Counting(held.tallies, held.attendance, lambda: NOW, rest=0)
    steps = 0
    while counting.step():
        steps += 1
    days = {day for (day,) in held.database.rows("SELECT day FROM city_day")}
    assert days == {(DAY + timedelta(days=number)).isoformat() for number in range(-3, 2)}
    assert steps >= 3
    assert not counting.step()
