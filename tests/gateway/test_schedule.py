from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.schedule import hours_on, minutes_early, minutes_late
from mqtt_bridge.records import Hours, Policy

ZONE = ZoneInfo("Asia/Jakarta")
ORDINARY = Hours(since=date(2026, 1, 1), weekdays=(1, 2, 3, 4), start=time(7, 30), end=time(16))
FRIDAY = Hours(since=date(2026, 1, 1), weekdays=(5,), start=time(7, 30), end=time(16, 30))
RAMADAN = Hours(since=date(2026, 2, 18), until=date(2026, 3, 19), start=time(8), end=time(15))
NIGHT = Hours(since=date(2026, 1, 1), weekdays=(1, 2, 3, 4, 5, 6, 7), start=time(20), end=time(6), shift="malam")
POLICY = Policy(hours=(ORDINARY, FRIDAY, RAMADAN, NIGHT), holidays=(date(2026, 8, 17),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("moment", "late"),
    [
        ("2026-11-24 07:00:00", 0),
        ("2026-11-24 07:30:59", 0),
        ("2026-11-24 07:31:00", 1),
        ("2026-11-24 07:42:10", 12),
        ("2026-11-24 16:00:00", 510),
        ("2026-11-27 07:31:00", 1),  # a Friday
        ("2026-11-28 09:00:00", 0),  # a Saturday
        ("2026-08-17 09:00:00", 0),  # a holiday, on a Monday
        ("2026-03-02 07:45:00", 0),  # Ramadan
        ("2026-03-02 08:05:00", 5),
        ("2026-03-20 08:05:00", 35),  # the day after
    ],
)
def test_lateness(moment: str, late: int) -> None:
    assert minutes_late(at(moment), "", POLICY) == late
    utc = at(moment).astimezone(ZoneInfo("UTC"))
    assert minutes_late(utc, "", POLICY) == late, "the zone in which a time is told changes nothing"


@pytest.mark.parametrize(
    ("moment", "early"),
    [("2026-11-24 16:00:00", 0), ("2026-11-24 15:59:01", 1), ("2026-11-24 15:30:00", 30), ("2026-11-27 16:00:00", 30),
     ("2026-11-28 09:00:00", 0), ("2026-11-24 18:00:00", 0), ("2026-03-02 14:59:00", 1)],
)  # fmt: skip
def test_earliness(moment: str, early: int) -> None:
    assert minutes_early(at(moment), "", POLICY) == early


def test_each_has_the_hours_of_their_shift() -> None:
    assert hours_on(date(2026, 11, 24), "malam", POLICY) is NIGHT
    assert minutes_late(at("2026-11-24 20:04:00"), "malam", POLICY) == 4
    assert minutes_early(at("2026-11-25 05:00:00"), "malam", POLICY) == 0
    assert hours_on(date(2026, 11, 24), "siang", POLICY) is None


def test_the_office_is_judged_by_its_own_zone() -> None:
    jayapura = Policy(timezone="Asia/Jayapura", hours=(ORDINARY,))
    moment = datetime(2026, 11, 24, 7, 40, tzinfo=ZoneInfo("Asia/Jayapura"))
    assert minutes_late(moment, "", jayapura) == 10
    assert minutes_late(moment + timedelta(days=365), "", jayapura) == 10
