"""What endpoints were not told yet: a queue of records for each, filled and emptied so that none is lost.

Of one employee only the oldest waiting record is tried, so that they arrive in order. What an endpoint does not take
in ten attempts over three days is put aside as dead: it holds up nobody, and can be sent again. As long as an
endpoint takes nothing at all, nothing dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import audit
from .database import Database, micros, moment
from .endpoints import Endpoint
from .outbound import Outcome

AT_ONCE = 500  # records into the queue in one transaction
# After each failure of one record: the schedule that Standard Webhooks recommends.
BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
ATTEMPTS = len(BACKOFF) + 1
LONGEST = sum(BACKOFF, timedelta())
# After failures of an endpoint in a row that say that it is away or can take no more.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 300, 1800))
BUSY = frozenset({408, 425, 429, 502, 503, 504})
MANY = 5  # failures in a row after which it is left alone although it answers, but not for long: others may be taken
REFUSING = timedelta(minutes=5)
GONE = 410
NO_MORE = "it answered 410: it wants no more"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record for one endpoint. `dead` is when it was put aside."""

    record: int
    employee: str
    attempts: int
    due: datetime
    first_tried: datetime | None
    problem: str
    dead: datetime | None


@dataclass(frozen=True, slots=True)
class Count:
    """Of one endpoint: how many wait, since when the oldest does, how many are dead."""

    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0


def fill(database: Database, endpoint: Endpoint, now: datetime) -> int:
    """Put records that came since into the endpoint's queue; how many."""
    if database.value("SELECT 1 FROM record WHERE id > ? LIMIT 1", endpoint.position) is None:
        return 0
    with database.transaction():
        position = database.value("SELECT position FROM webhook WHERE id = ?", endpoint.id)
        rows = database.rows(
            "SELECT id, employee, duplicate FROM record WHERE id > ? ORDER BY id LIMIT ?", position, AT_ONCE
        )
        if position is None or not rows:
            return 0
        wanted = [(endpoint.id, id_, employee, micros(now)) for id_, employee, duplicate in rows if not duplicate]
        if wanted:
            database.insert_all("delivery", ("webhook", "record", "employee", "due"), wanted)
        database.run("UPDATE webhook SET position = ? WHERE id = ?", rows[-1][0], endpoint.id)
    return len(rows)


def due(database: Database, endpoint: Endpoint, now: datetime, limit: int) -> list[Delivery]:
    """What may be tried now, the longest due first: of each employee the oldest that waits, or nothing."""
    return _select(
        database, "webhook = ? AND dead IS NULL AND due <= ? AND NOT EXISTS (SELECT 1 FROM delivery AS earlier"
        " WHERE earlier.webhook = delivery.webhook AND earlier.employee = delivery.employee"
        " AND earlier.record < delivery.record AND earlier.dead IS NULL) ORDER BY due, record LIMIT ?",
        endpoint.id, micros(now), limit,
    )  # fmt: skip


def settle(database: Database, endpoint: Endpoint, tried: Sequence[tuple[Delivery, Outcome]], now: datetime) -> None:
    """Write down how those attempts went, in their order; of an endpoint that was removed meanwhile, nothing."""
    with database.transaction():
        if database.value("SELECT 1 FROM webhook WHERE id = ?", endpoint.id) is None:
            return
        for delivery, outcome in tried:
            if outcome.ok:
                _delivered(database, endpoint, delivery, now)
            else:
                _failed(database, endpoint, delivery, outcome, now)


def dead(database: Database, endpoint: Endpoint, limit: int = 200) -> list[Delivery]:
    """The oldest first."""
    return _select(database, "webhook = ? AND dead IS NOT NULL ORDER BY record LIMIT ?", endpoint.id, limit)


def resend(database: Database, endpoint: Endpoint, who: str, now: datetime, record: int | None = None) -> int:
    """Let that dead one, or all of the endpoint, wait again; how many. They go before what else waits of theirs."""
    where, values = ("", []) if record is None else (" AND record = ?", [record])
    with database.transaction():
        count = database.run(
            "UPDATE delivery SET dead = NULL, attempts = 0, first_tried = NULL, due = ?"
            f" WHERE webhook = ? AND dead IS NOT NULL{where}",
            micros(now), endpoint.id, *values,
        )  # fmt: skip
        audit.append(database, who, "webhook-resent", {"name": endpoint.name, "record": record, "count": count}, now)
    return count


def counts(database: Database) -> dict[int, Count]:
    """Endpoint → how its queue stands."""
    rows = database.rows(
        "SELECT webhook, SUM(CASE WHEN dead IS NULL THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN dead IS NULL THEN 0 ELSE 1 END), MIN(CASE WHEN dead IS NULL THEN record END)"
        " FROM delivery GROUP BY webhook"
    )
    return {
        webhook: Count(int(waiting), _stored(database, oldest), int(dead_))
        for webhook, waiting, dead_, oldest in rows
    }


def away(outcome: Outcome) -> bool:
    """Whether it is the endpoint that can take nothing now, not this one record. Pure."""
    return outcome.status is None or outcome.status in BUSY


def rests(outcome: Outcome) -> bool:
    """Whether to ask the endpoint nothing more right now. Pure."""
    return away(outcome) or outcome.status == GONE or outcome.retry_after is not None


def pause(failures: int, outcome: Outcome) -> timedelta | None:
    """How long to leave the endpoint alone after so many failures in a row; None when it was one record's. Pure."""
    if outcome.retry_after is not None:
        return timedelta(seconds=outcome.retry_after)
    if away(outcome):
        return PAUSES[min(failures, len(PAUSES)) - 1]
    return REFUSING if failures >= MANY else None


def _stored(database: Database, record: int | None) -> datetime | None:
    kept = database.value("SELECT stored FROM record WHERE id = ?", record) if record is not None else None
    return moment(kept) if kept is not None else None


def _delivered(database: Database, endpoint: Endpoint, delivery: Delivery, now: datetime) -> None:
    database.run("DELETE FROM delivery WHERE webhook = ? AND record = ?", endpoint.id, delivery.record)
    database.run(
        "UPDATE webhook SET delivered = delivered + 1, last_delivered = ?, failures = 0, resume = 0, problem = ''"
        " WHERE id = ?",
        micros(now), endpoint.id,
    )  # fmt: skip


def _failed(database: Database, endpoint: Endpoint, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    problem = f"{outcome.problem}: {outcome.excerpt}" if outcome.excerpt else outcome.problem
    attempts, first = delivery.attempts + 1, delivery.first_tried or now
    wait = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    if away(outcome):  # it goes on soon after the endpoint is back; the pauses of the endpoint keep it from haste
        wait = min(wait, PAUSES[-1])
    given_up = attempts >= ATTEMPTS and now - first >= LONGEST and _took_others(database, endpoint, first)
    database.run(
        "UPDATE delivery SET attempts = ?, due = ?, first_tried = ?, problem = ?, dead = ?"
        " WHERE webhook = ? AND record = ?",
        attempts, micros(now + wait), micros(first), problem, micros(now) if given_up else None,
        endpoint.id, delivery.record,
    )  # fmt: skip
    failures = database.value("SELECT failures FROM webhook WHERE id = ?", endpoint.id) + 1
    rest = pause(failures, outcome)
    database.run(
        "UPDATE webhook SET failures = ?, problem = ?, resume = ?, disabled = COALESCE(disabled, ?) WHERE id = ?",
        failures, problem, micros(now + rest) if rest else 0, NO_MORE if outcome.status == GONE else None,
        endpoint.id,
    )  # fmt: skip


def _took_others(database: Database, endpoint: Endpoint, since: datetime) -> bool:
    last = database.value("SELECT last_delivered FROM webhook WHERE id = ?", endpoint.id)
    return last is not None and moment(last) > since


def _select(database: Database, where: str, *values: Any) -> list[Delivery]:
    rows = database.rows(
        f"SELECT record, employee, attempts, due, first_tried, problem, dead FROM delivery WHERE {where}", *values
    )
    return [
        Delivery(
            record, employee, attempts, moment(due_), moment(first) if first is not None else None, problem,
            moment(dead_) if dead_ is not None else None,
        )
        for record, employee, attempts, due_, first, problem, dead_ in rows
    ]  # fmt: skip
