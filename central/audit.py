"""What people changed, in a table that is only ever added to: each line is chained to the one before by a hash.

A changed, removed or inserted line breaks the chain. Lines cut off at the end do not: whoever notes the hash of the
last line from time to time (it is printed by `gardu-central audit verify`) finds those too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from .database import Database, micros, moment

GENESIS = hashlib.sha256(b"gardu/v1/audit").hexdigest()
PAGE = 1000  # lines read at once


@dataclass(frozen=True, slots=True)
class Line:
    seq: int
    at: datetime
    who: str
    event: str
    body: str
    hash: str

    def follows(self, previous: str) -> bool:
        return self.hash == digest(previous, self.seq, micros(self.at), self.who, self.event, self.body)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many lines hold, the hash of the last of them, and the seq of the first that does not."""

    lines: int
    hash: str
    broken: int | None = None


def append(database: Database, who: str, event: str, body: Mapping[str, Any], now: datetime) -> None:
    """Inside of the transaction that makes the change: neither is there without the other."""
    last = database.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    text = msgspec.json.encode(body, order="sorted").decode()
    line = (seq, micros(now), who, event, text)
    database.insert_all("audit", ("seq", "at", "who", "event", "body", "hash"), [(*line, digest(previous, *line))])


def lines(database: Database, after: int = 0) -> Iterator[Line]:
    """In their order."""
    while True:
        rows = database.rows(
            "SELECT seq, at, who, event, body, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", after, PAGE
        )
        for seq, at, *rest in rows:
            yield Line(seq, moment(at), *rest)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def latest(database: Database, limit: int, *, before: int, who: str = "") -> list[Line]:
    """Up to `limit` lines with a seq below `before`, the newest first; of one person if `who` names them."""
    where, values = (" AND who = ?", [who]) if who else ("", [])
    rows = database.rows(
        f"SELECT seq, at, who, event, body, hash FROM audit WHERE seq < ?{where} ORDER BY seq DESC LIMIT ?",
        before, *values, limit,
    )  # fmt: skip
    return [Line(seq, moment(at), *rest) for seq, at, *rest in rows]


def verify(database: Database) -> Verdict:
    seen, previous = 0, GENESIS
    for line in lines(database):
        if line.seq != seen + 1 or not line.follows(previous):
            return Verdict(seen, previous, seen + 1)
        seen, previous = line.seq, line.hash
    return Verdict(seen, previous)


def holds(database: Database, noted: str) -> bool:
    """Whether the line is there whose hash somebody noted."""
    return noted == GENESIS or database.value("SELECT 1 FROM audit WHERE hash = ?", noted) is not None


def digest(previous: str, *line: object) -> str:
    """Over the hash of the line before (32 bytes) and the JSON of seq, at, who, event and body."""
    return hashlib.sha256(bytes.fromhex(previous) + msgspec.json.encode(line)).hexdigest()
