"""The rules of one message. Pure: (message, roster, policy, what the journal holds) → what to do.

Nothing here reads a clock or a file; the same arguments give the same decision, today or in an audit years later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from mqtt_bridge import phones
from mqtt_bridge.records import Action, Flag, Policy, Presence, Record

from . import grammar, replies
from .message import Form, IncomingMessage, fingerprint
from .receipts import receipt

# Nothing was ever recorded before this.
_RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
# An SMS centre gives the year with two digits (3GPP TS 23.040, 9.2.3.11).
_END_OF_SCTS = datetime(2100, 1, 1, tzinfo=UTC)


class Outcome(StrEnum):
    """What became of a message; everything but RECORDED says why it made no record."""

    RECORDED = "recorded"
    REPEAT = "repeat"
    WAITING = "waiting"  # there is no roster yet to decide by
    UNKNOWN_SENDER = "unknown-sender"
    NOT_A_PHONE = "not-a-phone"
    NOT_UNDERSTOOD = "not-understood"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    BINARY = "binary"
    REPORT = "report"
    CALL = "call"  # from an employee, which the policy does not take for a check-in


class Tone(StrEnum):
    """What kind of reply it is; each kind has its own daily limit."""

    ANSWER = "answer"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Punch:
    """What the journal holds of one record of the same employee."""

    action: Action
    at: datetime
    receipt: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the journal holds that bears on one message.

    `seq` is the number that a new record would get; `punches` are the employee's records of the message's day;
    `answers` and `corrections` count the replies that its sender got today.
    """

    journal: str
    seq: int
    punches: tuple[Punch, ...] = ()
    answers: int = 0
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    tone: Tone
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    record: Record | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What is decided by: who has which number, and the policy."""

    employees: Mapping[str, str]  # E.164 number → opaque employee id
    policy: Policy

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.timezone)


@dataclass(frozen=True, slots=True)
class Counted:
    """The time that counts, and whether it is ours for want of a believable one of the SMS centre."""

    at: datetime
    own: bool


def counted(message: IncomingMessage, policy: Policy) -> Counted:
    """The SMS centre's time where it can be true, else the time of receipt; never a guess.

    Only a clock that was set by the network can contradict the SMS centre. A Raspberry Pi boots with the time at
    which it went off, and nothing shows that it is behind but a stamp from the future.
    """
    sent, received = message.sent, message.received
    if sent is None:
        return Counted(received, own=True)
    oldest, newest = _RELEASED, _END_OF_SCTS
    if message.clock_trusted:
        oldest = received - timedelta(hours=policy.sms_validity_hours)
        newest = received + timedelta(seconds=policy.clock_skew_seconds)
    if not oldest <= sent <= newest:
        return Counted(received, own=True)
    return Counted(sent.astimezone(UTC), own=False)


def day_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day that holds `at`, as [start, end) in UTC."""
    today = at.astimezone(zone).date()
    start = datetime.combine(today, time(), zone)
    end = datetime.combine(today + timedelta(days=1), time(), zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def decide(message: IncomingMessage, rules: Rules, held: Held) -> Decision:
    """What becomes of the message. The record still lacks its hash: the journal chains it."""
    if message.form is Form.REPORT:
        return Decision(Outcome.REPORT)
    if message.form is Form.CALL:
        return _call(message, rules, held)
    number = phones.sender(message.sender)
    if number is None:
        return Decision(Outcome.NOT_A_PHONE)
    employee = rules.employees.get(number)
    if employee is None:
        reply = _correction(number, replies.NOT_REGISTERED, held, limit=1)
        return Decision(Outcome.UNKNOWN_SENDER, reply=reply)
    wrong = _unreadable(message)
    action = None if wrong else grammar.parse(message.text)
    if action is None:
        outcome, text = wrong or (Outcome.NOT_UNDERSTOOD, replies.NOT_UNDERSTOOD)
        return Decision(outcome, reply=_correction(number, text, held, rules.policy.corrections_per_day))
    return _statement(message, rules, held, number, employee, action)


def _call(message: IncomingMessage, rules: Rules, held: Held) -> Decision:
    """A missed call: in, or out when there is an in already. Who is no employee asked nothing, and gets no answer."""
    number = phones.sender(message.sender)
    employee = rules.employees.get(number or "")
    if number is None or employee is None:
        return Decision(Outcome.NOT_A_PHONE if number is None else Outcome.UNKNOWN_SENDER)
    if not rules.policy.missed_calls:
        return Decision(Outcome.CALL)
    action = Action.OUT if any(punch.action is Action.IN for punch in held.punches) else Action.IN
    made = _statement(message, rules, held, number, employee, action)
    if made.record is None:
        return made
    flags = (Flag.LOW_ASSURANCE,) if message.clock_trusted else (Flag.CLOCK_UNTRUSTED, Flag.LOW_ASSURANCE)
    return replace(made, record=msgspec.structs.replace(made.record, flags=flags))


def _unreadable(message: IncomingMessage) -> tuple[Outcome, str] | None:
    """Why no check-in can be in it, with what to tell the sender."""
    if message.form is Form.BINARY:
        return Outcome.BINARY, replies.ONLY_TEXT
    if message.form is Form.PART or len(message.text) > grammar.LONGEST:
        return Outcome.TOO_LONG, replies.ONE_SHORT_TEXT
    if not message.text.strip():
        return Outcome.EMPTY, replies.NOT_UNDERSTOOD
    return None


def _statement(
    message: IncomingMessage, rules: Rules, held: Held, number: str, employee: str, action: Action
) -> Decision:
    time_ = counted(message, rules.policy)
    standing = _standing(action, time_.at, held.punches)
    if standing:
        text = replies.repeated(action, standing.at, rules.zone, standing.receipt)
        return Decision(Outcome.REPEAT, reply=_answer(number, text, held, rules.policy))
    record = Record(
        seq=held.seq,
        employee=employee,
        action=action,
        at=time_.at,
        received=message.received,
        channel=message.channel,
        presence=Presence.NONE,
        flags=(Flag.CLOCK_UNTRUSTED,) if time_.own else (),
        receipt=receipt(held.journal, held.seq),
        fingerprint=fingerprint(message),
    )
    text = replies.recorded(action, record.at, rules.zone, record.receipt, own_time=time_.own)
    return Decision(Outcome.RECORDED, record, _answer(number, text, held, rules.policy))


def _standing(action: Action, at: datetime, punches: tuple[Punch, ...]) -> Punch | None:
    """The record of that day that this statement would not change: the first counts for in, the last for out.

    An earlier "in" that was under way for longer is no repeat: a queue makes nobody late.
    """
    same = [punch for punch in punches if punch.action is action]
    if not same:
        return None
    if action is Action.OUT:
        last = max(same, key=lambda punch: punch.at)
        return last if last.at >= at else None
    first = min(same, key=lambda punch: punch.at)
    return first if first.at <= at else None


def _answer(number: str, text: str, held: Held, policy: Policy) -> Reply | None:
    return Reply(Tone.ANSWER, number, text) if held.answers < policy.answers_per_day else None


def _correction(number: str, text: str, held: Held, limit: int) -> Reply | None:
    return Reply(Tone.CORRECTION, number, text) if held.corrections < limit else None
