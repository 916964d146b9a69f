"""What is put aside for people instead of being stored, once for each reason and with a count."""

from __future__ import annotations

from datetime import datetime

import structlog

from .database import Database, micros

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
