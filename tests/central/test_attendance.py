"""Days from what is held: who counts where, what is proven of their gateway, and that no tally is an old one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from central import calendar
from central.attendance import Attendance
from central.city import City as Tallies
from central.database import Database
from central.policy import Planner
from central.roster import Row, store
from central.rulebooks import load
from central.rules import Outage, Proof, judge
from mqtt_bridge.records import Action

from .offices import DAY, NOW, WIB, City, at, later
from .test_rules import PROFILE, PUNCHES, TIMES, Punch
from .test_rules import Planner as AnyPlanner

GATEWAY = "dinkes-01"
NAMES = ("Ani", "Budi", "Cici")


class Attended:
    def __init__(self, database: Database) -> None:
        self.city = City(database)
        self.city.office(GATEWAY, NAMES)
        self.attendance = Attendance(database, Planner(load(), WIB, calendar.holiday))
        self.tallies = Tallies(database, self.attendance)

    def statuses(self, day: date = DAY, now: datetime = NOW, gateway: str = GATEWAY) -> dict[str, str | None]:
        days = self.attendance.offices([gateway], day, now)[gateway]
        return {each.person.name: each.result.status.value if each.result else None for each in days}

    def counts(self, day: date = DAY, now: datetime = NOW) -> dict[str, dict[str, int]]:
        return {each.gateway: dict(each.counts) for each in self.tallies.tallies(day, now)}


@pytest.fixture
def attended(database: Database) -> Attended:
    return Attended(database)


def test_an_office_on_a_day(attended: Attended) -> None:
    city = attended.city
    city.record("Ani", Action.IN, "07:12")
    city.record("Ani", Action.OUT, "16:03")
    city.record("Budi", Action.IN, "07:45")
    city.record("Budi", Action.OUT, "16:03")
    assert attended.statuses() == {"Ani": "hadir", "Budi": "belum-lengkap", "Cici": "belum-lengkap"}
    city.complete(later(hours=-1))
    assert attended.statuses() == {"Ani": "hadir", "Budi": "terlambat", "Cici": "alpa"}
    city.record("Cici", Action.SICK, "06:40")
    assert attended.statuses()["Cici"] == "sakit"


def test_records_of_other_days_do_not_count(attended: Attended) -> None:
    for day in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        attended.city.record("Ani", Action.IN, "07:12", day)
    attended.city.complete(later(hours=-1))
    assert attended.statuses()["Ani"] == "alpa"


def test_incidents_of_the_gateway_suspend(attended: Attended) -> None:
    city = attended.city
    city.complete(later(hours=-1))
    city.record("Ani", Action.IN, "07:50")
    city.record("Ani", Action.OUT, "16:00")
    city.incident("modem", "07:00", "07:45", gateway="disdik-01")
    assert attended.statuses()["Ani"] == "terlambat"
    city.incident("modem", "07:00", "07:45")
    assert attended.statuses()["Ani"] == "hadir"


def test_whoever_is_new_is_not_late_before_they_were_known(attended: Attended) -> None:
    attended.city.complete(later(hours=-1))
    row = Row(9, "9" * 18, "Dodi", "+6281299999999", GATEWAY)
    store(attended.city.database, [row], now=at("10:00"))
    attended.city.record("Dodi", Action.IN, "10:05")
    attended.city.record("Dodi", Action.OUT, "16:05")
    assert attended.statuses(DAY - timedelta(days=1)).get("Dodi") is None
    assert "Dodi" not in attended.statuses(DAY - timedelta(days=1))
    assert attended.statuses()["Dodi"] == "hadir"
    dodi = attended.attendance.person(attended.city.id("Dodi"))
    assert dodi
    month = attended.attendance.days(dodi, date(2026, 11, 20), DAY, NOW)
    assert [each.result is None for each in month] == [True] * 4 + [False]


def test_people_count_where_they_were_on_the_day(attended: Attended) -> None:
    city = attended.city
    city.office("disdik-01", [])
    phone, nip = city.database.rows("SELECT phone, nip FROM employee WHERE name = 'Ani'")[0]
    store(city.database, [Row(2, nip, "Ani", phone, "disdik-01")], now=at("12:00"))
    city.record("Ani", Action.IN, "07:12")
    city.record("Ani", Action.OUT, "16:03", gateway="disdik-01")
    before = DAY - timedelta(days=1)
    assert "Ani" in attended.statuses(before)
    assert "Ani" not in attended.statuses(DAY)
    assert attended.statuses(DAY, gateway="disdik-01") == {"Ani": "hadir"}
    # On the day of the move both gateways must have shown everything before anything bad is said.
    city.complete(later(hours=-1))
    assert attended.statuses(before)["Ani"] == "alpa"
    found = attended.attendance.office(GATEWAY, before, DAY, NOW)
    assert [len(days) for person, days in found if person.name == "Ani"] == [1]
    (ani,) = [each.person for each in attended.attendance.offices(["disdik-01"], DAY, NOW)["disdik-01"]]
    later_that_day = attended.attendance.days(ani, DAY, DAY, NOW)[0].result
    assert later_that_day
    assert not later_that_day.final


def test_whoever_left_is_gone_after_it(attended: Attended) -> None:
    city = attended.city
    rows = city.database.rows("SELECT nip, name, phone FROM employee WHERE name <> 'Cici'")
    store(city.database, [Row(n, *row, GATEWAY) for n, row in enumerate(rows)], replace=True, now=at("12:00"))
    assert "Cici" in attended.statuses(DAY - timedelta(days=1))
    assert set(attended.statuses()) == {"Ani", "Budi"}


def test_a_person_works_by_their_shift(attended: Attended) -> None:
    city = attended.city
    row = (city.id("Ani"), "malam", DAY.isoformat(), DAY.isoformat())
    city.database.insert_all("shift", ("employee", "pattern", "first", "last"), [row])
    city.record("Ani", Action.IN, "19:40")
    city.record("Ani", Action.OUT, "06:05", DAY + timedelta(days=1))
    city.complete(later(hours=2))
    assert attended.statuses(now=later(days=2))["Ani"] == "hadir"
    ani = attended.attendance.person(city.id("Ani"))
    assert ani
    days = attended.attendance.days(ani, DAY, DAY + timedelta(days=1), later(days=2))
    assert [each.result.status.value for each in days if each.result] == ["hadir", "belum-lengkap"]


# The city's tallies


def test_a_tally_follows_whatever_changes_it(attended: Attended) -> None:
    city = attended.city
    now = at("07:00")
    assert attended.counts(now=now) == {GATEWAY: {"belum": 3}}
    city.record("Ani", Action.IN, "07:12")
    city.record("Budi", Action.IN, "07:40")
    now = at("08:00")
    assert attended.counts(now=now) == {GATEWAY: {"hadir": 1, "belum-lengkap": 1, "belum": 1}}
    city.complete(at("07:59"))
    assert attended.counts(now=now) == {GATEWAY: {"hadir": 1, "terlambat": 1, "belum": 1}}
    city.incident("modem", "07:20", None)
    assert attended.counts(now=at("08:01")) == {GATEWAY: {"hadir": 2, "belum": 1}}
    city.database.run("UPDATE incident SET until = since + 60000000")
    assert attended.counts(now=at("08:02")) == {GATEWAY: {"hadir": 1, "terlambat": 1, "belum": 1}}
    assert attended.counts(now=at("21:30")) == {GATEWAY: {"belum-lengkap": 3}}
    city.complete(at("21:10"))
    assert attended.counts(now=at("21:30")) == {GATEWAY: {"pulang-sebelum-waktu": 1, "terlambat": 1, "alpa": 1}}
    store(city.database, [Row(9, "9" * 18, "Dodi", "+6281299999999", GATEWAY)], now=at("21:40"))
    assert sum(attended.counts(now=at("21:50"))[GATEWAY].values()) == 4


def test_a_short_incident_begins_to_count_when_it_lasts(attended: Attended) -> None:
    city = attended.city
    city.complete(at("07:45"))
    city.record("Ani", Action.IN, "07:31")
    city.incident("modem", "07:29", None)
    assert attended.counts(now=at("07:32"))[GATEWAY]["terlambat"] == 1
    assert attended.counts(now=at("07:34"))[GATEWAY]["hadir"] == 1


def test_nothing_is_made_anew_that_can_not_have_changed(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> None:
    city = attended.city
    city.office("disdik-01", ["Eko"])
    city.complete(at("09:00"))
    attended.counts(now=at("09:01"))
    made: list[str] = []
    real = attended.attendance.offices

    def watched(gateways: list[str], *rest: object) -> object:
        made.extend(gateways)
        return real(gateways, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(attended.attendance, "offices", watched)
    city.complete(at("09:30"))
    attended.counts(now=at("09:31"))
    assert made == []
    city.record("Eko", Action.IN, "09:31", gateway="disdik-01")
    attended.counts(now=at("09:32"))
    assert made == ["disdik-01"]


@given(PROFILE, PUNCHES, TIMES, TIMES, TIMES, some.booleans(), some.integers(0, 900))
def test_a_result_changes_only_at_its_turns(
    rules: AnyPlanner,
    punches: list[Punch],
    since: datetime,
    now: datetime,
    known: datetime,
    broken: bool,
    minutes: int,
) -> None:
    plan = rules.plan(DAY)
    assert plan
    outages = [Outage(since, None, "modem")] if broken else []
    before = judge(plan, punches, Proof(now, known, outages))
    then, then_known = now + timedelta(minutes=minutes), known + timedelta(minutes=minutes)
    after = judge(plan, punches, Proof(then, then_known, outages))
    crossed = any(now < turn <= then or known < turn <= then_known for turn in before.turns)
    if not crossed and then_known <= then and known <= now:
        assert (before.status, before.grades) == (after.status, after.grades)
    if before.final and not broken:
        assert replace(before, why=()) == replace(after, why=())
