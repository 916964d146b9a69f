"""How many of each status there are in each office on one day, kept until something could have changed it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .attendance import DAY, Attendance, PersonDay, counts
from .database import Database, micros, moment
from .rules import Status

KEPT = 5000  # tallies; more days than anybody looks at


@dataclass(frozen=True, slots=True)
class Tally:
    """`people` are all who are there; whoever has no status is not asked for anything on that day."""

    gateway: str
    people: int
    counts: Counter[Status]
    complete_until: datetime | None

    def of(self, *statuses: Status) -> int:
        return sum(self.counts[status] for status in statuses)


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: tuple[Any, ...]
    turns: Sequence[datetime]  # times whose passing, by the clock or by the watermark, changes a result
    passed: tuple[int, int]
    tally: Tally


class City:
    """Safe to use by several threads: at worst a tally is made twice."""

    def __init__(self, database: Database, attendance: Attendance) -> None:
        self._database = database
        self._attendance = attendance
        self._kept: dict[tuple[str, date], _Kept] = {}

    def tallies(self, day: date, now: datetime) -> list[Tally]:
        stamps = self._stamps(day)
        complete = self._complete()
        stale = [gateway for gateway, stamp in stamps.items() if not self._holds(gateway, day, stamp, complete, now)]
        if stale:
            self._renew(stale, day, now, stamps, complete)
        return [self._kept[gateway, day].tally for gateway in stamps]

    def _holds(
        self, gateway: str, day: date, stamp: tuple[Any, ...], complete: Mapping[str, datetime], now: datetime
    ) -> bool:
        kept = self._kept.get((gateway, day))
        return (
            kept is not None
            and kept.stamp == stamp
            and kept.passed == _passed(kept.turns, complete.get(gateway), now)
        )

    def _renew(
        self,
        gateways: Sequence[str],
        day: date,
        now: datetime,
        stamps: Mapping[str, tuple[Any, ...]],
        complete: Mapping[str, datetime],
    ) -> None:
        if len(self._kept) > KEPT:
            self._kept.clear()
        for gateway, days in self._attendance.offices(gateways, day, now).items():
            known = complete.get(gateway)
            turns = sorted(set(self._turns(days, day)))
            tally = Tally(gateway, len(days), counts(days), known)
            self._kept[gateway, day] = _Kept(stamps[gateway], turns, _passed(turns, known, now), tally)

    def _turns(self, days: Iterable[PersonDay], day: date) -> Iterable[datetime]:
        for each in days:
            if each.result and not each.result.final:
                yield from each.result.turns
        yield self._attendance.midnight(day + DAY)

    def _stamps(self, day: date) -> dict[str, tuple[Any, ...]]:
        """What changes when a record, an incident, a correction or the roster does, or when old records go."""
        run = self._database.rows
        common = (
            *run("SELECT COUNT(*), MAX(decided), SUM(accepted) FROM correction WHERE decided IS NOT NULL")[0],
            *run("SELECT COUNT(*), MAX(since), MAX(until) FROM placement")[0],
            *run("SELECT COUNT(*) FROM shift")[0],
            *run("SELECT MAX(before) FROM retention")[0],
        )
        held = dict(run("SELECT gateway, SUM(seq) FROM chain GROUP BY gateway"))
        start = micros(self._attendance.midnight(day) - DAY)
        incidents = {
            gateway: (count, until, open_)
            for gateway, count, until, open_ in run(
                "SELECT gateway, COUNT(*), MAX(until), SUM(CASE WHEN until IS NULL THEN 1 ELSE 0 END) FROM incident"
                " WHERE until IS NULL OR until > ? GROUP BY gateway",
                start,
            )
        }
        gateways = [id_ for (id_,) in run("SELECT id FROM gateway ORDER BY id")]
        return {gateway: (common, held.get(gateway), incidents.get(gateway)) for gateway in gateways}

    def _complete(self) -> dict[str, datetime]:
        rows = self._database.rows(
            "SELECT gateway, MAX(until) FROM watermark WHERE until IS NOT NULL GROUP BY gateway"
        )
        return {gateway: moment(until) for gateway, until in rows}


def _passed(turns: Sequence[datetime], known: datetime | None, now: datetime) -> tuple[int, int]:
    return bisect_right(turns, now), bisect_right(turns, known) if known else 0
