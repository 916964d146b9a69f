"""The incidents of a gateway, as they are shown and printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .database import Database, micros, moment


@dataclass(frozen=True, slots=True)
class Incident:
    """`until` None while it lasts."""

    gateway: str
    reason: str
    since: datetime
    until: datetime | None

    def lasted(self, now: datetime) -> timedelta:
        return (self.until or now) - self.since


def of(database: Database, gateway: str, begin: datetime, end: datetime) -> list[Incident]:
    """Those that touch the time from `begin` to `end`, as they began."""
    rows = database.rows(
        "SELECT gateway, reason, since, until FROM incident WHERE gateway = ? AND since < ?"
        " AND (until IS NULL OR until > ?) ORDER BY since, id",
        gateway, micros(end), micros(begin),
    )  # fmt: skip
    return [
        Incident(gateway, reason, moment(since), moment(until) if until is not None else None)
        for _, reason, since, until in rows
    ]
