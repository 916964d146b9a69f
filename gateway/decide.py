"""The rules of one message. Pure: (message, rules, what the journal holds) → what to do.

Nothing here reads a clock or a file; the same arguments give the same decision, today or in an audit years later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from mqtt_bridge import phones
from mqtt_bridge.day import Punch, settle
from mqtt_bridge.records import Action, Channel, Member, Presence, PresenceRule, Replies

from . import grammar, menu, moves
from .case import Case
from .commands import (
    BareCode,
    Command,
    Dispute,
    Fault,
    Help,
    Menu,
    Mistake,
    Query,
    Register,
    Scope,
    Silence,
    Statement,
)
from .decision import Decision, Held, Outcome, Reply, Tone
from .message import Form, IncomingMessage
from .replies import Texts
from .rules import Rules, counted
from .schedule import minutes_late

DISPUTES_PER_DAY = 3


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
        return case.correct(Outcome.WHO_SPEAKS, texts.who_speaks(_aliases(people)))
    case = _case_of(case, member)
    if message.form is Form.CALL:  # means as little as a lone code: in, or later out
        return moves.move(case, member, None, None)
    return _of_member(case, member, text)


def _aliases(people: Sequence[Member]) -> str:
    return " / ".join(sorted(each.alias.upper() for each in people))[:60]


def _case_of(case: Case, member: Member) -> Case:
    texts = Texts(member.language or case.rules.policy.language, case.rules.zone)
    coded = case.rules.presence(member) is not PresenceRule.OFF
    return replace(case, subject=member.employee, texts=texts, coded=coded)


def _unreadable(case: Case) -> Decision | None:
    """Why nothing can be in it, with what to tell the sender."""
    form, text = case.message.form, case.message.text
    if form is Form.CALL:
        return None if case.rules.policy.missed_calls else Decision(Outcome.CALL)
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
    """It may ask to be bound; anything else is told once a day how. Who only calls asked nothing."""
    if case.message.form is Form.CALL:
        return Decision(Outcome.UNKNOWN_SENDER)
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


def granted(number: str, receipt: str, rules: Rules) -> Reply | None:
    """What a number is told whose request to be bound was granted; None while it is bound to nobody."""
    people = rules.people.get(number, ())
    if not people or rules.policy.replies is Replies.NONE:
        return None
    texts = Texts(people[0].language or rules.policy.language, rules.zone)
    return Reply(Tone.NOTICE, number, texts.registered(receipt))


# An employee


def _of_member(case: Case, member: Member, text: str) -> Decision:
    digits = re.sub(r"[\s.-]", "", text)
    if case.held.menu is not None and digits.isdecimal():
        return _in_menu(case, member, (*case.held.menu, digits))
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


def _by_command(case: Case, member: Member, command: Command | None) -> Decision:
    match command:
        case Statement(action=action, code=code) if action in (Action.IN, Action.OUT):
            return moves.move(case, member, action, code)
        case Statement(action=action, note=note):
            return _absence(case, action, note)
        case BareCode(code=code) if case.coded:
            return moves.move(case, member, None, code)
        case Dispute(text=text):
            return _dispute(case, text)
        case Mistake(fault=fault, action=action) if case.coded or action or fault is not Fault.CODE_LENGTH:
            tell = case.refuse if fault in _REFUSED else case.correct
            return tell(Outcome.NOT_UNDERSTOOD, _correction(case, fault, action))
    return _asked(case, member, command)


def _asked(case: Case, member: Member, command: Command | None) -> Decision:
    """What makes no record: questions, wishes, the menu, and what is none of these."""
    place, kept, silence = case.held.menu, None, None
    match command:
        case Query(scope=scope):
            text = _day(case) if scope is Scope.DAY else _month(case, member)
        case Help():
            text = case.texts.help(coded=case.coded)
        case Menu():
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

# What is wrong with a text that was surely meant as a check-in.
_REFUSED = (Fault.BOTH_WAYS, Fault.CODE_LENGTH, Fault.TWO_CODES)
