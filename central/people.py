"""Employees, as pages and programs look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .database import Database


@dataclass(frozen=True, slots=True)
class Employee:
    """`phone` does not begin with + when nobody has the number any more."""

    id: str
    nip: str
    name: str
    phone: str
    gateway: str
    active: bool


_SELECT = "SELECT id, nip, name, phone, gateway, active FROM employee"


def by_id(
    database: Database, after: str, limit: int, *, gateway: str = "", active: bool | None = None
) -> list[Employee]:
    """Up to `limit` of them behind that id, in the order of their ids."""
    conditions: list[tuple[str, Any]] = [("id > ?", after.replace("\0", ""))]
    if gateway:
        conditions.append(("gateway = ?", gateway.replace("\0", "")))
    if active is not None:
        conditions.append(("active = ?", int(active)))
    where = " AND ".join(condition for condition, _ in conditions)
    values = [value for _, value in conditions]
    return [_employee(row) for row in database.rows(f"{_SELECT} WHERE {where} ORDER BY id LIMIT ?", *values, limit)]


def one(database: Database, id_: str) -> Employee | None:
    row = database.row(f"{_SELECT} WHERE id = ?", id_.replace("\0", ""))
    return _employee(row) if row else None


def _employee(row: tuple[Any, ...]) -> Employee:
    id_, nip, name, phone, gateway, active = row
    return Employee(id_, nip, name, phone, gateway, bool(active))
