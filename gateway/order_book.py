"""The journal's commands of the collector: begun at most once, answered always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from mqtt_bridge.records import Command, Result, encode

from .rows import as_text, as_time
from .store import Store

_COMMANDS = 200  # that can be answered again; an older one is refused by its number
_ORDER = "body, taken, begun, result"
_decode_command = msgspec.json.Decoder(Command).decode
_decode_result = msgspec.json.Decoder(Result).decode


@dataclass(frozen=True, slots=True)
class Order:
    """A command of the collector, and how far it has come."""

    command: Command
    taken: datetime
    begun: datetime | None
    result: Result | None


class OrderBook(Store):
    """Numbers only rise: what is older than one that was kept is refused."""

    def keep_command(self, command: Command, at: datetime) -> bool:
        """Before anything is done about it. False when it was there before, or is older than one that was."""
        with self._transaction():
            if command.number <= int(self._meta("command") or 0) or self._order(command.id):
                return False
            self._set_meta("command", str(command.number))
            self._run(
                "INSERT INTO command (number, id, body, taken) VALUES (?, ?, ?, ?)",
                command.number, command.id, encode(command), as_text(at),
            )  # fmt: skip
            self._run(
                "DELETE FROM command WHERE result IS NOT NULL"
                " AND number NOT IN (SELECT number FROM command ORDER BY number DESC LIMIT ?)",
                _COMMANDS,
            )
            return True

    def begin_command(self, id_: str, at: datetime) -> bool:
        """Noted beforehand: after a crash nobody knows whether it was done. False when it had begun before."""
        with self._transaction():
            changed = self._run(
                "UPDATE command SET begun = ? WHERE id = ? AND begun IS NULL AND result IS NULL", as_text(at), id_
            )
            return int(changed.rowcount) == 1

    def answer_command(self, result: Result) -> None:
        """How it ended: said once, and then always the same."""
        with self._transaction():
            self._run("UPDATE command SET result = ? WHERE id = ? AND result IS NULL", encode(result), result.id)

    def order(self, id_: str) -> Order | None:
        with self._guarded():
            return self._order(id_)

    def open_orders(self) -> list[Order]:
        """Those without a result, oldest first."""
        with self._guarded():
            rows = self._rows(f"SELECT {_ORDER} FROM command WHERE result IS NULL ORDER BY number")
        return [_order(row) for row in rows]

    def orders(self, limit: int) -> list[Order]:
        """The newest first."""
        with self._guarded():
            rows = self._rows(f"SELECT {_ORDER} FROM command ORDER BY number DESC LIMIT ?", limit)
        return [_order(row) for row in rows]

    def _order(self, id_: str) -> Order | None:
        rows = self._rows(f"SELECT {_ORDER} FROM command WHERE id = ?", id_)
        return _order(rows[0]) if rows else None


def _order(row: Sequence[Any]) -> Order:
    body, taken, begun, result = row
    return Order(
        command=_decode_command(body),
        taken=as_time(taken),
        begun=as_time(begun) if begun else None,
        result=_decode_result(result) if result else None,
    )
