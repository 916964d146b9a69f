"""What is put aside for people instead of being stored, once for each reason and with a count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from .database import Database, micros, moment

log = structlog.get_logger(__name__)

BYTES = 100_000
ROWS = 20  # of one gateway: different reasons, each kept with its first example
STRANGER = "(unknown)"  # all names that have no key are one: anybody can make up as many as they like


def put_aside(database: Database, gateway: str, reason: str, content: bytes, now: datetime) -> None:
    """Nobody can fill the disk with it."""
    reason = reason.replace("\0", "")[:200]
    log.warning("quarantined", gateway=gateway, reason=reason)
    again = database.run(
        "UPDATE quarantine SET times = times + 1, seen = ? WHERE gateway = ? AND reason = ?",
        micros(now), gateway, reason,
    )  # fmt: skip
    many = database.value("SELECT COUNT(*) FROM quarantine WHERE gateway = ?", gateway)
    if not again and many < ROWS:
        database.run(
            "INSERT INTO quarantine (gateway, reason, sealed, stored, seen) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            gateway, reason, content[:BYTES], micros(now), micros(now),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """One reason for which something of a gateway was put aside; `first` and `last` are when."""

    gateway: str
    reason: str
    times: int
    first: datetime
    last: datetime


def every(database: Database) -> list[Kept]:
    """The latest first."""
    rows = database.rows("SELECT gateway, reason, times, stored, seen FROM quarantine ORDER BY seen DESC, id DESC")
    return [Kept(gateway, reason, times, moment(first), moment(last)) for gateway, reason, times, first, last in rows]
