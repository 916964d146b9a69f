"""That the collector lives and hears the broker, written down for those who can not ask it: they may be elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .database import Database, micros, moment

COLLECTOR = "collector"
EVERY = timedelta(seconds=10)
GONE_AFTER = timedelta(seconds=60)
# After it came back, every gateway reports within so long.
SETTLED_AFTER = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Beat:
    """`since` is when it began to be as it is: `problem` is empty while the broker is heard."""

    since: datetime
    at: datetime
    problem: str

    def gone(self, now: datetime) -> bool:
        return now - self.at > GONE_AFTER

    def listening(self, now: datetime) -> bool:
        return not self.problem and not self.gone(now) and now - self.since >= SETTLED_AFTER


class Pulse:
    def __init__(self, database: Database, name: str = COLLECTOR) -> None:
        self._database = database
        self._name = name
        self._told: Beat | None = None

    def beat(self, problem: str, now: datetime) -> None:
        told = self._told
        if told and told.problem == problem and timedelta() <= now - told.at < EVERY:
            return
        with self._database.transaction():
            before = last(self._database, self._name)
            goes_on = before is not None and before.problem == problem and not before.gone(now)
            made = Beat(before.since if before and goes_on else now, now, problem)
            self._database.run(
                "INSERT INTO pulse (name, since, at, problem) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET since = excluded.since, at = excluded.at, problem = excluded.problem",
                self._name, micros(made.since), micros(made.at), problem,
            )  # fmt: skip
        self._told = made


def last(database: Database, name: str = COLLECTOR) -> Beat | None:
    """None before it ever ran."""
    row = database.row("SELECT since, at, problem FROM pulse WHERE name = ?", name)
    return Beat(moment(row[0]), moment(row[1]), row[2]) if row else None
