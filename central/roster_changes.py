"""What a list of employees would change, looked at before it is done; and done only if it is still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from . import audit, roster
from .database import Database, micros
from .employee_ids import Ids, by_chance
from .roster import Row

KEPT = timedelta(hours=1)  # between looking and doing
_COLUMNS = ("name", "phone", "gateway", "alias", "presence", "shift", "language", "active")


@dataclass(frozen=True, slots=True)
class Change:
    """Of one employee: column → what it was and what it becomes; nothing was before who is new."""

    nip: str
    name: str
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who comes, who changes and who goes, in the order of their names; `same` counts the others of the list."""

    added: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    gone: list[Change] = field(default_factory=list)
    same: int = 0
    active: int = 0

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class _Rehearsed(Exception):
    """Undoes all that was written to see what would come of it."""


class Outdated(Exception):
    """The list would change something else by now than what was looked at."""


def rehearse(database: Database, rows: Sequence[Row], *, replace: bool, now: datetime, ids: Ids = by_chance) -> Plan:
    """What `apply` would change. Raises `BadRoster`."""
    plan = Plan()
    try:
        with database.transaction():
            plan = _stored(database, rows, replace=replace, now=now, ids=ids)
            raise _Rehearsed
    except _Rehearsed:
        return plan


def apply(
    database: Database,
    rows: Sequence[Row],
    *,
    replace: bool,
    who: str,
    now: datetime,
    expected: str = "",
    ids: Ids = by_chance,
) -> Plan:
    """All of it. Raises `BadRoster`, and `Outdated` unless it is the plan of that digest."""
    with database.transaction():
        plan = _stored(database, rows, replace=replace, now=now, ids=ids)
        if expected and plan.digest != expected:
            raise Outdated
        body = {
            "added": len(plan.added), "changed": len(plan.changed), "gone": len(plan.gone), "same": plan.same,
            "replace": replace,
        }  # fmt: skip
        audit.append(database, who, "roster-imported", body, now)
    return plan


# Between the two the list waits here: whoever looked at it need not send it again.


def keep(database: Database, id_: str, rows: Sequence[Row], *, replace: bool, who: str, now: datetime) -> None:
    with database.transaction():
        database.run("DELETE FROM roster_draft WHERE kept < ? OR who = ?", micros(now - KEPT), who)
        body = msgspec.json.encode(rows)
        database.insert_all(
            "roster_draft",
            ("id", "who", "kept", "replace_all", "body"),
            [(id_, who, micros(now), int(replace), body)],
        )


def kept(database: Database, id_: str, who: str, now: datetime) -> tuple[list[Row], bool] | None:
    """The rows and whether they replace all others; None when they are not there any more."""
    row = database.row(
        "SELECT body, replace_all FROM roster_draft WHERE id = ? AND who = ? AND kept > ?",
        id_, who, micros(now - KEPT),
    )  # fmt: skip
    return (msgspec.json.decode(bytes(row[0]), type=list[Row]), bool(row[1])) if row else None


def forget(database: Database, who: str) -> None:
    database.run("DELETE FROM roster_draft WHERE who = ?", who)


def _stored(database: Database, rows: Sequence[Row], *, replace: bool, now: datetime, ids: Ids) -> Plan:
    before = _everyone(database)
    active = roster.store(database, rows, replace=replace, now=now, ids=ids)
    after = _everyone(database)
    changes = [_change(nip, before.get(nip), values) for nip, values in after.items() if before.get(nip) != values]
    changes.sort(key=lambda change: change.name.casefold())
    added = [change for change in changes if change.nip not in before]
    gone = [change for change in changes if change.columns.get("active") == (1, 0)]
    others = {change.nip for change in (*added, *gone)}
    changed = [change for change in changes if change.nip not in others]
    listed = {row.nip for row in rows}
    same = len(listed) - sum(1 for change in changes if change.nip in listed)
    return Plan(added, changed, gone, same, active)


def _everyone(database: Database) -> dict[str, tuple[Any, ...]]:
    """NIP → the values of `_COLUMNS`."""
    rows = database.rows(f"SELECT nip, {', '.join(_COLUMNS)} FROM employee")
    return {nip: tuple(values) for nip, *values in rows}


def _change(nip: str, before: tuple[Any, ...] | None, after: tuple[Any, ...]) -> Change:
    former = before or (None,) * len(_COLUMNS)
    columns = {
        column: (was, becomes) for column, was, becomes in zip(_COLUMNS, former, after, strict=True) if was != becomes
    }
    return Change(nip, after[0], columns)
