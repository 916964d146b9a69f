"""Messages that wait for a channel, so that none is lost: written down before they are sent, and marked after.

Whoever is killed in between sends one again: it carries the same reference. While a channel takes nothing, what
happens meanwhile is gathered into one message for when it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import alerts, maintenance
from .alert_life import Alert, Event
from .alerting import Sight
from .channels import Channel
from .database import Database, micros, moment
from .notices import Message

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 900, 1800, 3600))
_BEHIND = "id > (SELECT position FROM alert_channel WHERE name = ?)"
KEPT = timedelta(days=90)  # how long what was sent can be looked up
Happened = Sequence[tuple[Alert, Event]]
Compose = Callable[[Happened, datetime], Message | None]


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel is: `failures` in a row, `failing` since when; before `resume` nothing is tried."""

    name: str
    digest: str = ""
    failures: int = 0
    failing: datetime | None = None
    resume: datetime | None = None
    problem: str = ""
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    id: int
    title: str
    body: str

    @property
    def reference(self) -> str:
        """By which people see that a message is the same as one before."""
        return f"Ref G-{self.id}"


def join(database: Database, channel: str) -> None:
    """A channel that is new is told of what happens from now on."""
    if database.value("SELECT 1 FROM alert_channel WHERE name = ?", channel) is not None:
        return
    with database.transaction():
        database.run(
            "INSERT INTO alert_channel (name, position) SELECT ?, COALESCE(MAX(id), 0) FROM alert_event WHERE true"
            " ON CONFLICT (name) DO NOTHING",
            channel,
        )


def health(database: Database) -> dict[str, Health]:
    rows = database.rows("SELECT name, digest, failures, failing, resume, problem, sent FROM alert_channel")
    return {
        row[0]: Health(row[0], row[1], row[2], _moment(row[3]), _moment(row[4]), row[5], _moment(row[6]))
        for row in rows
    }


def next_message(database: Database, channel: str) -> Waiting | None:
    """The oldest that waits."""
    row = database.row(
        "SELECT id, title, body FROM alert_message WHERE channel = ? AND sent IS NULL ORDER BY id LIMIT 1", channel
    )
    return Waiting(*row) if row else None


def gather(database: Database, channel: Channel, settle: timedelta, compose: Compose, now: datetime) -> bool:
    """Put what happened since into one message, once the oldest of it is `settle` old; tells whether there is one."""
    if database.value(f"SELECT 1 FROM alert_event WHERE {_BEHIND} LIMIT 1", channel.name) is None:
        return False
    with database.transaction():
        rows = database.rows(f"SELECT id, alert, kind, at FROM alert_event WHERE {_BEHIND} ORDER BY id", channel.name)
        if not rows or now - moment(rows[0][3]) < settle:
            return False
        message = compose(_heard(database, channel, rows), now)
        if message:
            _put(database, channel.name, "news", message, now)
        database.run("UPDATE alert_channel SET position = ? WHERE name = ?", rows[-1][0], channel.name)
    return message is not None


def put_digest(database: Database, channel: str, message: Message, day: str, now: datetime) -> None:
    """That day's message; one that still waits from another day is old news."""
    with database.transaction():
        database.run("DELETE FROM alert_message WHERE channel = ? AND kind = 'digest' AND sent IS NULL", channel)
        _put(database, channel, "digest", message, now)
        database.run("UPDATE alert_channel SET digest = ? WHERE name = ?", day, channel)
        database.run("DELETE FROM alert_message WHERE sent < ?", micros(now - KEPT))


def delivered(database: Database, channel: str, message: Waiting, now: datetime) -> None:
    with database.transaction():
        database.run("UPDATE alert_message SET sent = ? WHERE id = ?", micros(now), message.id)
        _well(database, channel, now)


def failed(database: Database, channel: str, problem: str, now: datetime) -> None:
    with database.transaction():
        failures = int(database.value("SELECT failures FROM alert_channel WHERE name = ?", channel) or 0)
        resume = now + BACKOFF[min(failures, len(BACKOFF) - 1)]
        database.run(
            "UPDATE alert_channel SET failures = failures + 1, failing = COALESCE(failing, ?), resume = ?,"
            " problem = ? WHERE name = ?",
            micros(now), micros(resume), problem, channel,
        )  # fmt: skip


def covered(database: Database, channel: Channel, sights: dict[str, Sight]) -> list[Sight]:
    """The gateways of that channel, in the order of their names."""
    tags = maintenance.tags(database)
    return [sights[name] for name in sorted(sights) if channel.covers(name, tags.get(name, frozenset()))]


def concerning(database: Database, channel: Channel) -> list[Alert]:
    """Open alerts that this channel is told of, worst first."""
    tags = maintenance.tags(database)
    return [
        each
        for each in alerts.firing(database)
        if channel.hears(each.severity, each.subject, tags.get(each.subject, frozenset()))
    ]


def _heard(database: Database, channel: Channel, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Alert, Event]]:
    known = {alert.id: alert for alert in alerts.by_ids(database, {alert for _, alert, *_ in rows})}
    tags = maintenance.tags(database)
    return [
        (known[alert], Event(kind))
        for _, alert, kind, _ in rows
        if alert in known
        and channel.hears(known[alert].severity, known[alert].subject, tags.get(known[alert].subject, frozenset()))
    ]


def _put(database: Database, channel: str, kind: str, message: Message, now: datetime) -> None:
    row = (channel, kind, message.title, message.body, micros(now))
    database.insert_all("alert_message", ("channel", "kind", "title", "body", "made"), [row])


def _well(database: Database, channel: str, now: datetime) -> None:
    database.run(
        "UPDATE alert_channel SET failures = 0, failing = NULL, resume = 0, problem = '', sent = ? WHERE name = ?",
        micros(now), channel,
    )  # fmt: skip


def _moment(kept: int | None) -> datetime | None:
    return moment(kept) if kept else None
