"""How many of each status there are in each office on one day, kept until something could have changed it.

A tally holds while its stamp is the same, no record came that touches it, and no time passed at which a result turns.
Kept ones are stored as well, so that a process that has just begun need not judge everybody: see `store`.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from msgspec import Struct

from . import city_stamps, history
from .attendance import DAY, Attendance, PersonDay, counts
from .database import Database, micros, moment
from .history import GENESIS, Cursor
from .queries import marks, parts
from .rules import Status

KEPT = 14  # days in memory
FEW = 20_000  # records
AT_ONCE = 50  # offices that are judged without a pause


@dataclass(frozen=True, slots=True)
class Tally:
    """`people` are all who are there; whoever has no status is not asked for anything on that day."""

    gateway: str
    people: int
    counts: Counter[Status]
    complete_until: datetime | None


class _Kept(Struct, frozen=True, array_like=True):
    """`turns`: times whose passing, by the clock or by the watermark, changes a result; `passed` how many had."""

    stamp: str
    turns: list[int]
    passed: tuple[int, int]
    people: int
    counts: dict[Status, int]


class _Kepts(Struct, frozen=True, array_like=True):
    """Of one day, true up to the record `id` with that `digest` (see `history`)."""

    id: int = 0
    digest: str = GENESIS
    offices: dict[str, _Kept] = {}


class City:
    """Safe to use by several threads: at worst a tally is made twice."""

    def __init__(self, database: Database, attendance: Attendance) -> None:
        self._database = database
        self._attendance = attendance
        self._days: dict[date, _Kepts] = {}

    def tallies(self, day: date, now: datetime) -> list[Tally]:
        kept, complete, _ = self._renewed(day, now)
        if day not in self._days and len(self._days) >= KEPT:
            self._days.clear()
        self._days[day] = kept
        return [_tally(gateway, office, complete.get(gateway)) for gateway, office in kept.offices.items()]

    def store(self, day: date, now: datetime, pause: Callable[[], object] = lambda: None) -> bool:
        """Let others, and this process after its next start, find what holds now; tells whether that was to be made.

        `pause` is called now and then while there is much to judge.
        """
        kept, _, judged = self._renewed(day, now, pause)
        if day in self._days:
            self._days[day] = kept
        if judged:
            body = zlib.compress(msgspec.json.encode(kept), 1)
            with self._database.transaction():
                self._database.run(
                    "INSERT INTO city_day (day, body) VALUES (?, ?)"
                    " ON CONFLICT (day) DO UPDATE SET body = excluded.body",
                    day.isoformat(), body,
                )  # fmt: skip
        return judged > 0

    def forget(self, before: date) -> None:
        """Days so old that hardly anybody looks at them."""
        with self._database.transaction():
            self._database.run("DELETE FROM city_day WHERE day < ?", before.isoformat())

    def _renewed(
        self, day: date, now: datetime, pause: Callable[[], object] = lambda: None
    ) -> tuple[_Kepts, dict[str, datetime], int]:
        """What holds now, the watermarks, and of how many offices it had to be made."""
        newest = self._newest()  # all is read behind this: what comes meanwhile is seen the next time
        complete = self._complete()
        stamps = city_stamps.of(self._attendance, day, complete)
        kept = self._untouched(day, self._days.get(day) or self._stored(day), newest)
        holding = {
            gateway: office
            for gateway, office in kept.items()
            if office.stamp == stamps.get(gateway) and office.passed == _passed(office, complete.get(gateway), now)
        }
        stale = [gateway for gateway in stamps if gateway not in holding]
        for some in _parts(stale):
            holding |= self._judged(some, day, now, stamps, complete)
            pause()
        offices = {gateway: holding[gateway] for gateway in stamps}
        return _Kepts(newest.id, newest.digest, offices), complete, len(stale)

    def _stored(self, day: date) -> _Kepts:
        body = self._database.value("SELECT body FROM city_day WHERE day = ?", day.isoformat())
        try:
            return msgspec.json.decode(zlib.decompress(bytes(body)), type=_Kepts) if body is not None else _Kepts()
        except (msgspec.MsgspecError, zlib.error):
            return _Kepts()  # of another version: as good as nothing

    def _untouched(self, day: date, kept: _Kepts, newest: Cursor) -> dict[str, _Kept]:
        """Those of whose people no record came since. A record counts wherever it came from, and whenever."""
        if not history.holds(self._database, Cursor(kept.id, kept.digest)):
            return {}  # the database was set back, or that record was removed
        if kept.id >= newest.id or not kept.offices:
            return kept.offices
        since, until = city_stamps.window(self._attendance, day)
        # Few new ones are found by their ids; a sum keeps the database from going through the whole day by its index.
        at = "at + 0" if newest.id - kept.id < FEW else "at"
        rows = self._database.rows(
            f"SELECT employee FROM record WHERE id > ? AND {at} >= ? AND {at} < ?", kept.id, since, until
        )
        touched = self._gateways(sorted({employee for (employee,) in rows}))
        return {gateway: office for gateway, office in kept.offices.items() if gateway not in touched}

    def _gateways(self, employees: Sequence[str]) -> set[str]:
        """All at which one of them ever was."""
        found: set[str] = set()
        for some in parts(employees):
            rows = self._database.rows(
                f"SELECT DISTINCT gateway FROM placement WHERE employee IN ({marks(some)})", *some
            )
            found.update(gateway for (gateway,) in rows)
        return found

    def _judged(
        self,
        gateways: Sequence[str],
        day: date,
        now: datetime,
        stamps: Mapping[str, str],
        complete: Mapping[str, datetime],
    ) -> dict[str, _Kept]:
        found = {}
        for gateway, days in self._attendance.offices(gateways, day, now).items():
            turns = sorted({micros(turn) for turn in self._turns(days, day)})
            office = _Kept(stamps[gateway], turns, (0, 0), len(days), dict(counts(days)))
            passed = _passed(office, complete.get(gateway), now)
            found[gateway] = msgspec.structs.replace(office, passed=passed)
        return found

    def _turns(self, days: Iterable[PersonDay], day: date) -> Iterable[datetime]:
        for each in days:
            if each.result and not each.result.final:
                yield from each.result.turns
        yield self._attendance.midnight(day + DAY)

    def _newest(self) -> Cursor:
        row = self._database.row("SELECT id, history FROM record ORDER BY id DESC LIMIT 1")
        return Cursor(*row) if row else Cursor()

    def _complete(self) -> dict[str, datetime]:
        rows = self._database.rows(
            "SELECT gateway, MAX(until) FROM watermark WHERE until IS NOT NULL GROUP BY gateway"
        )
        return {gateway: moment(until) for gateway, until in rows}


def _tally(gateway: str, office: _Kept, complete: datetime | None) -> Tally:
    return Tally(gateway, office.people, Counter(office.counts), complete)


def _passed(office: _Kept, known: datetime | None, now: datetime) -> tuple[int, int]:
    return bisect_right(office.turns, micros(now)), bisect_right(office.turns, micros(known)) if known else 0


def _parts(gateways: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (gateways[start : start + AT_ONCE] for start in range(0, len(gateways), AT_ONCE))
