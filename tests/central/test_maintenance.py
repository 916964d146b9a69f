"""Windows in which people work on gateways."""

from __future__ import annotations

from datetime import timedelta

import pytest

from central import audit, fleet, maintenance
from central.database import Database
from central.maintenance import BadWindow, Kind, Window

from .factories import GATEWAY, NOW, OTHER

HOUR = timedelta(hours=1)


@pytest.fixture
def town(database: Database) -> Database:
    for gateway, tags in ((GATEWAY, "kesehatan kota"), (OTHER, "pendidikan kota")):
        fleet.add(database, gateway, NOW)
        database.run("UPDATE gateway SET tags = ? WHERE id = ?", tags, gateway)
    return database


def window(town: Database, kind: Kind, target: str = "", begin: int = 0, end: int = 2) -> Window:
    return maintenance.add(town, kind, target, NOW + begin * HOUR, NOW + end * HOUR, "tina", "ganti modem", NOW)


@pytest.mark.parametrize(
    ("kind", "target", "paused"),
    [
        (Kind.GATEWAY, GATEWAY, {GATEWAY}),
        (Kind.TAG, "pendidikan", {OTHER}),
        (Kind.TAG, "kota", {GATEWAY, OTHER}),
        (Kind.ALL, "", {GATEWAY, OTHER}),
    ],
)
def test_whom_a_window_is_about(town: Database, kind: Kind, target: str, paused: set[str]) -> None:
    made = window(town, kind, target, 1, 2)
    assert [maintenance.active(town, NOW + hours * HOUR) for hours in (0, 1, 2)] == [set(), paused, set()]
    assert maintenance.everything(town, NOW + HOUR) == (kind is Kind.ALL)
    assert maintenance.coming(town, NOW) == [made]
    assert not maintenance.coming(town, NOW + 2 * HOUR)
    assert maintenance.former(town, NOW + 2 * HOUR) == [made]
    assert [line.event for line in audit.lines(town)] == ["maintenance"]


def test_one_that_is_ended_is_over_but_kept(town: Database) -> None:
    made = window(town, Kind.GATEWAY, GATEWAY)
    maintenance.end(town, made.id, "tina", NOW + HOUR)
    assert maintenance.active(town, NOW + HOUR) == set()
    assert maintenance.coming(town, NOW + HOUR) == []
    (kept,) = maintenance.former(town, NOW + HOUR)
    assert (kept.end, kept.ended_by, kept.why) == (NOW + HOUR, "tina", "ganti modem")
    assert maintenance.of(town, GATEWAY, NOW, NOW + 2 * HOUR) == [kept]
    assert maintenance.of(town, OTHER, NOW, NOW + 2 * HOUR) == []
    with pytest.raises(BadWindow, match="no window"):
        maintenance.end(town, made.id, "tina", NOW + HOUR)


def test_one_that_never_began_shows_in_no_gateways_past(town: Database) -> None:
    made = window(town, Kind.ALL, begin=1)
    maintenance.end(town, made.id, "tina", NOW)
    assert maintenance.active(town, NOW + HOUR) == set()
    assert maintenance.of(town, GATEWAY, NOW, NOW + 3 * HOUR) == []


@pytest.mark.parametrize(
    ("kind", "target", "begin", "end", "why", "said"),
    [
        (Kind.GATEWAY, "nobody", 0, 1, "x", "no gateway nobody"),
        (Kind.TAG, "nothing", 0, 1, "x", "tag nothing"),
        (Kind.ALL, "", 2, 1, "x", "after the beginning"),
        (Kind.ALL, "", -2, 0, "x", "still to come"),
        (Kind.ALL, "", 0, 24 * 61, "x", "at most 60 days"),
        (Kind.ALL, "", 0, 1, " ", "say why"),
        (Kind.ALL, "", 0, 1, "x" * 201, "200 signs"),
    ],
)
def test_what_can_not_be(town: Database, kind: Kind, target: str, begin: int, end: int, why: str, said: str) -> None:
    with pytest.raises(BadWindow, match=said):
        maintenance.add(town, kind, target, NOW + begin * HOUR, NOW + end * HOUR, "tina", why, NOW)
    assert maintenance.coming(town, NOW - 9 * HOUR) == []
