"""How each gateway was, for the charts: the worst of every five minutes for two days, and of every hour for 35 days.

Both are written with the status itself, and the worst of the worst is the worst: no order of arrival, and no status
that comes twice, makes a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_bridge.records import Status

from .database import Database, micros

_SECOND = 1_000_000
FINE, COARSE = timedelta(minutes=5), timedelta(hours=1)
KEPT = {FINE: timedelta(days=2), COARSE: timedelta(days=35)}
AHEAD = timedelta(minutes=5)  # a clock may be a little fast
# Which of two values is the worse one.
_WORSE = {
    "signal": "<", "queue": ">", "balance": "<", "heat": ">", "disk": "<", "messages": ">", "replies": ">",
}  # fmt: skip
COLUMNS = tuple(_WORSE)
COUNTERS = ("messages", "replies")
_UPSERT = (
    f"INSERT INTO gateway_history (gateway, step, at, {', '.join(COLUMNS)})"
    f" VALUES ({', '.join('?' * (3 + len(COLUMNS)))}), ({', '.join('?' * (3 + len(COLUMNS)))})"
    " ON CONFLICT (gateway, step, at) DO UPDATE SET "
) + ", ".join(
    f"{name} = CASE WHEN gateway_history.{name} IS NULL OR excluded.{name} {sign} gateway_history.{name}"
    f" THEN COALESCE(excluded.{name}, gateway_history.{name}) ELSE gateway_history.{name} END"
    for name, sign in _WORSE.items()
)


@dataclass(frozen=True, slots=True)
class Series:
    """`times` in seconds since 1970, in even steps; each of `values` has one for every time, None where none is.

    Of counters it is by how much they grew in the hour before.
    """

    step: int
    times: Sequence[int]
    values: dict[str, list[float | None]]


def note(database: Database, status: Status, now: datetime, *, retained: bool) -> None:
    """To be used inside of a transaction. What is late counts for when it was."""
    at = _time(status, now, retained=retained)
    if at is not None:
        values = _values(status)
        rows = [(status.gateway, step // timedelta(seconds=1), _floor(at, step), *values) for step in KEPT]
        database.run(_UPSERT, *(value for row in rows for value in row))


def forget(database: Database, now: datetime) -> None:
    """What is older than it is kept; to be used inside of a transaction."""
    for step, kept in KEPT.items():
        database.run(
            "DELETE FROM gateway_history WHERE gateway IN (SELECT id FROM gateway) AND step = ? AND at < ?",
            step // timedelta(seconds=1), _floor(now - kept, step),
        )  # fmt: skip


def read(database: Database, gateway: str, since: datetime, now: datetime, step: timedelta) -> Series:
    """From the step that holds `since` to the one that holds `now`."""
    seconds, places = step // timedelta(seconds=1), COARSE // step
    begin, end = _floor(since, step) - places * seconds, _floor(now, step)  # an hour more, for what came in an hour
    rows = database.rows(
        f"SELECT at, {', '.join(COLUMNS)} FROM gateway_history"
        " WHERE gateway = ? AND step = ? AND at >= ? AND at <= ? ORDER BY at",
        gateway, seconds, begin, end,
    )  # fmt: skip
    held = {row[0]: row[1:] for row in rows}
    times = range(begin, end + 1, seconds)
    nothing = (None,) * len(COLUMNS)
    columns = zip(*(held.get(time, nothing) for time in times), strict=True)
    values = dict(zip(COLUMNS, map(list, columns), strict=True))
    values |= {name: per_hour(values[name], places) for name in COUNTERS}
    return Series(seconds, times[places:], {name: each[places:] for name, each in values.items()})


def grouped(series: Series, names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """The worst of all times that have the same name; of counters the sum. Pure."""
    found: dict[str, dict[str, float | None]] = {}
    for place, name in enumerate(names):
        row = found.setdefault(name, dict.fromkeys(COLUMNS))
        for column, values in series.values.items():
            row[column] = _worse(column, row[column], values[place])
    return found


def per_hour(counter: Sequence[float | None], places: int) -> list[float | None]:
    """By how much a counter grew in the hour, of so many places, before each of its values. Pure.

    Where it fell it began anew. Unknown where it was not known an hour before.
    """
    grown: list[float | None] = []
    last, total = None, 0.0
    for value in counter:
        if value is not None:
            total += 0 if last is None else value - last if value >= last else value
            last = value
        grown.append(None if last is None else total)
    return [
        None if value is None or now is None or place < places or (before := grown[place - places]) is None
        else now - before
        for place, (value, now) in enumerate(zip(counter, grown, strict=True))
    ]  # fmt: skip


def _worse(column: str, one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    if column in COUNTERS:
        return one + other
    return min(one, other) if _WORSE[column] == "<" else max(one, other)


def _time(status: Status, now: datetime, *, retained: bool) -> datetime | None:
    """By its own clock, if that can be believed; else by ours, if it came at once."""
    if status.clock_trusted and now - KEPT[COARSE] <= status.at <= now + AHEAD:
        return min(status.at, now)
    return None if retained else now


def _values(status: Status) -> tuple[object, ...]:
    return (
        status.modem.signal,
        max(0, status.last_seq - status.delivered),
        status.sim.balance if status.sim else None,
        status.heat,
        status.disk_free,
        status.messages,
        status.replies,
    )


def _floor(at: datetime, step: timedelta) -> int:
    """The beginning of the step, in seconds since 1970."""
    length = step // timedelta(seconds=1)
    return micros(at) // _SECOND // length * length
