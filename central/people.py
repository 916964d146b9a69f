"""Employees, as pages and programs look at them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .database import Database, holding

_SELECT = "SELECT id, nip, name, phone, gateway, active, alias, presence, shift, language FROM employee"


@dataclass(frozen=True, slots=True)
class Employee:
    """`phone` does not begin with + when nobody has the number any more; what is empty is as the policy has it."""

    id: str
    nip: str
    name: str
    phone: str
    gateway: str
    active: bool
    alias: str = ""
    presence: str = ""
    shift: str = ""
    language: str = ""


def by_id(
    database: Database,
    after: str,
    limit: int,
    *,
    gateway: str = "",
    active: bool | None = None,
    offices: frozenset[str] | None = None,
) -> list[Employee]:
    """Up to `limit` of them behind that id, in the order of their ids; of `offices` unless it is None."""
    where, values = _conditions(gateway, active, offices)
    return _select(database, ["id > ?", *where], [after.replace("\0", ""), *values], "id LIMIT ?", limit)


def found(
    database: Database,
    search: str,
    limit: int,
    offset: int,
    *,
    gateway: str = "",
    offices: frozenset[str] | None = None,
) -> list[Employee]:
    """By name: those in whose name `search` is, or whose NIP it is, whole."""
    where, values = _conditions(gateway, None, offices)
    text = search.replace("\0", "").strip()
    if text:
        where.append("(LOWER(name) LIKE ? ESCAPE '\\' OR nip = ?)")
        values += [holding(text), "".join(text.split())]
    return _select(database, where, values, "active DESC, LOWER(name), id LIMIT ? OFFSET ?", limit, offset)


def one(database: Database, id_: str) -> Employee | None:
    rows = _select(database, ["id = ?"], [id_], "id")
    return rows[0] if rows else None


def nips(database: Database, ids: Collection[str]) -> dict[str, str]:
    """Of those who are known."""
    marks = ", ".join("?" * len(ids)) or "NULL"
    return dict(database.rows(f"SELECT id, nip FROM employee WHERE id IN ({marks})", *ids))


def _conditions(gateway: str, active: bool | None, offices: frozenset[str] | None) -> tuple[list[str], list[Any]]:
    pairs: list[tuple[str, list[Any]]] = []
    if gateway:
        pairs.append(("gateway = ?", [gateway.replace("\0", "")]))
    if active is not None:
        pairs.append(("active = ?", [int(active)]))
    if offices is not None:
        pairs.append((f"gateway IN ({', '.join('?' * len(offices)) or 'NULL'})", sorted(offices)))
    return [condition for condition, _ in pairs], [value for _, values in pairs for value in values]


def _select(database: Database, where: list[str], values: list[Any], order: str, *more: int) -> list[Employee]:
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return [_employee(row) for row in database.rows(f"{_SELECT}{condition} ORDER BY {order}", *values, *more)]


def _employee(row: tuple[Any, ...]) -> Employee:
    id_, nip, name, phone, gateway, active, *rest = row
    alias, presence, shift, language = (each or "" for each in rest)
    return Employee(id_, nip, name, phone, gateway, bool(active), alias, presence, shift, language)
