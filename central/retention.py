"""What is kept no longer than its time, and people of whom only an opaque id is left. All of it stands in the audit.

Nothing that somebody is still to be told of goes, and the audit itself stays: its lines prove each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mqtt_bridge.records import Action

from . import audit
from .config import RetentionSection
from .database import Database, micros

ERASED = "(dihapus)"  # the name of whoever was erased
AT_ONCE = 1000  # rows in one transaction: the collector must not wait long
_UNTOLD = "id <= (SELECT COALESCE(MIN(position), 9223372036854775807) FROM webhook)" + (
    " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.record = record.id)"
)
_FORMER = "active = 0 AND name <> ? AND NOT EXISTS (SELECT 1 FROM placement WHERE employee = employee.id" + (
    " AND (until IS NULL OR until >= ?))"
)


@dataclass(frozen=True, slots=True)
class Due:
    """So many of that kind are older than `before`."""

    what: str
    before: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Traces:
    """What is held of a person, as counts; `employee` is the opaque id that stays."""

    employee: str
    records: int
    requests: int


def due(database: Database, periods: RetentionSection, now: datetime) -> list[Due]:
    """What `run` would remove."""
    found = []
    for what, days, kind in _kinds(periods):
        if days:
            before = now - timedelta(days=days)
            found.append(Due(what, before, kind.count(database, before)))
    return found


def run(database: Database, periods: RetentionSection, who: str, now: datetime) -> list[Due]:
    """Removes it; what was removed."""
    done = []
    for what, days, kind in _kinds(periods):
        if days:
            before = now - timedelta(days=days)
            done.append(Due(what, before, _remove(database, kind, before)))
    with database.transaction():
        for each in done:
            _mark(database, each)
        body = {each.what: {"before": each.before, "removed": each.count} for each in done}
        audit.append(database, who, "retention-run", body, now)
    return done


def boundary(database: Database, what: str) -> int:
    """Up to when everything of that kind may have been removed, as it is kept; 0 while nothing was."""
    return int(database.value("SELECT before FROM retention WHERE what = ?", what) or 0)


def find(database: Database, nip_or_id: str) -> Traces | None:
    """None when nobody has that NIP or id."""
    text = "".join(nip_or_id.replace("\0", "").split())
    row = database.row("SELECT id, phone FROM employee WHERE (nip = ? OR id = ?) AND name <> ?", text, text, ERASED)
    if row is None:
        return None
    employee, phone = row
    records = database.value("SELECT COUNT(*) FROM record WHERE employee = ?", employee)
    requests = database.value("SELECT COUNT(*) FROM record WHERE employee = ? AND action = ?", phone, Action.REGISTER)
    return Traces(employee, int(records), int(requests))


def erase(database: Database, traces: Traces, reason: str, who: str, now: datetime) -> None:
    """Their name, NIP and number go; their records stay under the opaque id. The gateways must be told afterwards."""
    with database.transaction():
        _erase(database, traces.employee)
        audit.append(database, who, "person-erased", {"employee": traces.employee, "reason": reason}, now)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to count and remove what is older; `remove` does some, and says how many."""

    count: Callable[[Database, datetime], int]
    remove: Callable[[Database, datetime], int]


def _kinds(periods: RetentionSection) -> list[tuple[str, int, _Kind]]:
    return [
        ("record", periods.records_days, _aged("record", "stored", _UNTOLD)),
        ("batch", periods.batches_days, _aged("batch", "stored")),
        ("quarantine", periods.quarantine_days, _aged("quarantine", "seen")),
        ("employee", periods.former_days, _Kind(_count_former, _erase_former)),
    ]


def _aged(table: str, column: str, also: str = "1 = 1") -> _Kind:
    where = f"{column} < ? AND {also}"

    def count(database: Database, before: datetime) -> int:
        return int(database.value(f"SELECT COUNT(*) FROM {table} WHERE {where}", micros(before)))

    def remove(database: Database, before: datetime) -> int:
        chosen = f"SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT {AT_ONCE}"
        return database.run(f"DELETE FROM {table} WHERE id IN ({chosen})", micros(before))

    return _Kind(count, remove)


def _remove(database: Database, kind: _Kind, before: datetime) -> int:
    total = 0
    while True:
        with database.transaction():
            removed = kind.remove(database, before)
        total += removed
        if removed < AT_ONCE:
            return total


def _count_former(database: Database, before: datetime) -> int:
    return int(database.value(f"SELECT COUNT(*) FROM employee WHERE {_FORMER}", ERASED, micros(before)))


def _erase_former(database: Database, before: datetime) -> int:
    rows = database.rows(
        f"SELECT id FROM employee WHERE {_FORMER} ORDER BY id LIMIT {AT_ONCE}", ERASED, micros(before)
    )
    for (employee,) in rows:
        _erase(database, employee)
    return len(rows)


def _erase(database: Database, employee: str) -> None:
    phone = database.value("SELECT phone FROM employee WHERE id = ?", employee)
    # What the number asked for before it was bound: it names the number, and holds the NIP under seal.
    database.run(
        "UPDATE record SET employee = ?, note = '' WHERE employee = ? AND action = ?", ERASED, phone, Action.REGISTER
    )
    database.run(
        "UPDATE employee SET nip = 'erased ' || id, name = ?, phone = 'erased ' || id, alias = '', active = 0"
        " WHERE id = ?",
        ERASED, employee,
    )  # fmt: skip


def _mark(database: Database, done: Due) -> None:
    values: tuple[Any, ...] = (done.what, micros(done.before))
    database.run(
        "INSERT INTO retention (what, before) VALUES (?, ?)"
        " ON CONFLICT (what) DO UPDATE SET before = excluded.before WHERE excluded.before > retention.before",
        *values,
    )
