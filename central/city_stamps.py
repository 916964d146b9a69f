"""What the tallies of a day rest on beside records, as a value for each office: while it is the same, so are they.

Corrections, where people were, their shifts, incidents, what was removed when its time had come, the rules, and the
code that judges. Records are too many to be looked at: `city` notices those that are new.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from . import attendance, retention, rules
from .attendance import Attendance
from .database import Database, micros
from .policy import OFFICE
from .queries import marks, parts

_CODE = hashlib.sha256(b"".join(Path(str(each.__file__)).read_bytes() for each in (attendance, rules))).hexdigest()
_SECONDS = 1_000_000  # sums of microseconds would not fit


def of(attendance: Attendance, day: date, complete: Mapping[str, datetime]) -> dict[str, str]:
    """Of every gateway. `complete`: their watermarks; that of its own is left to the gateway's turns."""
    database = attendance.database
    since, until = window(attendance, day)
    common = _digest((_rules(attendance, day), _removed(database, since)))
    own: dict[str, list[Any]] = defaultdict(list)
    known = {gateway: min(micros(mark), until) for gateway, mark in complete.items()}
    for part in (_corrections, _placements, _incidents):
        for gateway, *values in part(database, since, until):
            own[gateway].append((part.__name__, *map(int, values)))
    others = _others(database, since, until)
    names = [id_ for (id_,) in database.rows("SELECT id FROM gateway ORDER BY id")]
    found = {}
    for name in names:
        beside = [(own[other], known.get(other)) for other in others.get(name, ())]
        found[name] = _digest((common, own[name], beside))
    return found


def window(attendance: Attendance, day: date) -> tuple[int, int]:
    """When a record can concern that day of somebody."""
    return attendance.span((pattern for *_, pattern in _shifts(attendance.database, day)), day, day)


def _shifts(database: Database, day: date) -> list[tuple[str, str, str, str]]:
    return database.rows(
        "SELECT employee, first, last, pattern FROM shift WHERE first <= ? AND last >= ?"
        " ORDER BY employee, first, last, pattern",
        day.isoformat(), day.isoformat(),
    )  # fmt: skip


def _rules(attendance: Attendance, day: date) -> tuple[Any, ...]:
    """What the day asks by every pattern that somebody has, and who has which."""
    shifts = _shifts(attendance.database, day)
    patterns = sorted({OFFICE, *(pattern for *_, pattern in shifts)})
    return _CODE, attendance.zone.key, shifts, [repr(attendance.planner.plan(day, pattern)) for pattern in patterns]


def _removed(database: Database, since: int) -> int:
    """Up to when records may have been removed, if that can concern the day."""
    removed = retention.boundary(database, "record")
    return removed if removed > since else 0


def _corrections(database: Database, since: int, until: int) -> list[tuple[Any, ...]]:
    """By the time that they are of, or by that of the record that they are about."""
    rows = database.rows(
        "SELECT correction.id, correction.employee, decided, COALESCE(accepted, 2) FROM correction"
        " LEFT JOIN record ON record.id = correction.record"
        " WHERE decided IS NOT NULL AND (correction.since < ? AND correction.until >= ? OR at >= ? AND at < ?)"
        " ORDER BY correction.id",
        until, since, since, until,
    )  # fmt: skip
    where: dict[str, set[str]] = defaultdict(set)
    for some in parts(sorted({employee for _, employee, *_ in rows})):
        places = database.rows(f"SELECT employee, gateway FROM placement WHERE employee IN ({marks(some)})", *some)
        for employee, gateway in places:
            where[employee].add(gateway)
    return [
        (gateway, id_, decided, accepted)
        for id_, employee, decided, accepted in rows
        for gateway in sorted(where[employee])
    ]


def _placements(database: Database, _since: int, until: int) -> list[tuple[Any, ...]]:
    """What comes after does not count."""
    return database.rows(
        f"SELECT gateway, COUNT(*), SUM(since / {_SECONDS}),"
        f" SUM(CASE WHEN until < ? THEN until / {_SECONDS} ELSE 0 END) FROM placement WHERE since < ?"
        " GROUP BY gateway",
        until, until,
    )  # fmt: skip


def _incidents(database: Database, since: int, until: int) -> list[tuple[Any, ...]]:
    return database.rows(
        f"SELECT gateway, COUNT(*), SUM(since / {_SECONDS}), COALESCE(SUM(until / {_SECONDS}), 0), SUM(id)"
        " FROM incident WHERE since < ? AND (until IS NULL OR until > ?) GROUP BY gateway",
        until, since,
    )  # fmt: skip


def _others(database: Database, since: int, until: int) -> dict[str, list[str]]:
    """Of the offices to which somebody came in that time: those from which they came."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = database.rows(
        "SELECT DISTINCT came.gateway, left_.gateway FROM placement AS left_"
        " JOIN placement AS came ON came.employee = left_.employee AND came.gateway <> left_.gateway"
        " WHERE left_.until >= ? AND left_.until < ? ORDER BY 1, 2",
        since, until,
    )  # fmt: skip
    for gateway, other in rows:
        found[gateway].append(other)
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]
