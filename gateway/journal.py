"""The gateway's journal: one SQLite file with what came in, what was recorded, and what is still to be said.

Every public method is one durable transaction. Nothing is kept in memory between calls that is not in the file: after
an error of the disk the file alone is right. Replies, records by SMS, commands and SIMs have files of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from mqtt_bridge import phones
from mqtt_bridge.day import Punch
from mqtt_bridge.records import (
    Ack,
    Action,
    Channel,
    Desired,
    Flag,
    Policy,
    Record,
    chained,
    encode,
    genesis,
)
from mqtt_bridge.sealing import seal_for

from .decide import decide, granted
from .decision import MISSES_COUNT_FOR, Decision, Held, Outcome, Tone
from .message import IncomingMessage, fingerprint
from .order_book import OrderBook
from .outbox import Delivery, Outbox
from .part_store import PartStore
from .rows import MESSAGE, as_text, as_time, columns
from .rows import message as as_message
from .rules import Rules, counted, day_of, month_of
from .sim_readings import SimReadings
from .store import JournalError
from .uplink_log import UplinkLog

FORGET_SESSIONS = timedelta(days=2)
REQUESTS_STAND = timedelta(days=30)  # to be bound; who waited longer has asked somebody

_LATEST = 2000  # messages: more than come in the minutes in which a second call is none


@dataclass(frozen=True, slots=True)
class Position:
    """How far the records go, and how far the collector holds them."""

    delivered: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the message log: an incoming message, what became of it, and its reply; a second one has a line too.

    `delivered` is what the network reported of the reply at the time `reported`; None while it tries.
    """

    id: int
    channel: Channel
    received: datetime
    sent: datetime | None
    sender: str
    text: str
    outcome: Outcome
    copies: int
    receipt: str | None
    reply: str | None
    delivery: Delivery | None
    delivered: bool | None
    reported: datetime | None
    action: Action | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Fork:
    """When the journal began anew under another id, and why."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Guesses:
    """How many wrong codes, from how many numbers."""

    codes: int
    numbers: int


@dataclass(frozen=True, slots=True)
class Session:
    """A USSD session: what was said last, as a hash of all since its beginning, and what was answered to that."""

    name: str
    number: str
    started: datetime
    said: str | None
    answer: str | None


# Requests by SMS to be bound that were not answered yet: an answer that was given up without a try is none. The order
# of the join is given, as SQLite would read all messages.
_ASKED = """
SELECT inbox.id, employee, receipt FROM record CROSS JOIN inbox ON inbox.seq = record.seq
WHERE action = 'register' AND record.at > ? AND channel = 'sms'
    AND inbox.id > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'notices_after')
    AND NOT EXISTS (SELECT 1 FROM outbox WHERE number = employee AND tone = ? AND outbox.inbox >= inbox.id
        AND (state <> 'failed' OR attempts > 0))
ORDER BY inbox.id
"""

Beforehand = Callable[[IncomingMessage, Rules, Held], Decision | None]


class Journal(Outbox, SimReadings, UplinkLog, OrderBook):
    """Opens the journal in that file and makes it when there is none. Raises `JournalError`."""

    def __init__(self, path: Path, gateway: str) -> None:
        self.gateway = gateway
        self._parts = PartStore(self._run)
        super().__init__(path)

    # Messages in

    def admit(
        self, messages: Sequence[IncomingMessage], rules: Rules | None, beforehand: Beforehand | None = None
    ) -> list[Outcome]:
        """Keep the messages, decide each, and keep what follows: record and reply. All of them or none.

        One that is here already, read or delivered again, changes nothing. Without rules they wait. What `beforehand`
        decides is no matter of employees. Parts are decided as one message once all of them are here.
        """
        with self._transaction():
            return [self._admit(message, rules, beforehand) for message in messages]

    def decide_waiting(self, rules: Rules, beforehand: Beforehand | None = None) -> int:
        """Decide what came in before there were rules; returns how many."""
        with self._transaction():
            rows = self._rows(f"SELECT id, {MESSAGE} FROM inbox WHERE outcome = 'waiting' ORDER BY id")
            for row in rows:
                message = as_message(row[1:])
                decision = self._decide(message, rules, beforehand)
                seq = decision.record.seq if decision.record else None
                text = message.text if decision.kept is None else decision.kept
                change = "UPDATE inbox SET outcome = ?, seq = ?, text = ? WHERE id = ?"
                self._run(change, decision.outcome, seq, text, row[0])
                self._keep_reply(row[0], decision.reply, message)
            return len(rows)

    def give_up_parts(self, now: datetime, rules: Rules, beforehand: Beforehand | None = None) -> list[Outcome]:
        """Decide messages whose other parts did not come in time, as far as they are here."""
        limit = now - timedelta(minutes=rules.policy.parts_minutes)
        waiting = self.parts_waiting()
        if waiting is None or waiting > limit:
            return []
        with self._transaction():
            return [self._admit(message, rules, beforehand) for message in self._parts.give_up(limit)]

    def callers(self, since: datetime) -> set[str]:
        """Who called since then, by the latest messages."""
        with self._guarded():
            rows = self._rows(
                "SELECT sender FROM (SELECT sender, channel, received FROM inbox ORDER BY id DESC LIMIT ?)"
                " WHERE channel = ? AND received > ?",
                _LATEST,
                Channel.CALL,
                as_text(since),
            )
        return {sender for (sender,) in rows}

    def _admit(self, message: IncomingMessage, rules: Rules | None, beforehand: Beforehand | None) -> Outcome:
        if message.report and self._note_report(message, message.report):
            return Outcome.REPORT
        mark = fingerprint(message)
        if message.part:
            return self._admit_part(message, mark, rules, beforehand)
        known = self._rows("SELECT outcome FROM inbox WHERE fingerprint = ?", mark)
        if known:
            self._run("UPDATE inbox SET copies = copies + 1 WHERE fingerprint = ?", mark)
            return Outcome(known[0][0])
        decision = self._decide(message, rules, beforehand) if rules else Decision(Outcome.WAITING)
        inbox = self._keep_message(message, mark, decision)
        self._keep_reply(inbox, decision.reply, message)
        return decision.outcome

    def _admit_part(
        self, part: IncomingMessage, mark: str, rules: Rules | None, beforehand: Beforehand | None
    ) -> Outcome:
        policy = rules.policy if rules else Policy()
        whole = self._parts.add(part, mark, timedelta(minutes=policy.parts_minutes))
        return self._admit(whole, rules, beforehand) if whole else Outcome.PART

    def _decide(self, message: IncomingMessage, rules: Rules, beforehand: Beforehand | None) -> Decision:
        held = self._held(message, rules)
        decision = (beforehand(message, rules, held) if beforehand else None) or decide(message, rules, held)
        if decision.record:
            self._append(_sealed(decision.record, rules))
        number = phones.sender(message.sender)
        if decision.menu != held.menu:
            self._keep_menu(number, decision.menu, message.received)
        if decision.silence is not None:
            self._run("DELETE FROM silent WHERE number = ?", number)
            if decision.silence:
                self._run("INSERT INTO silent VALUES (?)", number)
        return decision

    def _held(self, message: IncomingMessage, rules: Rules) -> Held:
        number = phones.sender(message.sender)
        seq = self._last_seq() + 1
        if number is None:
            return Held(self.id, seq)
        told = dict(
            self._rows(
                "SELECT tone, COUNT(*) FROM outbox WHERE number = ? AND created >= ? GROUP BY tone",
                number,
                as_text(day_of(message.received, rules.zone)[0]),
            )
        )
        subjects = [member.employee for member in rules.people.get(number, ())] or [number]
        return Held(
            self.id,
            seq,
            {subject: self._punches(subject, message, rules) for subject in subjects},
            answers=sum(told.get(tone, 0) for tone in (Tone.ANSWER, Tone.INFORMATION, Tone.REFUSAL)),
            corrections=told.get(Tone.CORRECTION, 0),
            misses=self._misses(message),
            menu=self._menu(number, message.received - timedelta(minutes=rules.policy.menu_minutes)),
            silent=bool(self._rows("SELECT 1 FROM silent WHERE number = ?", number)),
        )

    def _punches(self, subject: str, message: IncomingMessage, rules: Rules) -> list[Punch]:
        start, end = month_of(counted(message, rules.policy).at, rules.zone)
        rows = self._rows(
            "SELECT action, at, receipt, inferred FROM record WHERE employee = ? AND at >= ? AND at < ?",
            subject,
            as_text(start),
            as_text(end),
        )
        return [Punch(Action(action), as_time(at), receipt, bool(guess)) for action, at, receipt, guess in rows]

    def _misses(self, message: IncomingMessage) -> tuple[datetime, ...]:
        rows = self._rows(
            "SELECT received FROM inbox WHERE outcome IN ('wrong-code', 'blocked') AND received > ? AND received <= ?"
            " AND outcome = 'wrong-code' AND sender = ? ORDER BY received",
            as_text(message.received - MISSES_COUNT_FOR),
            as_text(message.received),
            message.sender,
        )
        return tuple(as_time(received) for (received,) in rows)

    def _menu(self, number: str, since: datetime) -> tuple[str, ...] | None:
        inputs = self._value("SELECT inputs FROM menu WHERE number = ? AND at >= ?", number, as_text(since))
        return None if inputs is None else tuple(inputs.split())

    def _keep_menu(self, number: str | None, inputs: tuple[str, ...] | None, at: datetime) -> None:
        self._run("DELETE FROM menu WHERE number = ?", number)
        if inputs is not None:
            self._run("INSERT INTO menu VALUES (?, ?, ?)", number, " ".join(inputs), as_text(at))

    def _append(self, record: Record) -> None:
        whole = chained(self._hash_at(record.seq - 1), record)
        self._run(
            "INSERT INTO record (seq, employee, action, at, receipt, hash, body, inferred)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            whole.seq,
            whole.employee,
            whole.action,
            as_text(whole.at),
            whole.receipt,
            whole.hash,
            encode(whole),
            Flag.INFERRED in whole.flags,
        )

    def _keep_message(self, message: IncomingMessage, mark: str, decision: Decision) -> int:
        kept = message if decision.kept is None else replace(message, text=decision.kept)
        seq = decision.record.seq if decision.record else None
        row = (mark, *columns(kept), decision.outcome, seq)
        places = ", ".join("?" * len(row))
        inserted = self._run(f"INSERT INTO inbox (fingerprint, {MESSAGE}, outcome, seq) VALUES ({places})", *row)
        return int(inserted.lastrowid)

    # Sessions

    def session(self, name: str, number: str, now: datetime) -> Session:
        """The session of that name, begun now if it is new. Those of days ago are forgotten."""
        with self._transaction():
            self._run("DELETE FROM session WHERE started < ?", as_text(now - FORGET_SESSIONS))
            self._run(
                "INSERT OR IGNORE INTO session (id, number, started) VALUES (?, ?, ?)", name, number, as_text(now)
            )
            row = self._rows("SELECT number, started, said, answer FROM session WHERE id = ?", name)[0]
        return Session(name, row[0], as_time(row[1]), row[2], row[3])

    def keep_answer(self, session: Session, said: str, answer: str) -> None:
        """So that a callback that is repeated hears the same."""
        with self._transaction():
            self._run("UPDATE session SET said = ?, answer = ? WHERE id = ?", said, answer, session.name)

    def counters(self) -> tuple[int, int]:
        """Messages taken in, and replies made to them, since the journal began."""
        with self._guarded():
            (row,) = self._rows("SELECT (SELECT MAX(id) FROM inbox), (SELECT MAX(id) FROM outbox)")
            return row[0] or 0, row[1] or 0

    # Records forward

    def position(self) -> Position:
        with self._guarded():
            return Position(int(self._meta("delivered") or 0), self._last_seq())

    def records(self, after: int, limit: int) -> list[Record]:
        """Up to `limit` records behind that seq, in order."""
        with self._guarded():
            rows = self._rows("SELECT body FROM record WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [self._decoded(body, after + step) for step, (body,) in enumerate(rows, 1)]

    def _decoded(self, body: bytes, seq: int) -> Record:
        try:
            return _decode_record(body)
        except msgspec.MsgspecError as error:
            raise JournalError(f"{self._path}: record {seq} is damaged: {error}") from None

    def hash_at(self, seq: int) -> str | None:
        """The hash of that record, of the chain's start for 0; None when there is no such record."""
        with self._guarded():
            return self._hash_at(seq) if 0 <= seq <= self._last_seq() else None

    def acknowledge(self, ack: Ack) -> bool:
        """Note how far the collector holds this journal, forth or, after it lost data, back.

        False when what it holds is not what is here: another journal, more than there is, or another chain.
        """
        with self._transaction():
            if ack.journal != self.id or ack.seq > self._last_seq() or ack.hash != self._hash_at(ack.seq):
                return False
            self._set_meta("delivered", str(ack.seq))
            return True

    def fork(self, why: str, at: datetime) -> None:
        """Go on under a new journal id, with the same records in a chain of their own.

        The collector holds something else under the old id: this file was turned back, by an old card or by one that
        lied about what it wrote. All goes to the collector anew; by the fingerprints it tells what it has already.
        """
        with self._transaction():
            self._set_meta("journal", secrets.token_hex(8))
            self._set_meta("delivered", "0")
            self._set_meta("forked", f"{as_text(at)} {why}")
            self._set_meta("uplink_held", "[]")
            self._run("UPDATE uplink SET problem = 'of the journal before' WHERE problem IS NULL")
            self.id = self._meta("journal") or ""
            previous = genesis(self.gateway, self.id)
            for seq, body in self._rows("SELECT seq, body FROM record ORDER BY seq"):
                whole = chained(previous, self._decoded(body, seq))
                self._run("UPDATE record SET hash = ?, body = ? WHERE seq = ?", whole.hash, encode(whole), seq)
                previous = str(whole.hash)

    def forked(self) -> Fork | None:
        """The last time that the journal had to begin anew."""
        with self._guarded():
            at, _, why = (self._meta("forked") or "").partition(" ")
        return Fork(as_time(at), why) if at else None

    def starts(self) -> int:
        """Counts the starts of the gateway, this one included."""
        with self._transaction():
            count = int(self._meta("starts") or 0) + 1
            self._set_meta("starts", str(count))
            return count

    # What the collector wants

    def desired(self) -> Desired | None:
        with self._guarded():
            text = self._meta("desired")
        return msgspec.json.decode(text, type=Desired) if text else None

    def desired_version(self) -> int:
        """The version held, without reading all of it; 0 for none."""
        with self._guarded():
            return int(self._meta("desired_version") or 0)

    def apply(self, desired: Desired) -> bool:
        """Hold it from now on, unless what is held is as new; tells whether it was applied."""
        with self._transaction():
            if self.desired_version() >= desired.version:
                return False
            self._set_meta("desired", encode(desired).decode())
            self._set_meta("desired_version", str(desired.version))
            return True

    def tell_bound(self, at: datetime) -> int:
        """Tell the numbers that asked for it by SMS that they are bound now, each once; tells how many."""
        with self._transaction():
            rows = self._rows(_ASKED, as_text(at - REQUESTS_STAND), Tone.NOTICE)
            # Of several requests of a number the last is answered, and those before it with it.
            asked = {number: (inbox, receipt) for inbox, number, receipt in rows}
            held = self.desired() if asked else None
            rules = Rules.of(held) if held else None
            told = 0
            for number, (inbox, receipt) in asked.items():
                if rules and (reply := granted(number, receipt, rules)):
                    self._queue(inbox, reply, at)
                    told += 1
            return told

    def send_again(self, first: int) -> Position:
        """Take the records from that one on for undelivered; tells how far they went, and go."""
        with self._transaction():
            position = Position(int(self._meta("delivered") or 0), self._last_seq())
            if first <= position.delivered:
                self._set_meta("delivered", str(first - 1))
            return position

    def counts(self) -> dict[str, dict[str, int]]:
        """How many messages there are by what became of them, replies by where they stand, and records."""
        with self._guarded():
            return {
                "messages": dict(self._rows("SELECT outcome, COUNT(*) FROM inbox GROUP BY outcome")),
                "replies": dict(self._rows("SELECT state, COUNT(*) FROM outbox GROUP BY state")),
                "records": {"last": self._last_seq(), "delivered": int(self._meta("delivered") or 0)},
            }

    # For people

    def log(self, limit: int, before: int | None = None) -> list[Entry]:
        """The newest messages first; `before` is the id of the last one on the page before."""
        with self._guarded():
            rows = self._rows(
                "SELECT inbox.id, channel, received, inbox.sent, sender, inbox.text, outcome, copies, record.receipt,"
                " outbox.text, outbox.state, outbox.delivered, outbox.reported, record.action, record.at"
                " FROM (SELECT * FROM inbox WHERE id < ? ORDER BY id DESC LIMIT ?) AS inbox"
                " LEFT JOIN record ON record.seq = inbox.seq LEFT JOIN outbox ON outbox.inbox = inbox.id"
                " ORDER BY inbox.id DESC, outbox.id",
                2**62 if before is None else before,
                limit,
            )
        return [_entry(row) for row in rows]

    def parts_waiting(self) -> datetime | None:
        """Since when the oldest part waits for the others of its message."""
        with self._guarded():
            return self._parts.waiting_since()

    def guesses(self, since: datetime) -> Guesses:
        """The wrong codes since then, with those that were not even looked at."""
        with self._guarded():
            rows = self._rows(
                "SELECT COUNT(*), COUNT(DISTINCT sender) FROM inbox"
                " WHERE outcome IN ('wrong-code', 'blocked') AND received > ?",
                as_text(since),
            )
        return Guesses(*rows[0])

    def latest(self) -> datetime | None:
        """The newest time that both the SMS centre and we had reached: the clock must not fall behind it again.

        Both, so that one message that came while our clock ran ahead does not spoil it for good.
        """
        with self._guarded():
            text = self._value("SELECT MAX(MIN(sent, received)) FROM inbox WHERE clock_trusted AND sent IS NOT NULL")
        return as_time(text) if text else None

    def _last_seq(self) -> int:
        return int(self._value("SELECT COALESCE(MAX(seq), 0) FROM record"))

    def _hash_at(self, seq: int) -> str:
        if seq == 0:
            return genesis(self.gateway, self.id)
        return str(self._value("SELECT hash FROM record WHERE seq = ?", seq))


_decode_record = msgspec.json.Decoder(Record).decode


def _sealed(record: Record, rules: Rules) -> Record:
    """A NIP is for the collector alone: not even this file may hold it."""
    if record.action is not Action.REGISTER:
        return record
    return msgspec.structs.replace(record, note=seal_for(rules.sealing_key, record.note))


def _entry(row: Sequence[Any]) -> Entry:
    id_, channel, received, sent, sender, text, outcome, copies, receipt, *rest = row
    reply, state, delivered, reported, action, at = rest
    return Entry(
        id=id_,
        channel=Channel(channel),
        received=as_time(received),
        sent=as_time(sent) if sent else None,
        sender=sender,
        text=text,
        outcome=Outcome(outcome),
        copies=copies,
        receipt=receipt,
        reply=reply,
        delivery=Delivery(state) if state else None,
        delivered=None if delivered is None else bool(delivered),
        reported=as_time(reported) if reported else None,
        action=Action(action) if action else None,
        at=as_time(at) if at else None,
    )
