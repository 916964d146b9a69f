"""What the pages and the API read, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mqtt_bridge.phones import masked
from mqtt_bridge.records import BadPayload, Status, decode

from . import states
from .database import Database, holding, micros, moment
from .keys import revoked
from .labels import Labels
from .provisional import complete_until
from .states import Condition


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway with what it last said. `waiting` counts records that it made and the collector does not hold yet.

    `provisional` counts those that are known by SMS alone, `by_sms` is when the last SMS of it came, and
    `complete_by_sms` the watermark that holds by them. `complete` is the watermark that is proven, `wanted` the
    version of what it should hold. `today` and `complete_by_sms` are only there after `detailed`.
    """

    id: str
    online: bool
    seen: datetime | None
    status: Status | None
    condition: Condition
    labels: Labels
    held: int = 0
    today: int = 0
    provisional: int = 0
    by_sms: datetime | None = None
    complete_by_sms: datetime | None = None
    complete: datetime | None = None
    wanted: int = 0

    @property
    def waiting(self) -> int:
        return max(0, self.status.last_seq - self.held) if self.status else 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as the collector holds it, with the employee's name where it is known."""

    id: int
    gateway: str
    journal: str
    seq: int
    employee: str
    name: str | None
    action: str
    at: datetime
    received: datetime
    channel: str
    presence: str
    flags: tuple[str, ...]
    receipt: str
    note: str
    hash: str
    stored: datetime


@dataclass(frozen=True, slots=True)
class Provisional:
    """A record that is known by SMS alone: its signed form is still to come, and only that is final.

    `journal_tag` is the beginning of the SHA-256 of the journal's id. Of `number`, the SIM it came from, people see a
    part.
    """

    id: int
    gateway: str
    journal_tag: str
    seq: int
    employee: str
    name: str | None
    action: str
    at: datetime
    presence: str
    flags: tuple[str, ...]
    number: str
    stored: datetime
    final: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: all that is None or empty does not narrow. `search` is part of a name, or a receipt; `offices`
    are the gateways of which employees may be seen, None for all.
    """

    gateway: str = ""
    search: str = ""
    start: datetime | None = None
    end: datetime | None = None
    after: int | None = None
    offices: frozenset[str] | None = None

    def behind(self, id_: int) -> Wanted:
        return replace(self, after=id_)


def today(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day that holds `now`, as [start, end) in UTC."""
    date = now.astimezone(zone).date()
    start, end = (datetime.combine(date + timedelta(days=days), time(), zone) for days in (0, 1))
    return start.astimezone(UTC), end.astimezone(UTC)


def gateways(database: Database, now: datetime, zone: ZoneInfo, paused: Set[str] = frozenset()) -> list[Gateway]:
    """All of them, worst first; `paused` are those that people work on."""
    return detailed(database, fleet(database, now, paused), now, zone)


def gateway(
    database: Database, id_: str, now: datetime, zone: ZoneInfo, paused: Set[str] = frozenset()
) -> Gateway | None:
    found = _fleet(database, now, paused, " WHERE gateway.id = ?", id_.replace("\0", ""))  # PostgreSQL takes no NUL
    return detailed(database, found, now, zone)[0] if found else None


def fleet(database: Database, now: datetime, paused: Set[str] = frozenset()) -> list[Gateway]:
    """All of them, worst first, without what costs a look at the records of each."""
    found = _fleet(database, now, paused)
    return sorted(found, key=lambda gateway: (states.worst_first(gateway.condition.state), gateway.id))


def detailed(database: Database, gateways: Sequence[Gateway], now: datetime, zone: ZoneInfo) -> list[Gateway]:
    """The same in the same order, with what `fleet` left out."""
    start, end = (micros(each) for each in today(now, zone))
    counts: dict[str, int] = {}
    for some in parts([gateway.id for gateway in gateways]):
        rows = database.rows(
            f"SELECT gateway, COUNT(*) FROM record WHERE gateway IN ({marks(some)}) AND at >= ? AND at < ?"
            " AND duplicate = 0 GROUP BY gateway",
            *some, start, end,
        )  # fmt: skip
        counts.update(rows)
    return [
        replace(
            each,
            today=counts.get(each.id, 0),
            complete_by_sms=complete_until(database, each.id) if each.by_sms else None,
        )
        for each in gateways
    ]


def records(database: Database, wanted: Wanted, limit: int) -> list[Entry]:
    """Up to `limit` records in the order in which they came in: whoever reads on behind the last id misses none."""
    return _records(database, wanted, "record.id", limit, 0)


def latest(database: Database, wanted: Wanted, limit: int, offset: int) -> list[Entry]:
    """Up to `limit` records, the latest check-in first, behind the first `offset` of them."""
    return _records(database, wanted, "at DESC, record.id DESC", limit, offset)


def by_ids(database: Database, ids: Sequence[int]) -> list[Entry]:
    """The records of those ids that are there."""
    return _select(database, [f"record.id IN ({', '.join('?' * len(ids))})"], ids, "record.id") if ids else []


def count(database: Database, wanted: Wanted) -> int:
    conditions, values = _conditions(wanted)
    joined = "record LEFT JOIN employee ON employee.id = record.employee"
    return int(database.value(f"SELECT COUNT(*) FROM {joined} WHERE {' AND '.join(conditions)}", *values))


def of_employee(database: Database, employee: str, start: datetime, end: datetime) -> list[Entry]:
    """What somebody stated in that time, in its order."""
    return _select(
        database,
        ["duplicate = 0", "record.employee = ?", "at >= ?", "at < ?"],
        [employee, micros(start), micros(end)],
        "at",
    )


def provisional(database: Database, wanted: Wanted, limit: int, *, newest_first: bool = False) -> list[Provisional]:
    """Up to `limit` of them, in the order in which they came unless `newest_first` asks for the latest check-ins."""
    conditions, values = _conditions(wanted, "provisional")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "at DESC, provisional.id DESC" if newest_first else "provisional.id"
    rows = database.rows(
        "SELECT provisional.id, provisional.gateway, journal_tag, seq, employee, employee.name, action, at,"
        " provisional.presence, flags, number, stored"
        " FROM provisional LEFT JOIN employee ON employee.id = provisional.employee"
        f"{where} ORDER BY {order} LIMIT ?",
        *values,
        limit,
    )
    return [_provisional(row) for row in rows]


def _records(database: Database, wanted: Wanted, order: str, limit: int, offset: int) -> list[Entry]:
    conditions, values = _conditions(wanted)
    return _select(database, conditions, values, f"{order} LIMIT ? OFFSET ?", limit, offset)


def _select(
    database: Database, conditions: Sequence[str], values: Sequence[Any], order: str, *more: int
) -> list[Entry]:
    rows = database.rows(
        "SELECT record.id, record.gateway, journal, seq, employee, employee.name, action, at, received, channel,"
        " record.presence, flags, receipt, note, hash, stored"
        " FROM record LEFT JOIN employee ON employee.id = record.employee"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order}",
        *values,
        *more,
    )
    return [_entry(row) for row in rows]


def _conditions(wanted: Wanted, table: str = "record") -> tuple[list[str], list[Any]]:
    pairs: list[tuple[str, Sequence[Any]]] = [("duplicate = 0", [])] if table == "record" else []
    gateway, search = (text.replace("\0", "") for text in (wanted.gateway, wanted.search))  # PostgreSQL takes no NUL
    if gateway:
        pairs.append((f"{table}.gateway = ?", [gateway]))
    if search:
        name = "LOWER(employee.name) LIKE ? ESCAPE '\\'"
        if table == "record":
            pairs.append((f"({name} OR receipt = ?)", [holding(search), search.upper()]))
        else:  # an SMS has no room for receipts
            pairs.append((name, [holding(search)]))
    for column, sign, value in (("at", ">=", wanted.start), ("at", "<", wanted.end)):
        if value is not None:
            pairs.append((f"{column} {sign} ?", [micros(value)]))
    if wanted.offices is not None:
        within = marks(sorted(wanted.offices)) or "NULL"
        pairs.append((f"COALESCE(employee.gateway, {table}.gateway) IN ({within})", sorted(wanted.offices)))
    if wanted.after is not None:
        pairs.append((f"{table}.id > ?", [wanted.after]))
    return [condition for condition, _ in pairs], [value for _, values in pairs for value in values]


def _fleet(database: Database, now: datetime, paused: Set[str], where: str = "", *values: str) -> list[Gateway]:
    rows = database.rows(
        "SELECT id, online, seen, status, version, rival, name, number, tags"
        f" FROM gateway LEFT JOIN desired ON desired.gateway = gateway.id{where}",
        *values,
    )
    beside = _beside(database)
    return [_gateway(row, beside, row[0] in paused, now) for row in rows]


@dataclass(frozen=True, slots=True)
class _Beside:
    """What other tables hold of all gateways: a statement each, not one for every gateway."""

    held: dict[tuple[str, str], int]
    ended: dict[str, str]
    complete: dict[str, int]
    provisional: dict[str, int]
    by_sms: dict[str, tuple[int, str]]


def _beside(database: Database) -> _Beside:
    run = database.rows
    return _Beside(
        held={(gateway, journal): seq for gateway, journal, seq in run("SELECT gateway, journal, seq FROM chain")},
        ended=revoked(database),
        complete=dict(run("SELECT gateway, MAX(until) FROM watermark WHERE until IS NOT NULL GROUP BY gateway")),
        provisional=dict(run("SELECT gateway, COUNT(*) FROM provisional GROUP BY gateway")),
        by_sms={
            gateway: (heard, number)
            for gateway, heard, number in run("SELECT gateway, heard, number FROM uplink ORDER BY heard")
        },
    )


def _gateway(row: tuple[Any, ...], beside: _Beside, paused: bool, now: datetime) -> Gateway:
    id_, online, seen, kept, wanted, rival, name, number, tags = row
    status, seen_at = _status(kept), _moment(seen)
    heard, from_number = beside.by_sms.get(id_, (None, ""))
    condition = states.judge(
        online=bool(online),
        seen=seen_at,
        status=status,
        now=now,
        wanted=wanted or 0,
        ended=beside.ended.get(id_),
        rival=_moment(rival),
        paused=paused,
    )
    return Gateway(
        id=id_,
        online=bool(online),
        seen=seen_at,
        status=status,
        condition=condition,
        labels=Labels(name, number or from_number, tuple(tags.split())),
        held=beside.held.get((id_, status.journal), 0) if status else 0,
        provisional=beside.provisional.get(id_, 0),
        by_sms=_moment(heard),
        complete=_moment(beside.complete.get(id_)),
        wanted=wanted or 0,
    )


def _moment(kept: int | None) -> datetime | None:
    return moment(kept) if kept is not None else None


def _status(kept: bytes | None) -> Status | None:
    """What was kept by an older version may lack what is required now: as good as nothing."""
    try:
        status = decode(bytes(kept)) if kept is not None else None
    except BadPayload:
        return None
    return status if isinstance(status, Status) else None


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one statement takes at a time."""
    yield from (values[start : start + 500] for start in range(0, len(values), 500))


def marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _entry(row: tuple[Any, ...]) -> Entry:
    at, received, flags, stored = moment(row[7]), moment(row[8]), tuple(row[11].split()), moment(row[15])
    return Entry(*row[:7], at, received, *row[9:11], flags, *row[12:15], stored)  # type: ignore[call-arg]


def _provisional(row: tuple[Any, ...]) -> Provisional:
    at, flags, number, stored = moment(row[7]), tuple(row[9].split()), masked(row[10]), moment(row[11])
    return Provisional(*row[:7], at, row[8], flags, number, stored)  # type: ignore[call-arg]
