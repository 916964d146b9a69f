"""The journal's replies: what has to go out, what went, and what the network reported of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from modem.messages import Report
from mqtt_bridge import phones
from mqtt_bridge.records import Channel

from .decision import Reply
from .message import IncomingMessage, fingerprint
from .rows import LATE, as_text, as_time
from .store import Store


class Delivery(StrEnum):
    """Where a reply stands. SENDING after a restart means that nobody knows whether it went out."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unsent:
    """A reply that still has to go out; `attempts` counts those before."""

    id: int
    number: str
    text: str
    created: datetime
    attempts: int
    modem: str  # that got the message


class Outbox(Store):
    """Replies are made by the transaction that decides a message, or by one that later grants what it asked for."""

    def _keep_reply(self, inbox: int, reply: Reply | None, message: IncomingMessage) -> None:
        if reply:
            told = message.channel is Channel.USSD  # whoever asks on a session hears it there
            self._queue(inbox, reply, message.received, told=told)

    def _queue(self, inbox: int, reply: Reply, at: datetime, *, told: bool = False) -> None:
        """To that message; `told` when it needs no SMS any more."""
        self._run(
            "INSERT INTO outbox (inbox, number, tone, text, created, state, sent) VALUES (?, ?, ?, ?, ?, ?, ?)",
            inbox,
            reply.number,
            reply.tone,
            reply.text,
            as_text(at),
            Delivery.SENT if told else Delivery.QUEUED,
            as_text(at) if told else None,
        )

    def told(self, message: IncomingMessage) -> str | None:
        """What was replied to a message that was admitted."""
        with self._guarded():
            text: str | None = self._value(
                "SELECT outbox.text FROM outbox JOIN inbox ON inbox.id = outbox.inbox WHERE inbox.fingerprint = ?"
                " ORDER BY outbox.id LIMIT 1",
                fingerprint(message),
            )
        return text

    def unsent(self, limit: int) -> list[Unsent]:
        """Replies still to go out, also those whose sending was cut short: the oldest first, notices last."""
        with self._guarded():
            rows = self._rows(
                "SELECT outbox.id, number, outbox.text, created, attempts, inbox.modem"
                " FROM outbox JOIN inbox ON inbox.id = outbox.inbox"
                " WHERE state IN ('queued', 'sending') ORDER BY tone = 'notice', outbox.id LIMIT ?",
                limit,
            )
        return [_unsent(row) for row in rows]

    def unsent_count(self) -> int:
        with self._guarded():
            return int(self._value("SELECT COUNT(*) FROM outbox WHERE state IN ('queued', 'sending')"))

    def sending(self, reply: int, attempts: int) -> bool:
        """An attempt begins; counted beforehand, so that a crash in the middle can not add copies without end.

        False when the reply is not as it was after so many attempts: somebody else has sent it, or tries.
        """
        with self._transaction():
            changed = self._run(
                "UPDATE outbox SET state = 'sending', attempts = attempts + 1"
                " WHERE id = ? AND attempts = ? AND state IN ('queued', 'sending')",
                reply,
                attempts,
            )
            return int(changed.rowcount) == 1

    def sent(self, reply: int, at: datetime, reference: int | None = None, modem: str = "") -> None:
        """It went out by that modem; `reference` is what a delivery report will name, if one was asked for."""
        change = "state = 'sent', problem = NULL, sent = ?, reference = ?, modem = ?"
        self._change_reply(reply, change, as_text(at), reference, modem)

    def not_sent(self, reply: int, problem: str, *, give_up: bool) -> None:
        """The attempt failed; `give_up` makes it the last."""
        self._change_reply(reply, "state = ?, problem = ?", Delivery.FAILED if give_up else Delivery.QUEUED, problem)

    def _note_report(self, message: IncomingMessage, report: Report) -> bool:
        """Note with the reply what became of it; False when there is none that the report can mean.

        References come again after 256 SMS: the newest is meant. One that was delivered stays so.
        """
        reply = self._value(
            "SELECT id FROM outbox WHERE number = ? AND reference = ? AND modem = ? AND created > ?"
            " ORDER BY id DESC LIMIT 1",
            phones.mobile(message.sender) or message.sender,
            report.reference,
            message.modem,
            as_text(message.received - LATE),
        )
        if reply is None:
            return False
        at = as_text(report.at or message.received)
        change = "UPDATE outbox SET delivered = ?, reported = ? WHERE id = ? AND delivered IS NOT 1"
        self._run(change, report.delivered, at, reply)
        return True

    def _change_reply(self, reply: int, change: str, *values: Any) -> None:
        with self._transaction():
            self._run(f"UPDATE outbox SET {change} WHERE id = ?", *values, reply)

    def poking(self, at: datetime, modem: str) -> None:
        """That modem tries an SMS to wake the SMS centre; counted beforehand: it may cost whatever becomes of it."""
        with self._transaction():
            self._run("INSERT INTO poke (at, modem) VALUES (?, ?)", as_text(at), modem)

    def pokes(self, since: datetime, modem: str) -> int:
        with self._guarded():
            return int(self._value("SELECT COUNT(*) FROM poke WHERE at >= ? AND modem = ?", as_text(since), modem))

    def attempts(self, since: datetime) -> int:
        """How often a reply made since then was given to the modem: each may cost an SMS."""
        with self._guarded():
            return int(
                self._value("SELECT COALESCE(SUM(attempts), 0) FROM outbox WHERE created >= ?", as_text(since))
            )

    def failed_in_a_row(self) -> int:
        """Replies that were tried and given up since the last one that went out."""
        with self._guarded():
            last = "SELECT MAX(id) FROM outbox WHERE state = 'sent' AND attempts > 0"
            failed = "SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND attempts > 0"
            return int(self._value(f"{failed} AND id > IFNULL(({last}), 0)"))


def _unsent(row: Sequence[Any]) -> Unsent:
    id_, number, text, created, attempts, modem = row
    return Unsent(id_, number, text, as_time(created), attempts, modem)
