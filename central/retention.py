"""What is kept no longer than its time, and people of whom only an opaque id is left. All of it stands in the audit.

Nothing that somebody is still to be told of goes, and the audit itself stays: its lines prove each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_bridge.records import Action

from . import audit
from .config import RetentionSection
from .database import Database, micros

ERASED = "(dihapus)"  # the name of whoever was erased
DRAFTS = timedelta(days=1)  # lists of employees that somebody looked at and left there
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
    """Removes it; what was removed.

    Noted before and after: were it ended midway, what is gone would else look as if it had never been proven.
    """
    kinds = [(what, now - timedelta(days=days), kind) for what, days, kind in _kinds(periods) if days]
    with database.transaction():
        for what, before, _ in kinds:
            _mark(database, what, before)
        database.run("DELETE FROM roster_draft WHERE kept < ?", micros(now - DRAFTS))
        audit.append(database, who, "retention-begun", {what: before for what, before, _ in kinds}, now)
    done = [Due(what, before, _remove(database, kind, before)) for what, before, kind in kinds]
    with database.transaction():
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
    return Traces(employee, int(records), len(_asked(database, employee, phone)))


def erase(database: Database, traces: Traces, reason: str, who: str, now: datetime) -> None:
    """Their name, NIP and number go; their records stay under the opaque id. The gateways must be told afterwards."""
    with database.transaction():
        _erase(database, traces.employee)
        database.run(
            "UPDATE placement SET until = ? WHERE employee = ? AND until IS NULL", micros(now), traces.employee
        )
        database.run("DELETE FROM roster_draft")  # lists that wait to be taken in: theirs may be among them
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
    # What their numbers asked for before they were bound: it names the number, and holds the NIP under seal.
    for record in _asked(database, employee, phone):
        database.run("UPDATE record SET employee = ?, note = '' WHERE id = ?", ERASED, record)
        database.run("UPDATE delivery SET employee = ? WHERE record = ?", ERASED, record)
    database.run(
        "UPDATE employee SET nip = 'erased ' || id, name = ?, phone = 'erased ' || id, alias = '', active = 0"
        " WHERE id = ?",
        ERASED, employee,
    )  # fmt: skip


def _asked(database: Database, employee: str, phone: str) -> list[int]:
    """The requests of that number, and those that were decided on for the employee: they had other numbers before."""
    rows = database.rows(
        "SELECT id FROM record WHERE action = ?"
        " AND (employee = ? OR id IN (SELECT record FROM binding WHERE binding.employee = ?)) ORDER BY id",
        Action.REGISTER, phone, employee,
    )  # fmt: skip
    return [id_ for (id_,) in rows]


def _mark(database: Database, what: str, before: datetime) -> None:
    database.run(
        "INSERT INTO retention (what, before) VALUES (?, ?)"
        " ON CONFLICT (what) DO UPDATE SET before = excluded.before WHERE excluded.before > retention.before",
        what, micros(before),
    )  # fmt: skip
