"""The journal's parts of long messages, until they make one. Every call is part of a transaction of the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modem.messages import Part

from .message import IncomingMessage
from .parts import Whole, belongs_to, digest, incomplete, joined
from .rows import LATE, MESSAGE, as_text, as_time, columns, message


class PartStore:
    """`run` executes a statement with its values, and returns a cursor."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def add(self, part: IncomingMessage, mark: str, window: timedelta) -> IncomingMessage | None:
        """Keep the part, unless it is here; returns the message that it completes, also when that was given up."""
        if self._run("SELECT 1 FROM part WHERE fingerprint = ?", mark).fetchone():
            return None
        whole = self._whole_of(part, window)
        self._insert(
            "part", f"whole, number, fingerprint, {MESSAGE}", whole, _place(part).number, mark, *columns(part)
        )
        (now,) = self._wholes("whole.id = ?", whole)
        if now.joined or not now.complete:
            return None
        self._run("UPDATE whole SET state = 'joined' WHERE id = ?", whole)
        self._forget_texts(whole)
        return joined(now)

    def waiting_since(self) -> datetime | None:
        """When the oldest part came that waits for the others of its message."""
        (since,) = self._run("SELECT MIN(since) FROM whole WHERE state = 'waiting'").fetchone()
        return as_time(since) if since else None

    def give_up(self, limit: datetime) -> list[IncomingMessage]:
        """Of messages that wait since then, or longer, what is there."""
        given_up = self._wholes("state = 'waiting' AND since <= ?", as_text(limit))
        for whole in given_up:
            self._run("UPDATE whole SET state = 'incomplete' WHERE id = ?", whole.id)
        return [incomplete(whole) for whole in given_up]

    def _whole_of(self, part: IncomingMessage, window: timedelta) -> int:
        """The message that it is a part of; it begins one if there is none."""
        place = _place(part)
        wholes = self._wholes(
            "sender = ? AND reference = ? AND total = ? AND since > ?",
            part.sender, place.reference, place.total, as_text(part.received - LATE),
        )  # fmt: skip
        found = belongs_to(part, wholes, window)
        if found:
            return found.id
        row = part.sender, place.reference, place.total, as_text(part.received), "waiting"
        return self._insert("whole", "sender, reference, total, since, state", *row)

    def _wholes(self, condition: str, *values: Any) -> list[Whole]:
        """Of a part that is here twice the first one counts."""
        found = []
        chosen = f"SELECT id, reference, total, state FROM whole WHERE {condition} ORDER BY id"
        for id_, reference, total, state in self._run(chosen, *values).fetchall():
            parts = self._run(f"SELECT number, {MESSAGE} FROM part WHERE whole = ? ORDER BY id DESC", id_).fetchall()
            pieces = {number: replace(message(row), part=Part(reference, number, total)) for number, *row in parts}
            found.append(Whole(id_, total, pieces, state == "joined"))
        return found

    def _forget_texts(self, whole: int) -> None:
        """The whole text is kept as far as it may be: in here it must not stay in pieces."""
        for id_, text in self._run("SELECT id, text FROM part WHERE whole = ?", whole).fetchall():
            self._run("UPDATE part SET text = ? WHERE id = ?", digest(text), id_)

    def _insert(self, table: str, names: str, *values: Any) -> int:
        places = ", ".join("?" * len(values))
        return int(self._run(f"INSERT INTO {table} ({names}) VALUES ({places})", *values).lastrowid)


def _place(part: IncomingMessage) -> Part:
    assert part.part
    return part.part
