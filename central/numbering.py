"""By which numbers an SMS names the employees of a gateway: every roster that it was ever given is kept."""

from __future__ import annotations

from collections.abc import Iterable

from mqtt_bridge.sms_codec import Roster

from .database import Database


def remember(database: Database, gateway: str, employees: Iterable[str]) -> None:
    """A gateway without a link goes on with the roster that it has: it may be long outdated here."""
    roster = Roster(employees)
    database.run(
        "INSERT INTO numbering (gateway, tag, employees) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        gateway, roster.tag.hex(), "\n".join(roster.employees),
    )  # fmt: skip


def find(database: Database, gateway: str, tag: bytes) -> Roster | None:
    employees = database.value("SELECT employees FROM numbering WHERE gateway = ? AND tag = ?", gateway, tag.hex())
    return Roster(str(employees).splitlines()) if employees is not None else None
