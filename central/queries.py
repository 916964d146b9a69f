"""What the pages and the API read, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mqtt_bridge.phones import masked
from mqtt_bridge.records import BadPayload, Status, decode

from . import states
from .database import Database, holding, micros, moment
from .keys import revoked
from .provisional import complete_until
from .states import Condition


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway with what it last said. `waiting` counts records that it made and the collector does not hold yet.

    `provisional` counts those that are known by SMS alone, `by_sms` is when the last SMS of it came, and
    `complete_by_sms` the watermark that holds by them.
    """

    id: str
    online: bool
    seen: datetime | None
    status: Status | None
    condition: Condition
    held: int
    today: int
    provisional: int = 0
    by_sms: datetime | None = None
    complete_by_sms: datetime | None = None

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


def gateways(database: Database, now: datetime, zone: ZoneInfo) -> list[Gateway]:
    """All of them, worst first."""
    start, end = (micros(each) for each in today(now, zone))
    counts = dict(
        database.rows(
            "SELECT gateway, COUNT(*) FROM record WHERE at >= ? AND at < ? AND duplicate = 0 GROUP BY gateway",
            start,
            end,
        )
    )
    held = {
        (gateway, journal): seq for gateway, journal, seq in database.rows("SELECT gateway, journal, seq FROM chain")
    }
    rows = database.rows(
        "SELECT id, online, seen, status, version, rival"
        " FROM gateway LEFT JOIN desired ON desired.gateway = gateway.id"
    )
    ended = revoked(database)
    by_sms = _by_sms(database)
    found = [_gateway(row, held, counts, ended.get(row[0]), by_sms, now) for row in rows]
    return sorted(found, key=lambda gateway: (states.worst_first(gateway.condition.state), gateway.id))


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
        marks = ", ".join("?" * len(wanted.offices)) or "NULL"
        pairs.append((f"COALESCE(employee.gateway, {table}.gateway) IN ({marks})", sorted(wanted.offices)))
    if wanted.after is not None:
        pairs.append((f"{table}.id > ?", [wanted.after]))
    return [condition for condition, _ in pairs], [value for _, values in pairs for value in values]


def _gateway(
    row: tuple[Any, ...],
    held: dict[tuple[str, str], int],
    counts: dict[str, int],
    ended: str | None,
    by_sms: dict[str, tuple[int, datetime, datetime | None]],
    now: datetime,
) -> Gateway:
    id_, online, seen, kept, wanted, rival = row
    status = _status(kept)
    seen_at = moment(seen) if seen is not None else None
    waiting, heard, complete = by_sms.get(id_, (0, None, None))
    return Gateway(
        id=id_,
        online=bool(online),
        seen=seen_at,
        status=status,
        condition=states.judge(
            online=bool(online),
            seen=seen_at,
            status=status,
            now=now,
            wanted=wanted or 0,
            ended=ended,
            rival=moment(rival) if rival is not None else None,
        ),
        held=held.get((id_, status.journal), 0) if status else 0,
        today=counts.get(id_, 0),
        provisional=waiting,
        by_sms=heard,
        complete_by_sms=complete,
    )


def _by_sms(database: Database) -> dict[str, tuple[int, datetime, datetime | None]]:
    """Gateway → how many records of it are provisional, when its last SMS came, up to when it is complete by them."""
    counts = dict(database.rows("SELECT gateway, COUNT(*) FROM provisional GROUP BY gateway"))
    rows = database.rows("SELECT gateway, MAX(heard) FROM uplink GROUP BY gateway")
    return {
        gateway: (counts.get(gateway, 0), moment(heard), complete_until(database, gateway)) for gateway, heard in rows
    }


def _status(kept: bytes | None) -> Status | None:
    """What was kept by an older version may lack what is required now: as good as nothing."""
    try:
        status = decode(bytes(kept)) if kept is not None else None
    except BadPayload:
        return None
    return status if isinstance(status, Status) else None


def _entry(row: tuple[Any, ...]) -> Entry:
    at, received, flags, stored = moment(row[7]), moment(row[8]), tuple(row[11].split()), moment(row[15])
    return Entry(*row[:7], at, received, *row[9:11], flags, *row[12:15], stored)  # type: ignore[call-arg]


def _provisional(row: tuple[Any, ...]) -> Provisional:
    at, flags, number, stored = moment(row[7]), tuple(row[9].split()), masked(row[10]), moment(row[11])
    return Provisional(*row[:7], at, row[8], flags, number, stored)  # type: ignore[call-arg]
