"""Judged days as programs read them: the same that the pages show, with what people decided of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from central import access
from central.access import Scope
from central.corrections import Kind, Wish, ask, decide
from central.database import micros
from mqtt_bridge.records import Action

from .offices import DAY, NOW, at, later
from .test_web_attendance import GATEWAY, Site

BUDI, CICI, DODI = 1, 2, 3  # places by name; Ani is the first


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.city.record("Budi", Action.IN, "07:45")
    made.city.record("Budi", Action.OUT, "16:03")
    made.city.record("Cici", Action.SICK, "06:40")
    yield made
    made.database.close()


def get(site: Site, path: str, *scopes: Scope) -> Any:
    name = f"test-{site.database.value('SELECT COUNT(*) FROM token')}"
    token = access.add_token(site.database, name, "it", NOW, scopes or [Scope.DAYS])
    return site.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})


def office(site: Site, day: date = DAY) -> list[dict[str, Any]]:
    return list(get(site, f"/gateways/{GATEWAY}/days?date={day}", Scope.DAYS, Scope.EMPLOYEES).get_json()["items"])


def test_an_office_on_a_day(site: Site) -> None:
    days = office(site)
    assert [day["name"] for day in days] == ["Ani <b>Contoh</b>", "Budi", "Cici", "Dodi"]
    assert {day["date"] for day in days} == {"2026-11-24"}
    assert not days[BUDI]["final"]
    assert days[DODI]["status"] == "belum-lengkap"
    site.city.complete(later(hours=-1))
    days = office(site)
    assert days[BUDI] == {
        "date": "2026-11-24", "employee": site.people["Budi"], "name": "Budi", "status": "terlambat",
        "grades": ["TL1"], "arrived": "2026-11-24T00:45:00Z", "left": "2026-11-24T09:03:00Z", "late": 15, "early": 0,
        "percent": "0.5", "final": True, "pending": False, "suspended": False,
    }  # fmt: skip
    assert (days[CICI]["status"], days[CICI]["pending"]) == ("sakit", True)
    assert (days[DODI]["status"], days[DODI]["arrived"], days[DODI]["final"]) == ("alpa", None, True)


def test_a_correction_counts_at_once(site: Site) -> None:
    site.city.complete(later(hours=-1))
    before = get(site, f"/gateways/{GATEWAY}/days?date={DAY}")
    wish = Wish(site.people["Dodi"], Kind.ABSENCE, "cuti tahunan", at("00:00"), at("23:59"), "cuti")
    number = ask(site.database, wish, "tina", NOW)
    assert office(site)[DODI]["status"] == "alpa"
    decide(site.database, number, "peni", NOW, accepted=True)
    after = get(site, f"/gateways/{GATEWAY}/days?date={DAY}")
    assert after.get_json()["items"][DODI]["status"] == "cuti"
    assert before.headers["ETag"] != after.headers["ETag"]


def test_an_incident_stands_in_for_lateness(site: Site) -> None:
    site.city.incident("offline", "07:00", "08:00")
    site.city.complete(later(hours=-1))
    budi = office(site)[BUDI]
    assert (budi["suspended"], budi["grades"], budi["percent"]) == (True, [], "0")


def test_some_days_of_an_employee(site: Site) -> None:
    site.city.complete(later(hours=-1))
    budi = site.people["Budi"]
    days = get(site, f"/employees/{budi}/days?first={DAY - timedelta(days=2)}&days=3").get_json()["items"]
    assert [(day["date"], day["status"]) for day in days] == [
        ("2026-11-22", "libur"), ("2026-11-23", "alpa"), ("2026-11-24", "terlambat"),
    ]  # fmt: skip
    (today,) = get(site, f"/employees/{budi}/days").get_json()["items"]
    assert today["date"] == f"{NOW:%Y-%m-%d}"
    (asked_of_nobody,) = get(site, f"/employees/{budi}/days?first=2025-12-31").get_json()["items"]
    assert (asked_of_nobody["status"], asked_of_nobody["final"]) == (None, False)


def test_whoever_moved_is_with_the_office_where_they_are(site: Site) -> None:
    site.city.office("setda-01", ["Eka"])
    (eka,) = get(site, "/gateways/setda-01/days").get_json()["items"]
    assert eka["employee"] == site.city.id("Eka")


def test_who_it_is_is_told_to_whoever_may_read_employees(site: Site) -> None:
    alone = get(site, f"/gateways/{GATEWAY}/days?date={DAY}").get_json()["items"]
    assert {day["name"] for day in alone} == {None}
    assert [day["employee"] for day in alone] == [day["employee"] for day in office(site)]


def test_whoever_left_has_no_more_days(site: Site) -> None:
    site.city.complete(later(hours=-1))
    left = micros(at("18:00", DAY - timedelta(days=1)))
    site.database.run("UPDATE placement SET until = ? WHERE employee = ?", left, site.people["Budi"])
    path = f"/employees/{site.people['Budi']}/days?first={DAY - timedelta(days=1)}&days=3"
    assert [day["status"] for day in get(site, path).get_json()["items"]] == ["alpa", None, None]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/gateways/{GATEWAY}/days?date=2026-02-30", 400),
        (f"/gateways/{GATEWAY}/days?date=kemarin", 400),
        ("/gateways/nowhere/days", 404),
        ("/employees/nobody/days", 404),
        ("/employees/nobody/days?days=32", 400),
    ],
)
def test_what_can_not_be_answered(site: Site, path: str, status: int) -> None:
    answer = get(site, path)
    assert (answer.status_code, answer.get_json()["status"]) == (status, status)


def test_other_centuries_are_empty(site: Site) -> None:
    budi = site.people["Budi"]
    far = "9999-12-20&days=31"
    for path in (f"/gateways/{GATEWAY}/days?date=0001-01-01", f"/employees/{budi}/days?first={far}"):
        assert get(site, path).get_json() == {"items": []}
    for first, dates in (("1999-12-31", ("2000-01-01", "2000-01-02")), ("2099-12-31", ("2099-12-31",))):
        days = get(site, f"/employees/{budi}/days?first={first}&days=3").get_json()["items"]
        assert tuple(day["date"] for day in days) == dates


def test_it_takes_its_own_scope(site: Site) -> None:
    answer = get(site, f"/gateways/{GATEWAY}/days", Scope.RECORDS)
    assert answer.status_code == 403
    assert "days:read" in answer.headers["WWW-Authenticate"]
