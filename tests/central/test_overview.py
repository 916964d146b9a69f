"""What of the fleet is shown: by filter, in which order, on which page; what a status leaves for the charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from central import fleet, gateway_history, labels, overview, queries
from central.database import Database, micros
from central.fleet import Fleet
from central.gateway_history import COARSE, COUNTERS, FINE, KEPT
from central.labels import LabelRefusal
from central.overview import PAGE, SORTS, View, choose, view
from central.states import State
from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import ModemReport, SimReport, encode

from .factories import GATEWAY, KEYS, NOW, KnownKeys, reason, status

WIB = ZoneInfo("Asia/Jakarta")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def hear(database: Database, id_: str, *, age: float = 1, online: bool = True, **said: Any) -> None:
    fleet.add(database, id_, NOW)
    body = encode(status(id_, **said))
    seen = micros(NOW - timedelta(seconds=age))
    database.run("UPDATE gateway SET online = ?, seen = ?, status = ? WHERE id = ?", int(online), seen, body, id_)


def ids(database: Database, **wanted: Any) -> list[str]:
    return [each.id for each in choose(queries.fleet(database, NOW), View(**wanted)).gateways]


@pytest.fixture
def town(database: Database) -> Database:
    """One of each state."""
    hear(database, "a-up", version="0.10.0", modem=ModemReport(state="home", signal=80), heat=70.5)
    hear(database, "b-down", online=False, version="0.9.1", modem=ModemReport(state="home", signal=20))
    hear(database, "c-late", age=500, modem=ModemReport(state="home"), last_seq=500)
    hear(database, "d-sick", reasons=(reason("clock"),), sim=SimReport(at=NOW, balance=5000), clock_trusted=False)
    fleet.add(database, "e-new", NOW)
    said = labels.labels("Dinas  Kesehatan", "0812-3456-7890", ["Utara", "timur", "utara"])
    labels.change(database, "a-up", said, "it", NOW)
    labels.change(database, "e-new", labels.labels("", "", ["utara"]), "it", NOW)
    return database


def test_the_worst_come_first_and_what_is_worked_on_alarms_nobody(town: Database) -> None:
    assert ids(town) == ["b-down", "c-late", "d-sick", "e-new", "a-up"]
    found = queries.fleet(town, NOW, {"b-down", "d-sick"})
    assert [each.id for each in found] == ["c-late", "e-new", "b-down", "d-sick", "a-up"]
    assert found[2].condition.state is State.PAUSED
    assert found[2].condition.reason == "Sedang dipelihara. Terputus dari broker"
    assert found[2].condition.remedy


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("KESEHATAN", ["a-up"]), ("0812 3456", ["a-up"]), ("+62812", ["a-up"]), ("utar", ["e-new", "a-up"]),
        ("-down", ["b-down"]), ("12", []), ("tidak ada", []), ("\0", []), ("%", []), ("b-down 0812", []),
    ],
)  # fmt: skip
def test_a_search_finds_by_id_name_number_and_tag(town: Database, search: str, found: list[str]) -> None:
    assert ids(town, search=search) == found


def test_a_filter_by_state_leaves_the_counts_of_the_others(town: Database) -> None:
    shown = choose(queries.fleet(town, NOW), View(state="down"))
    assert ([each.id for each in shown.gateways], shown.found) == (["b-down"], 1)
    assert shown.counts == dict.fromkeys((State.DOWN, State.LATE, State.SICK, State.NEW, State.UP), 1)
    assert choose(queries.fleet(town, NOW), View(tag="utara")).counts[State.DOWN] == 0
    assert ids(town, tag="utara", state="up") == ["a-up"]
    assert overview.tags(queries.fleet(town, NOW)) == ["timur", "utara"]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("signal", ["b-down", "d-sick", "a-up", "c-late", "e-new"]),
        ("-signal", ["a-up", "d-sick", "b-down", "c-late", "e-new"]),
        ("-version", ["a-up", "b-down", "c-late", "d-sick", "e-new"]),
        ("-queue", ["c-late", "b-down", "d-sick", "a-up", "e-new"]),
        ("clock", ["d-sick", "b-down", "c-late", "a-up", "e-new"]),
        ("sim", ["d-sick", "b-down", "c-late", "e-new", "a-up"]),
        ("-gateway", ["e-new", "d-sick", "c-late", "b-down", "a-up"]),
    ],
)
def test_it_is_sorted_by_a_column_and_what_is_unknown_comes_last(town: Database, sort: str, found: list[str]) -> None:
    assert ids(town, sort=sort) == found


@pytest.mark.parametrize("sort", [sign + name for name in SORTS for sign in ("", "-")])
def test_every_column_can_be_sorted_by(town: Database, sort: str) -> None:
    assert sorted(ids(town, sort=sort)) == ["a-up", "b-down", "c-late", "d-sick", "e-new"]


def test_pages_hold_all_of_them_once(database: Database) -> None:
    names = [f"k-{number:03}" for number in range(2 * PAGE + 3)]
    database.insert_all("gateway", ("id", "added"), [(name, 0) for name in names])
    found = queries.fleet(database, NOW)
    pages = [choose(found, View(page=page)) for page in (1, 2, 3)]
    assert [each.id for page in pages for each in page.gateways] == names
    assert {(page.pages, page.found) for page in pages} == {(3, len(names))}
    assert choose(found, View(page=99)).page == 3


def test_what_is_odd_in_an_address_does_not_count() -> None:
    assert view(" x " * 99, "burning", "", "secret", -3) == View(search=(" x " * 99).strip()[:100])


@pytest.mark.parametrize(
    ("name", "number", "tags"),
    [
        ("x" * 65, "", []),
        ("a\x07b", "", []),
        ("", "112", []),
        ("", "", ["dua kata"]),
        ("", "", [f"t{number}" for number in range(11)]),
    ],
)
def test_labels_that_can_not_be(name: str, number: str, tags: list[str]) -> None:
    with pytest.raises(LabelRefusal):
        labels.labels(name, number, tags)


# History


def note(
    database: Database, *, minutes: float = 0, retained: bool = False, now_minutes: float | None = None, **said: Any
) -> None:
    at = NOW + timedelta(minutes=minutes)
    now = at if now_minutes is None else NOW + timedelta(minutes=now_minutes)
    gateway_history.note(database, status(**{"at": at, **said}), now, retained=retained)


def signals(database: Database, step: timedelta, back: timedelta = timedelta(hours=2)) -> list[float]:
    end = NOW + timedelta(hours=1)
    found = gateway_history.read(database, GATEWAY, end - back, end, step)
    return [each for each in found.values["signal"] if each is not None]


def modem(signal: int | None) -> ModemReport:
    return ModemReport(state="home", signal=signal)


def test_the_worst_of_five_minutes_and_of_the_hour_is_kept(database: Database) -> None:
    for minutes, signal in ((0, 60), (1, 40), (2, 50), (4, None), (7, 70), (30, 30)):
        note(database, minutes=minutes, modem=modem(signal), heat=signal, disk_free=signal)
    assert signals(database, FINE) == [40, 70, 30]
    assert signals(database, COARSE) == [30]
    found = gateway_history.read(database, GATEWAY, NOW, NOW, COARSE)
    assert (found.values["heat"], found.values["disk"]) == ([70], [30])


def test_order_and_repetition_make_no_difference(database: Database) -> None:
    """What is late counts for when it was."""
    note(database, minutes=50, modem=modem(50))
    for _ in range(2):
        note(database, minutes=2, now_minutes=50, retained=True, modem=modem(20))
    assert signals(database, FINE) == [20, 50]
    note(database, minutes=3, now_minutes=3, modem=modem(90))
    assert signals(database, FINE) == [20, 50]


@pytest.mark.parametrize(("retained", "found"), [(False, [33]), (True, [])])
@pytest.mark.parametrize(
    "wrong", [{"clock_trusted": False}, {"at": NOW + timedelta(days=1)}, {"at": NOW - timedelta(days=99)}]
)
def test_a_clock_that_is_not_believed(
    database: Database, retained: bool, found: list[float], wrong: dict[str, Any]
) -> None:
    note(database, retained=retained, modem=modem(33), now_minutes=0, **wrong)
    assert signals(database, FINE) == found


def test_it_is_bounded(database: Database) -> None:
    fleet.add(database, GATEWAY, NOW)
    for days in range(40):
        note(database, minutes=-1440 * days)
    gateway_history.forget(database, NOW)
    assert dict(database.rows("SELECT step, COUNT(*) FROM gateway_history GROUP BY step")) == {300: 3, 3600: 36}


def test_counters_become_what_came_in_an_hour(database: Database) -> None:
    for minutes, messages in ((0, 100), (5, 103), (55, 109), (60, 110), (65, 2), (70, 3), (185, 7)):
        note(database, minutes=minutes, messages=messages, replies=messages)
    found = gateway_history.read(database, GATEWAY, NOW, NOW + timedelta(minutes=185), FINE)
    known = [(place * 5, each) for place, each in enumerate(found.values["messages"]) if each is not None]
    assert known == [(60, 10), (65, 9), (70, 10), (185, 4)]
    hours = gateway_history.read(database, GATEWAY, NOW, NOW + timedelta(hours=3), COARSE)
    assert (hours.values["messages"], hours.values["replies"]) == ([None, 1, None, 7], [None, 1, None, 7])
    rows = gateway_history.grouped(hours, ["x"] * 4)
    assert {name: rows["x"][name] for name in COUNTERS} == {"messages": 8, "replies": 8}
    assert rows["x"]["signal"] == 61


def test_a_status_leaves_its_mark_and_what_is_too_old_goes(database: Database) -> None:
    kept = Fleet(database, KnownKeys())  # type: ignore[arg-type]
    for place, days in enumerate((0, 1, 3), 1):
        at = NOW + timedelta(days=days)
        said = msgspec.structs.replace(status(at=at), count=place)
        assert kept.note(GATEWAY, Inbound("", seal(said, KEYS[GATEWAY])), at)
    rows = database.rows("SELECT step, COUNT(*) FROM gateway_history GROUP BY step")
    assert dict(rows) == {300: 2, 3600: 3}
    assert kept.note(GATEWAY, Inbound("", seal(said, KEYS[GATEWAY])), at) is None
    assert KEPT[FINE] == timedelta(days=2)
