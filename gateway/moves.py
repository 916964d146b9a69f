"""Coming and going: the code that proves it, what stands already, and what a lone code means. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mqtt_bridge.day import Punch, settle
from mqtt_bridge.records import Action, Channel, Flag, Member, Presence, PresenceRule, Record

from .case import Case
from .decision import MISSES_COUNT_FOR, Decision, Outcome
from .presence import UNSURE, Verdict, judge
from .schedule import minutes_early, minutes_late


@dataclass(frozen=True, slots=True)
class _Proof:
    """What is known of where the person was, or the decision that it is not enough."""

    presence: Presence = Presence.NONE
    flags: tuple[Flag, ...] = ()
    refusal: Decision | None = None


def move(case: Case, member: Member, action: Action | None, code: str | None) -> Decision:
    """Coming or going; without an action, what the day's other records make of it."""
    punches = case.punches(case.day)
    standing = _standing(action, case.time.at, punches) if action else None
    if action and standing:  # whatever the code: it would change nothing
        text = case.texts.repeated(action, standing.at, standing.receipt)
        return Decision(Outcome.REPEAT, reply=case.answer(text))
    proof = _prove(case, member, action, code)
    if proof.refusal:
        return proof.refusal
    if action is None:
        return _inferred(case, member, proof)
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
        missing = case.refuse(Outcome.NO_CODE, case.texts.need_code(action))
        return _Proof(refusal=missing) if rule is PresenceRule.REQUIRED else _Proof()
    most = case.rules.policy.code_misses_per_hour
    if len(case.held.misses) >= most:
        return _Proof(refusal=Decision(Outcome.BLOCKED))
    verdict, flags = _judged(case, secret, code)
    if verdict is Verdict.GOOD:
        return _Proof(Presence.CODE, flags)
    if verdict is Verdict.OLD:
        return _Proof(refusal=case.refuse(Outcome.OLD_CODE, case.texts.old_code(action)))
    if len(case.held.misses) + 1 == most:
        until = min(case.held.misses, default=case.message.received) + MISSES_COUNT_FOR
        return _Proof(refusal=case.refuse(Outcome.WRONG_CODE, case.texts.blocked(until)))
    return _Proof(refusal=case.refuse(Outcome.WRONG_CODE, case.texts.wrong_code(action)))


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
