"""The gateway's journal: one SQLite file with what came in, what was recorded, and what is still to be said.

The only file of the gateway that imports peewee. Every public method is one transaction, durable when it returns
(WAL, synchronous=FULL), so a crash before or after it is all that can happen. Nothing is kept in memory between
calls that is not in the file: after an error of the disk the file alone is right.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import peewee

from modem.messages import Report
from modem.ussd import Reading
from mqtt_bridge import phones
from mqtt_bridge.day import Punch
from mqtt_bridge.records import (
    Ack,
    Action,
    Channel,
    Command,
    Desired,
    Flag,
    Policy,
    Record,
    Result,
    chained,
    encode,
    genesis,
)
from mqtt_bridge.sealing import seal_for
from mqtt_bridge.sms_codec import Answer

from .decide import decide
from .decision import MISSES_COUNT_FOR, Decision, Held, Outcome, Reply, Tone
from .message import IncomingMessage, fingerprint
from .part_store import PartStore
from .rows import LATE, MESSAGE, as_text, as_time, columns
from .rows import message as as_message
from .rules import Rules, counted, day_of, month_of
from .schema import STEPS

FORGET_SESSIONS = timedelta(days=2)

# How far a counter may follow the clock: a clock that is far ahead must not use all of them up.
_LATEST_COUNTER = 2**32 - 2**24

_LATEST = 2000  # messages: more than come in the minutes in which a second call is none
_COMMANDS = 200  # that can be answered again; an older one is refused by its number
_SIM_READINGS = 100  # more than the days that a forecast looks back


class JournalError(Exception):
    """The journal could not be read or written; whether a write happened shows on reading again."""


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


@dataclass(frozen=True, slots=True)
class Unread:
    """What an operator answered that was not understood; `answered` is False where `raw` says why it did not."""

    raw: str
    answered: bool


@dataclass(frozen=True, slots=True)
class Position:
    """How far the records go, and how far the collector holds them."""

    delivered: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the message log: one incoming message, what became of it, and its reply.

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


class Coding(StrEnum):
    """How records travel by SMS."""

    DATA = "data"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Flight:
    """An SMS with records first..last that went to the collector."""

    counter: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class UplinkState:
    """What is known of the way by SMS.

    `held` are the runs (first, last) that the collector holds, by its answer with the counter `answered`;
    `unknown_roster` is the tag of the roster that it did not know; `flights` may still be under way.
    """

    coding: Coding
    answered: int
    held: tuple[tuple[int, int], ...]
    unknown_roster: str
    flights: tuple[Flight, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A command of the collector, and how far it has come."""

    command: Command
    taken: datetime
    begun: datetime | None
    result: Result | None


Beforehand = Callable[[IncomingMessage, Rules, Held], Decision | None]


class Journal:
    """Opens the journal in that file and makes it when there is none. Raises `JournalError`."""

    def __init__(self, path: Path, gateway: str) -> None:
        self.gateway = gateway
        self._path = path
        self._lock = threading.RLock()
        self._parts = PartStore(self._run)
        self._database = peewee.SqliteDatabase(
            str(path),
            pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "busy_timeout": 5000},
            thread_safe=False,  # one connection for all threads, behind the lock
            check_same_thread=False,
        )
        self._open()

    def _open(self) -> None:
        with self._guarded():
            self._database.connect(reuse_if_open=True)
            # Some file systems silently keep another mode, and then a commit is no promise.
            settings = (self._value("PRAGMA journal_mode"), self._value("PRAGMA synchronous"))
            if settings != ("wal", 2):
                raise JournalError(
                    f"{self._path}: SQLite runs with {settings}, not with WAL and full synchronisation"
                )
        with self._transaction():
            self._migrate()
            self.id = self._meta("journal") or ""

    def _migrate(self) -> None:
        version, latest = self._value("PRAGMA user_version"), len(STEPS)
        if version > latest:
            raise JournalError(
                f"{self._path}: written by a newer version (schema {version}); this one knows {latest}"
            )
        for migration in STEPS[version:]:
            for statement in migration.strip().removesuffix(";").split(";\n"):
                self._run(statement)
        if version == 0:
            self._set_meta("journal", secrets.token_hex(8))
            self._set_meta("delivered", "0")
        if version != latest:
            self._run(f"PRAGMA user_version = {latest}")

    def reopen(self) -> None:
        """Start again from what the file holds, after an error that left a commit unknown."""
        with self._lock:
            self._database.close()
            self._open()

    def close(self) -> None:
        with self._lock:
            self._database.close()

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

    def _keep_reply(self, inbox: int, reply: Reply | None, message: IncomingMessage) -> None:
        if reply:
            told = message.channel is Channel.USSD  # whoever asks on a session hears it there
            self._run(
                "INSERT INTO outbox (inbox, number, tone, text, created, state, sent) VALUES (?, ?, ?, ?, ?, ?, ?)",
                inbox,
                reply.number,
                reply.tone,
                reply.text,
                as_text(message.received),
                Delivery.SENT if told else Delivery.QUEUED,
                as_text(message.received) if told else None,
            )

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

    def told(self, message: IncomingMessage) -> str | None:
        """What was replied to a message that was admitted."""
        with self._guarded():
            text: str | None = self._value(
                "SELECT outbox.text FROM outbox JOIN inbox ON inbox.id = outbox.inbox WHERE inbox.fingerprint = ?",
                fingerprint(message),
            )
        return text

    # Replies out

    def unsent(self, limit: int) -> list[Unsent]:
        """The oldest replies that still have to go out, also those whose sending was cut short."""
        with self._guarded():
            rows = self._rows(
                "SELECT outbox.id, number, outbox.text, created, attempts, inbox.modem"
                " FROM outbox JOIN inbox ON inbox.id = outbox.inbox"
                " WHERE state IN ('queued', 'sending') ORDER BY outbox.id LIMIT ?",
                limit,
            )
        return [_unsent(row) for row in rows]

    def unsent_count(self) -> int:
        with self._guarded():
            return int(self._value("SELECT COUNT(*) FROM outbox WHERE state IN ('queued', 'sending')"))

    def counters(self) -> tuple[int, int]:
        """Messages taken in, and replies made to them, since the journal began."""
        with self._guarded():
            (row,) = self._rows("SELECT (SELECT MAX(id) FROM inbox), (SELECT MAX(id) FROM outbox)")
            return row[0] or 0, row[1] or 0

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

    # The SIM

    def keep_sim_reading(self, sim: str, reading: Reading, raw: str, *, answered: bool) -> None:
        """Keep what the operator answered, understood or not, or why it did not."""
        until = reading.valid_until.isoformat() if reading.valid_until else None
        with self._transaction():
            self._run(
                "INSERT INTO sim_reading (sim, at, balance, valid_until, raw, answered) VALUES (?, ?, ?, ?, ?, ?)",
                sim,
                as_text(reading.at),
                reading.balance,
                until,
                raw,
                answered,
            )

    def sim_readings(self, sim: str) -> tuple[tuple[Reading, ...], tuple[Unread, ...]]:
        """The last answers that were understood, and those since then that were not; oldest first."""
        understood = "(balance IS NOT NULL OR valid_until IS NOT NULL)"
        with self._guarded():
            rows = self._rows(
                f"SELECT id, at, balance, valid_until FROM sim_reading WHERE sim = ? AND {understood}"
                " ORDER BY id DESC LIMIT ?",
                sim,
                _SIM_READINGS,
            )
            unread = self._rows(
                "SELECT raw, answered FROM sim_reading WHERE sim = ? AND id > ? ORDER BY id DESC LIMIT ?",
                sim,
                rows[0][0] if rows else 0,
                _SIM_READINGS,
            )
        known = [
            Reading(as_time(at), balance, date.fromisoformat(day) if day else None) for _, at, balance, day in rows
        ]
        return tuple(reversed(known)), tuple(Unread(raw, bool(told)) for raw, told in reversed(unread))

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

    # Records by SMS

    def uplink(self) -> UplinkState:
        with self._guarded():
            rows = self._rows(
                "SELECT counter, first_seq, last_seq FROM uplink WHERE problem IS NULL AND last_seq > ?"
                " ORDER BY counter",
                int(self._meta("delivered") or 0),
            )
            return UplinkState(
                coding=Coding(self._meta("uplink_coding") or Coding.DATA),
                answered=int(self._meta("uplink_answered") or 0),
                held=msgspec.json.decode(self._meta("uplink_held") or "[]", type=tuple[tuple[int, int], ...]),
                unknown_roster=self._meta("uplink_unknown_roster") or "",
                flights=tuple(Flight(*row) for row in rows),
            )

    def uplink_counter(self, now: datetime) -> int:
        """The number of the next SMS. It goes with the clock, so that a restored journal uses none a second time."""
        with self._guarded():
            last = int(self._value("SELECT COALESCE(MAX(counter), 0) FROM uplink"))
        return max(last + 1, min(int(now.timestamp()), _LATEST_COUNTER))

    def uplink_sending(self, flight: Flight, now: datetime) -> None:
        """An attempt begins; counted beforehand, as it may cost whatever becomes of it."""
        with self._transaction():
            self._run(
                "INSERT INTO uplink (counter, first_seq, last_seq, created) VALUES (?, ?, ?, ?)",
                flight.counter, flight.first, flight.last, as_text(now),
            )  # fmt: skip

    def uplink_failed(self, counter: int, problem: str) -> None:
        with self._transaction():
            self._run("UPDATE uplink SET problem = ? WHERE counter = ?", problem, counter)

    def uplink_coding(self, coding: Coding) -> None:
        """Send in that form from now on."""
        with self._transaction():
            self._set_meta("uplink_coding", coding)

    def uplink_answer(self, answer: Answer, unknown_roster: str) -> bool:
        """Note what the collector holds, unless a newer answer was there before; tells whether it was noted.

        What it holds by SMS is not delivered: that is for the ack of the signed batch to say.
        """
        with self._transaction():
            if answer.frame.counter <= int(self._meta("uplink_answered") or 0):
                return False
            self._set_meta("uplink_answered", str(answer.frame.counter))
            self._set_meta("uplink_held", msgspec.json.encode(answer.runs).decode())
            if unknown_roster:
                self._set_meta("uplink_unknown_roster", unknown_roster)
            return True

    def uplink_attempts(self, since: datetime) -> int:
        """How many SMS to the collector were tried since then."""
        with self._guarded():
            return int(self._value("SELECT COUNT(*) FROM uplink WHERE created >= ?", as_text(since)))

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

    # What the collector has it do

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
                " FROM inbox LEFT JOIN record ON record.seq = inbox.seq"
                " LEFT JOIN outbox ON outbox.inbox = inbox.id WHERE inbox.id < ? ORDER BY inbox.id DESC LIMIT ?",
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

    # SQLite

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (peewee.PeeweeException, sqlite3.Error) as error:
                raise JournalError(f"{self._path}: {_cause(error)}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded(), self._database.atomic("IMMEDIATE"):
            yield

    def _run(self, statement: str, *values: Any) -> Any:
        return self._database.execute_sql(statement, values)  # type: ignore[no-untyped-call]

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self._run(statement, *values).fetchall())

    def _value(self, statement: str, *values: Any) -> Any:
        row = self._run(statement, *values).fetchone()
        return row[0] if row else None

    def _meta(self, key: str) -> str | None:
        value: str | None = self._value("SELECT value FROM meta WHERE key = ?", key)
        return value

    def _set_meta(self, key: str, value: str) -> None:
        self._run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    def _last_seq(self) -> int:
        return int(self._value("SELECT COALESCE(MAX(seq), 0) FROM record"))

    def _hash_at(self, seq: int) -> str:
        if seq == 0:
            return genesis(self.gateway, self.id)
        return str(self._value("SELECT hash FROM record WHERE seq = ?", seq))


_ORDER = "body, taken, begun, result"
_decode_record = msgspec.json.Decoder(Record).decode
_decode_command = msgspec.json.Decoder(Command).decode
_decode_result = msgspec.json.Decoder(Result).decode


def _sealed(record: Record, rules: Rules) -> Record:
    """A NIP is for the collector alone: not even this file may hold it."""
    if record.action is not Action.REGISTER:
        return record
    return msgspec.structs.replace(record, note=seal_for(rules.sealing_key, record.note))


def _cause(error: BaseException) -> BaseException:
    """What went wrong first: after a full disk, the failed rollback is reported in place of it."""
    while isinstance(error.__context__, peewee.PeeweeException | sqlite3.Error):
        error = error.__context__
    return error


def _order(row: Sequence[Any]) -> Order:
    body, taken, begun, result = row
    return Order(
        command=_decode_command(body),
        taken=as_time(taken),
        begun=as_time(begun) if begun else None,
        result=_decode_result(result) if result else None,
    )


def _unsent(row: Sequence[Any]) -> Unsent:
    id_, number, text, created, attempts, modem = row
    return Unsent(id_, number, text, as_time(created), attempts, modem)


def _reading(row: Sequence[Any]) -> Reading:
    at, balance, until = row
    return Reading(as_time(at), balance, date.fromisoformat(until) if until else None)


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
