"""Who is logged in where: kept here and not in a cookie alone, so that it can be seen and ended."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from .database import Database, micros, moment

LASTS = timedelta(hours=12)  # a working day, however busy a page keeps itself
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """`id` is the digest of the token that the browser holds; `origin` is where from, `agent` with what."""

    id: str
    person: str
    begun: datetime
    seen: datetime
    origin: str
    agent: str


def begin(database: Database, person: str, origin: str, agent: str, now: datetime) -> str:
    """The token for the browser."""
    token = secrets.token_urlsafe(32)
    shown = "".join(sign for sign in agent[:200] if sign.isprintable())
    row = (_digest(token), person, micros(now), micros(now), origin, shown)
    with database.transaction():
        database.run("DELETE FROM session WHERE begun < ?", micros(now - LASTS))
        database.insert_all("session", ("id", "person", "begun", "seen", "origin", "agent"), [row])
    return token


def find(database: Database, token: str, now: datetime) -> Session | None:
    """None for what was ended or lasted its time."""
    row = database.row(f"{_SELECT} WHERE id = ? AND begun > ?", _digest(token), micros(now - LASTS))
    found = _session(row) if row else None
    if found and now - found.seen > SEEN_EVERY:
        database.run("UPDATE session SET seen = ? WHERE id = ?", micros(now), found.id)
    return found


def of(database: Database, person: str, now: datetime) -> list[Session]:
    """The latest first."""
    rows = database.rows(
        f"{_SELECT} WHERE person = ? AND begun > ? ORDER BY begun DESC, id", person, micros(now - LASTS)
    )
    return [_session(row) for row in rows]


def end(database: Database, person: str, id_: str) -> bool:
    """Of that person only; tells whether there was one."""
    return database.run("DELETE FROM session WHERE person = ? AND id = ?", person, id_) > 0


def end_all(database: Database, person: str, but: str = "") -> int:
    return database.run("DELETE FROM session WHERE person = ? AND id <> ?", person, but)


_SELECT = "SELECT id, person, begun, seen, origin, agent FROM session"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _session(row: tuple[str, str, int, int, str, str]) -> Session:
    id_, person, begun, seen, origin, agent = row
    return Session(id_, person, moment(begun), moment(seen), origin, agent)
