"""The rules of one message. Pure: (message, rules, what the journal holds) → what to do.

Nothing here reads a clock or a file; the same arguments give the same decision, today or in an audit years later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from mqtt_bridge import phones
from mqtt_bridge.day import Punch, settle
from mqtt_bridge.records import Action, Channel, Flag, Member, Presence, PresenceRule, Record, Replies

from . import grammar, menu
from .grammar import BareCode, Dispute, Fault, Help, Mistake, Query, Register, Scope, Silence, Statement
from .message import Form, IncomingMessage, fingerprint
from .presence import UNSURE, Verdict, judge
from .receipts import receipt
from .replies import Texts
from .rules import Counted, Rules, counted
from .schedule import minutes_early, minutes_late

MISSES_COUNT_FOR = timedelta(hours=1)
DISPUTES_PER_DAY = 3


class Outcome(StrEnum):
    """What became of a message; everything but RECORDED says why it made no record."""

    RECORDED = "recorded"
    REPEAT = "repeat"
    ANSWERED = "answered"  # a question, or a step in the menu
    WAITING = "waiting"  # there is no roster yet to decide by
    UNKNOWN_SENDER = "unknown-sender"
    NOT_A_PHONE = "not-a-phone"
    NOT_UNDERSTOOD = "not-understood"
    WHO_SPEAKS = "who-speaks"
    NO_CODE = "no-code"
    OLD_CODE = "old-code"
    WRONG_CODE = "wrong-code"
    BLOCKED = "blocked"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    PART = "part"  # of a message that is not whole yet
    INCOMPLETE = "incomplete"  # its other parts never came
    BINARY = "binary"
    REPORT = "report"
    UPLINK = "uplink"  # the collector's answer to records that went by SMS
    IT = "it"  # a question of IT staff
    POKE = "poke"  # it made the SMS centre bring what it kept


class Tone(StrEnum):
    """What kind of reply it is; what was asked for is told even to those who want no answers."""

    ANSWER = "answer"
    INFORMATION = "information"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Held:
    """What the journal holds that bears on one message.

    `seq` is the number that a new record would get. `punches` are the records of the message's month, by employee or,
    for a number that is not bound, by that number. `answers` and `corrections` count the replies that the sender got
    today, `misses` are the times of their wrong codes within the last hour. `menu` is how far they are in the menu,
    None outside of it; `silent` that they want no answers.
    """

    journal: str
    seq: int
    punches: Mapping[str, Sequence[Punch]] = field(default_factory=dict)
    answers: int = 0
    corrections: int = 0
    misses: tuple[datetime, ...] = ()
    menu: tuple[str, ...] | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    tone: Tone
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`menu` is where the sender stands in the menu from now on, `silence` whether they want no answers, if they said
    so. `kept` replaces the text where it must not be kept as it is.
    """

    outcome: Outcome
    record: Record | None = None
    reply: Reply | None = None
    menu: tuple[str, ...] | None = None
    silence: bool | None = None
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One message of a phone, with all that it is judged by. `subject` is an employee, or a number bound to none."""

    message: IncomingMessage
    rules: Rules
    held: Held
    number: str
    subject: str
    texts: Texts
    time: Counted
    channel: Channel
    coded: bool = False

    @property
    def day(self) -> date:
        return self.time.at.astimezone(self.rules.zone).date()

    def punches(self, day: date) -> list[Punch]:
        """What is recorded of that local day."""
        zone = self.rules.zone
        return [each for each in self.held.punches.get(self.subject, ()) if each.at.astimezone(zone).date() == day]

    def answer(self, text: str) -> Reply | None:
        """To what was recorded, or stands already."""
        wanted = self.rules.policy.replies is Replies.ALL and not self.held.silent
        return self._reply(Tone.ANSWER, text) if wanted else None

    def inform(self, text: str) -> Reply | None:
        """What was asked for."""
        return self._reply(Tone.INFORMATION, text) if self.rules.policy.replies is not Replies.NONE else None

    def correct(self, outcome: Outcome, text: str, limit: int | None = None) -> Decision:
        """It counts for nothing, and why."""
        most = self.rules.policy.corrections_per_day if limit is None else limit
        wanted = self.rules.policy.replies is not Replies.NONE and not self.held.silent
        within = self.held.corrections < most or self.message.channel is Channel.USSD
        reply = Reply(Tone.CORRECTION, self.number, text) if wanted and within else None
        return Decision(outcome, reply=reply, menu=self.held.menu)

    def _reply(self, tone: Tone, text: str) -> Reply | None:
        within = self.held.answers < self.rules.policy.answers_per_day or self.message.channel is Channel.USSD
        return Reply(tone, self.number, text) if within else None

    def record(self, action: Action, presence: Presence, flags: tuple[Flag, ...] = (), note: str = "") -> Record:
        """The record that follows; it still lacks its hash: the journal chains it."""
        own = (Flag.CLOCK_UNTRUSTED,) if self.time.own else ()
        return Record(
            seq=self.held.seq,
            employee=self.subject,
            action=action,
            at=self.time.at,
            received=self.message.received,
            channel=self.channel,
            presence=presence,
            flags=own + flags,
            receipt=receipt(self.held.journal, self.held.seq),
            fingerprint=fingerprint(self.message),
            note=note,
        )


def decide(message: IncomingMessage, rules: Rules, held: Held) -> Decision:
    """What becomes of the message."""
    if message.form is Form.REPORT:
        return Decision(Outcome.REPORT)
    number = phones.sender(message.sender)
    if number is None:
        return Decision(Outcome.NOT_A_PHONE)
    texts = Texts(rules.policy.language, rules.zone)
    case = Case(message, rules, held, number, number, texts, counted(message, rules.policy), message.channel)
    people = rules.people.get(number, ())
    if not people:
        return _stranger(case)
    wrong = _unreadable(case)
    if wrong:
        return wrong
    member, text = _speaker(people, message.text)
    if member is None:
        aliases = " / ".join(sorted(each.alias.upper() for each in people))[:60]
        return case.correct(Outcome.WHO_SPEAKS, texts.who_speaks(aliases))
    return _of_member(_case_of(case, member), member, text)


def _case_of(case: Case, member: Member) -> Case:
    texts = Texts(member.language or case.rules.policy.language, case.rules.zone)
    coded = case.rules.presence(member) is not PresenceRule.OFF
    return replace(case, subject=member.employee, texts=texts, coded=coded)


def _unreadable(case: Case) -> Decision | None:
    """Why nothing can be in it, with what to tell the sender."""
    form, text = case.message.form, case.message.text
    if form is Form.BINARY:
        return case.correct(Outcome.BINARY, case.texts.only_text())
    if form is Form.PART:
        return case.correct(Outcome.INCOMPLETE, case.texts.incomplete())
    if not text.strip():
        return case.correct(Outcome.EMPTY, case.texts.not_understood(coded=case.coded))
    return None


def _speaker(people: Sequence[Member], text: str) -> tuple[Member | None, str]:
    """Who of those that share a number speaks, and the text without the word that says so."""
    if len(people) == 1:
        return people[0], text
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", text)}
    named = [member for member in people if member.alias in words]
    if len(named) != 1:
        return None, text
    return named[0], re.sub(rf"(?i)(?<![^\W\d_]){named[0].alias}(?![^\W\d_])", " ", text)


# A number that is bound to nobody


def _stranger(case: Case) -> Decision:
    """It may ask to be bound; anything else is told once a day how."""
    readable = case.message.form is Form.TEXT
    command = grammar.parse(case.message.text) if readable else None
    match command:
        case Register(nip=nip) if case.rules.sealing_key:
            return _register(case, nip)
        case Mistake(fault=Fault.NO_NIP):
            return case.correct(Outcome.UNKNOWN_SENDER, case.texts.no_nip())
    return case.correct(Outcome.UNKNOWN_SENDER, case.texts.not_registered(), limit=1)


def _register(case: Case, nip: str) -> Decision:
    """The NIP goes to the collector sealed, and is not kept here."""
    kept = _without_digits(case.message.text)
    asked = [punch for punch in case.punches(case.day) if punch.action is Action.REGISTER]
    if len(asked) >= case.rules.policy.registrations_per_day:
        return replace(case.correct(Outcome.UNKNOWN_SENDER, case.texts.not_registered(), limit=1), kept=kept)
    record = case.record(Action.REGISTER, Presence.NONE, note=nip)
    return Decision(Outcome.RECORDED, record, case.inform(case.texts.registering(record.receipt)), kept=kept)


# An employee


def _of_member(case: Case, member: Member, text: str) -> Decision:
    if case.held.menu is not None and text.strip().isdecimal():
        return _in_menu(case, member, (*case.held.menu, text.strip()))
    command = grammar.parse(text)
    if command is None and len(text) > grammar.LONGEST:
        return case.correct(Outcome.TOO_LONG, case.texts.one_short_text())
    return _by_command(case, member, command)


def _in_menu(case: Case, member: Member, inputs: tuple[str, ...]) -> Decision:
    outside = replace(case, held=replace(case.held, menu=None))
    match menu.walk(inputs, case.rules.presence(member), case.texts):
        case menu.Ask(inputs=rest) if rest == case.held.menu and len(inputs[-1]) > 2:
            return _by_command(outside, member, grammar.parse(inputs[-1]))  # no answer to the menu: a code, perhaps
        case menu.Ask(text=text, inputs=rest):
            return Decision(Outcome.ANSWERED, reply=case.inform(text), menu=rest)
        case menu.Say(text=text):
            return _by_command(replace(outside, channel=Channel.MENU), member, grammar.parse(text))
        case menu.Leave():
            return Decision(Outcome.ANSWERED, reply=case.inform(case.texts.menu_left()))


def _by_command(case: Case, member: Member, command: grammar.Command | None) -> Decision:
    match command:
        case Statement(action=action, code=code) if action in (Action.IN, Action.OUT):
            return _move(case, member, action, code)
        case Statement(action=action, note=note):
            return _absence(case, action, note)
        case BareCode(code=code) if case.coded:
            return _move(case, member, None, code)
        case Dispute(text=text):
            return _dispute(case, text)
        case Mistake(fault=fault, action=action) if case.coded or action or fault is not Fault.CODE_LENGTH:
            return case.correct(Outcome.NOT_UNDERSTOOD, _correction(case, fault, action))
    return _asked(case, member, command)


def _asked(case: Case, member: Member, command: grammar.Command | None) -> Decision:
    """What makes no record: questions, wishes, the menu, and what is none of these."""
    place, kept, silence = case.held.menu, None, None
    match command:
        case Query(scope=scope):
            text = _day(case) if scope is Scope.DAY else _month(case, member)
        case Help():
            text = case.texts.help(coded=case.coded)
        case grammar.Menu():
            text, place = case.texts.menu(), ()
        case Silence(on=on):
            silence = on
            text = case.texts.silenced() if on else case.texts.speaking()
        case Register():
            text, kept = case.texts.registered_already(), _without_digits(case.message.text)
        case _:
            return case.correct(Outcome.NOT_UNDERSTOOD, case.texts.not_understood(coded=case.coded))
    return Decision(Outcome.ANSWERED, reply=case.inform(text), menu=place, silence=silence, kept=kept)


def _without_digits(text: str) -> str:
    """What may be kept of a text with a NIP in it."""
    return re.sub(r"\d", "*", text)


def _correction(case: Case, fault: Fault, action: Action | None) -> str:
    texts = case.texts
    match fault:
        case Fault.BOTH_WAYS:
            return texts.both_ways()
        case Fault.CODE_LENGTH:
            return texts.code_length(action)
        case Fault.TWO_CODES:
            return texts.two_codes(action)
        case Fault.NO_NIP:
            return texts.no_nip()
        case Fault.NO_TEXT:
            return texts.no_text()
        case Fault.UNSURE:
            return texts.unsure(action)


# Coming and going


@dataclass(frozen=True, slots=True)
class _Proof:
    """What is known of where the person was, or the decision that it is not enough."""

    presence: Presence = Presence.NONE
    flags: tuple[Flag, ...] = ()
    refusal: Decision | None = None


def _move(case: Case, member: Member, action: Action | None, code: str | None) -> Decision:
    """Coming or going; without an action, what the day's other records make of it."""
    proof = _prove(case, member, action, code)
    if proof.refusal:
        return proof.refusal
    if action is None:
        return _inferred(case, member, proof)
    punches = case.punches(case.day)
    standing = _standing(action, case.time.at, punches)
    if standing:
        text = case.texts.repeated(action, standing.at, standing.receipt)
        return Decision(Outcome.REPEAT, reply=case.answer(text))
    record = case.record(action, proof.presence, proof.flags)
    came = settle(punches).came
    if action is Action.OUT and came and settle([came, _punch(record)]).left is None and record.at >= came.at:
        return Decision(Outcome.RECORDED, record, case.answer(case.texts.too_soon(came.at, came.receipt)))
    return Decision(Outcome.RECORDED, record, case.answer(_recorded(case, member, record)))


def _inferred(case: Case, member: Member, proof: _Proof) -> Decision:
    """A lone code always makes a record: what it means may still change with what arrives late."""
    punches = case.punches(case.day)
    this = _punch(case.record(Action.IN, proof.presence), inferred=True)
    day = settle([*punches, this])
    going = day.came is not this and day.left is this
    record = case.record(Action.OUT if going else Action.IN, proof.presence, (*proof.flags, Flag.INFERRED))
    if day.came and day.came is not this and not going:
        text = case.texts.repeated(Action.IN, day.came.at, day.came.receipt)
    elif going or not minutes_late(record.at, member.shift, case.rules.policy):
        text = _recorded(case, member, record)
    else:
        late = minutes_late(record.at, member.shift, case.rules.policy)
        text = case.texts.come_by_code(record.at, record.receipt, own_time=case.time.own, late=late)
    return Decision(Outcome.RECORDED, record, case.answer(text))


def _punch(record: Record, *, inferred: bool = False) -> Punch:
    return Punch(record.action, record.at, record.receipt, inferred)


def _recorded(case: Case, member: Member, record: Record) -> str:
    policy = case.rules.policy
    return case.texts.recorded(
        record.action,
        record.at,
        record.receipt,
        own_time=case.time.own,
        late=minutes_late(record.at, member.shift, policy) if record.action is Action.IN else 0,
        early=minutes_early(record.at, member.shift, policy) if record.action is Action.OUT else 0,
    )


def _prove(case: Case, member: Member, action: Action | None, code: str | None) -> _Proof:
    """Whether the code shows that the person is where it is shown."""
    rule, secret = case.rules.presence(member), case.rules.secret(member)
    if rule is PresenceRule.OFF or secret is None:
        return _Proof()
    if code is None:
        missing = case.correct(Outcome.NO_CODE, case.texts.need_code(action))
        return _Proof(refusal=missing) if rule is PresenceRule.REQUIRED else _Proof()
    most = case.rules.policy.code_misses_per_hour
    if len(case.held.misses) >= most:
        return _Proof(refusal=Decision(Outcome.BLOCKED))
    verdict, flags = _judged(case, secret, code)
    if verdict is Verdict.GOOD:
        return _Proof(Presence.CODE, flags)
    if verdict is Verdict.OLD:
        return _Proof(refusal=case.correct(Outcome.OLD_CODE, case.texts.old_code(action)))
    if len(case.held.misses) + 1 == most:
        until = min(case.held.misses, default=case.message.received) + MISSES_COUNT_FOR
        return _Proof(refusal=case.correct(Outcome.WRONG_CODE, case.texts.blocked(until)))
    return _Proof(refusal=case.correct(Outcome.WRONG_CODE, case.texts.wrong_code(action)))


def _judged(case: Case, secret: str, code: str) -> tuple[Verdict, tuple[Flag, ...]]:
    """The code at the time that counts; in a session at any time of it.

    Where the screen's clock is not known to be right, the code may also be one that it showed lately by that clock.
    """
    policy, at, received = case.rules.policy, case.time.at, case.message.received
    until = max(at, received) if case.message.channel is Channel.USSD else at
    verdict = judge(secret, code, at, until, policy)
    if verdict is not Verdict.GOOD and not case.message.clock_trusted:
        own = judge(secret, code, received - UNSURE, received, policy)
        if own is Verdict.GOOD:
            return own, (Flag.CODE_BY_OWN_CLOCK,)
    return verdict, ()


def _standing(action: Action, at: datetime, punches: Sequence[Punch]) -> Punch | None:
    """The record of that day that this statement would not change: the first counts for in, the last for out.

    An earlier "in" that was under way for longer is no repeat: a queue makes nobody late.
    """
    if action is Action.OUT:
        went = [punch for punch in punches if punch.action is action and not punch.inferred]
        last = max(went, key=lambda punch: punch.at, default=None)
        return last if last and last.at >= at else None
    came = [punch for punch in punches if punch.action is action or (punch.inferred and action is Action.IN)]
    first = min(came, key=lambda punch: punch.at, default=None)
    return first if first and first.at <= at else None


# Everything else


def _absence(case: Case, action: Action, note: str) -> Decision:
    """Sick, on leave or on duty elsewhere: one of each a day."""
    same = [punch for punch in case.punches(case.day) if punch.action is action]
    if same:
        text = case.texts.repeated(action, same[0].at, same[0].receipt)
        return Decision(Outcome.REPEAT, reply=case.answer(text))
    record = case.record(action, Presence.NONE, note=note)
    text = case.texts.recorded(action, record.at, record.receipt, own_time=case.time.own)
    return Decision(Outcome.RECORDED, record, case.answer(text))


def _dispute(case: Case, text: str) -> Decision:
    before = [punch for punch in case.punches(case.day) if punch.action is Action.DISPUTE]
    if len(before) >= DISPUTES_PER_DAY:
        return Decision(Outcome.REPEAT, reply=case.inform(case.texts.enough_disputes()))
    record = case.record(Action.DISPUTE, Presence.NONE, note=text)
    return Decision(Outcome.RECORDED, record, case.inform(case.texts.disputed(record.receipt)))


def _day(case: Case) -> str:
    punches = case.punches(case.day)
    others = tuple(punch.action for punch in punches if punch.action in _ABSENCES)
    return case.texts.of_day(case.day, settle(punches), others)


def _month(case: Case, member: Member) -> str:
    """The month as far as this gateway recorded it."""
    zone, policy = case.rules.zone, case.rules.policy
    days: dict[date, list[Punch]] = {}
    for punch in case.held.punches.get(case.subject, ()):
        days.setdefault(punch.at.astimezone(zone).date(), []).append(punch)
    settled = {day: settle(punches) for day, punches in days.items()}
    came = {day: each.came.at for day, each in settled.items() if each.came}
    late = [minutes for at in came.values() if (minutes := minutes_late(at, member.shift, policy))]
    absent = {(day, each.action) for day, punches in days.items() for each in punches if each.action in _ABSENCES}
    return case.texts.of_month(
        case.day,
        present=len(came),
        late=len(late),
        minutes=sum(late),
        unfinished=sum(1 for day in came if settled[day].left is None and day != case.day),
        absences=dict(Counter(action for _, action in sorted(absent))),
    )


_ABSENCES = (Action.SICK, Action.LEAVE, Action.DUTY)
