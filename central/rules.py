"""What becomes of one person's day. Pure: (plan of the date, records, absences, what is proven) → result and reasons.

Nothing bad is said before the gateway's watermark has passed the time on which it depends: nobody is late while an
earlier check-in may still be under way, and nobody absent before everything is there. The order in which records came
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from mqtt_bridge.day import SECOND_THOUGHT, STAY
from mqtt_bridge.records import Action

from .policy import ABSENT, MINUTE, Band, Outages, Plan
from .reasons import Step, Why

NOTHING = Decimal(0)
ENROLLED = "enrolled"  # the reason of what always counts: until then somebody was not known to the gateway
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    PRESENT = "hadir"
    LATE = "terlambat"
    EARLY = "pulang-sebelum-waktu"
    LEAVE = "izin"
    SICK = "sakit"
    VACATION = "cuti"
    DUTY = "dinas-luar"
    STUDY = "tugas-belajar"
    HOME = "wfh"
    ABSENT = "alpa"
    SUSPENDED = "ditangguhkan"
    FREE = "libur"
    INCOMPLETE = "belum-lengkap"
    NOT_YET = "belum"


# The share of a policy that a day with that status takes off.
SHARES = {
    Status.LEAVE: "leave", Status.SICK: "sick", Status.VACATION: "vacation", Status.DUTY: "duty",
    Status.STUDY: "study", Status.HOME: "home", Status.ABSENT: "absent",
}  # fmt: skip
COUNTS = {Action.IN, Action.OUT, Action.SICK, Action.LEAVE, Action.DUTY}
STATED = {Action.SICK: Status.SICK, Action.LEAVE: Status.LEAVE, Action.DUTY: Status.DUTY}


class Punch(NamedTuple):
    """A record, or what a correction put in its place. `void` tells why it does not count; `agreed` that two people
    decided on what it states; `inferred` that only a code was sent, so that its action depends on the others.
    """

    action: Action
    at: datetime
    source: str
    void: str = ""
    agreed: bool = False
    inferred: bool = False


class Absence(NamedTuple):
    """That the person has not to be there on that day, by a decision that two people made."""

    status: Status
    source: str


class Outage(NamedTuple):
    """A proven incident; `until` None while it lasts."""

    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known at a time: all records of the person's gateway from before `complete_until` are there."""

    at: datetime
    complete_until: datetime | None
    outages: Sequence[Outage] = ()

    @property
    def known(self) -> datetime:
        return min(self.complete_until, self.at) if self.complete_until else _LONG_AGO


@dataclass(frozen=True, slots=True)
class DayResult:
    """`late` and `early` are minutes. `final`: nothing can change it but a correction. `pending`: a statement still
    has to be approved. `suspended`: an incident of the gateway stands in for a missing or late record. `turns`: the
    times at which it may become another, by the clock or by the watermark, although no record comes.
    """

    status: Status
    grades: tuple[str, ...] = ()
    arrived: datetime | None = None
    left: datetime | None = None
    late: int = 0
    early: int = 0
    percent: Decimal = NOTHING
    final: bool = False
    pending: bool = False
    suspended: bool = False
    why: tuple[Step, ...] = ()
    turns: tuple[datetime, ...] = ()


@dataclass(slots=True)
class _Side:
    """The judgement of coming or of going; `settled` false while something may still arrive that changes it."""

    at: datetime | None = None
    minutes: int = 0
    band: Band | None = None
    settled: bool = True
    missing: bool = False
    excused: bool = False
    why: list[Step] = field(default_factory=list)

    def say(self, why: Why, **values: Any) -> None:
        self.why.append((why, values))


def judge(plan: Plan, punches: Sequence[Punch], proof: Proof, absence: Absence | None = None) -> DayResult:
    """`punches` may hold more than this day's: only what lies in the plan's window is looked at."""
    why: list[Step] = [_rule(plan)]
    punches = [punch for punch in punches if plan.first <= punch.at < plan.last and punch.action in COUNTS]
    if any(punch.void for punch in punches):
        why += [(Why.VOID, _named(punch)) for punch in sorted(punches, key=_order) if punch.void]
        punches = [punch for punch in punches if not punch.void]
    punches = _meant(punches)
    coming, going = _came(plan, punches), _went(plan, punches)
    why += [(Why.OUTSIDE, _named(punch)) for punch in sorted(punches, key=_order) if _is_outside(plan, punch)]
    if plan.hours is None:
        return DayResult(Status.FREE, final=True, why=(*why, (Why.FREE, {"free": plan.free})))
    away = _away(plan, punches, proof, absence)
    if away:
        status, pending, step = away
        share = getattr(plan.policy.percent, SHARES[status])
        return DayResult(
            status, arrived=_at(coming), left=_at(going), percent=share, final=not pending, pending=pending,
            why=(*why, step, (Why.SHARE, {"percent": share})),
        )  # fmt: skip
    return _worked(plan, coming, going, proof, why)


def _worked(plan: Plan, coming: Punch | None, going: Punch | None, proof: Proof, why: list[Step]) -> DayResult:
    arrival = _judge_arrival(plan, coming, going, proof)
    departure = _judge_departure(plan, coming, going, proof)
    status = _status(plan, arrival, departure, proof)
    bands: list[Band] = []
    percent = NOTHING
    why += arrival.why + departure.why
    if status is Status.ABSENT:
        percent = plan.policy.percent.absent
        why.append((Why.ABSENT, {"percent": percent}))
    elif status in _WAITING:
        why.append((_WAITING[status], {"known": proof.complete_until, "closes": plan.closes}))
    else:
        bands = [side.band for side in (arrival, departure) if side.band]
        percent = sum((band.percent for band in bands), NOTHING)
        why += [(Why.GRADE, {"grade": band.name, "percent": band.percent}) for band in bands]
    final = proof.known >= plan.closes
    return DayResult(
        status, tuple(band.name for band in bands), arrival.at, departure.at, arrival.minutes, departure.minutes,
        percent, final, suspended=arrival.excused or departure.excused, why=tuple(why),
        turns=() if final else _turns(plan, arrival, proof),
    )  # fmt: skip


def _turns(plan: Plan, arrival: _Side, proof: Proof) -> tuple[datetime, ...]:
    lasting = (each.since + plan.policy.outages.least * MINUTE for each in proof.outages if each.until is None)
    return (plan.closes, plan.in_until, *lasting, *([arrival.at] if arrival.at else []))


_WAITING = {Status.INCOMPLETE: Why.INCOMPLETE, Status.NOT_YET: Why.NOT_YET}


def _status(plan: Plan, arrival: _Side, departure: _Side, proof: Proof) -> Status:
    over = proof.at >= plan.closes
    if not arrival.settled:
        waiting = arrival.missing and proof.at < plan.in_until
        return Status.NOT_YET if waiting else Status.INCOMPLETE
    if over and not departure.settled:
        return Status.INCOMPLETE
    if _is_absent(plan, arrival, departure):
        return Status.ABSENT
    if arrival.missing and departure.missing and not departure.settled:
        return Status.NOT_YET
    if arrival.missing and departure.missing and arrival.excused and departure.excused:
        return Status.SUSPENDED
    if arrival.band:
        return Status.LATE
    return Status.EARLY if departure.band else Status.PRESENT


def _is_absent(plan: Plan, arrival: _Side, departure: _Side) -> bool:
    """Without either record, or without the one that the policy can not do without."""
    lacks = [
        side.missing and side.settled and not side.excused
        for side in (arrival, departure)
    ]  # fmt: skip
    must = [missing == ABSENT for missing in (plan.policy.missing_in, plan.policy.missing_out)]
    return all(lacks) or any(lack and need for lack, need in zip(lacks, must, strict=True))


# Coming


def _judge_arrival(plan: Plan, coming: Punch | None, going: Punch | None, proof: Proof) -> _Side:
    side = _Side()
    limit = plan.start + plan.policy.flex.after * MINUTE
    if coming is None:
        _judge_missing_in(plan, limit, proof, side)
        return side
    side.at = coming.at
    side.say(Why.ARRIVED, at=coming.at, source=coming.source)
    minutes = _whole_minutes(coming.at - limit)
    if minutes <= 0:
        side.say(Why.IN_TIME, limit=limit)
    elif minutes <= plan.policy.tolerance:
        side.say(Why.TOLERATED, minutes=minutes, tolerance=plan.policy.tolerance)
    else:
        _judge_late(plan, coming, going, limit, proof, side)
    return side


def _judge_late(plan: Plan, coming: Punch, going: Punch | None, limit: datetime, proof: Proof, side: _Side) -> None:
    moved, outage = _moved(limit, plan.policy.outages, proof)
    side.minutes = _whole_minutes(coming.at - limit)
    if outage is not None:
        side.say(Why.OUTAGE, outage=outage, until=moved)
        left = _whole_minutes(coming.at - moved)
        if left <= 0:
            side.excused = True
            side.say(Why.SUSPENDED, minutes=side.minutes)
            return
        side.minutes = left
    if proof.known < coming.at:
        side.settled = False
        side.say(Why.LATE_UNPROVEN, minutes=side.minutes)
        return
    if _repaid(plan, going, side.minutes):
        side.say(Why.REPAID, minutes=side.minutes, stay=plan.policy.repay.stay if plan.policy.repay else 0)
        return
    side.band = _band(plan.policy.late, side.minutes)
    side.say(Why.LATE, limit=moved, minutes=side.minutes)


def _judge_missing_in(plan: Plan, limit: datetime, proof: Proof, side: _Side) -> None:
    side.missing = True
    moved, outage = _moved(limit, plan.policy.outages, proof)
    if proof.known < plan.in_until:
        side.settled = False
    elif outage is not None:
        side.excused = True
        side.say(Why.OUTAGE, outage=outage, until=moved)
        side.say(Why.NO_ARRIVAL_SUSPENDED)
    else:
        side.band = _named_band(plan.policy.late, plan.policy.missing_in)
        side.say(Why.NO_ARRIVAL, known=proof.complete_until)


def _repaid(plan: Plan, going: Punch | None, minutes: int) -> bool:
    repay = plan.policy.repay
    if repay is None or going is None or minutes > repay.late:
        return False
    return going.at >= plan.end + repay.stay * MINUTE


# Going


def _judge_departure(plan: Plan, coming: Punch | None, going: Punch | None, proof: Proof) -> _Side:
    side = _Side(at=_at(going))
    limit = _end(plan, coming)
    if going is not None:
        side.say(Why.LEFT, at=going.at, source=going.source)
        # Started minutes count: whoever leaves at 15:59:30 leaves in minute 15:59, before 16:00.
        early = -_whole_minutes(going.at - limit)
        if early <= 0:
            side.say(Why.FULL_TIME, limit=limit)
            return side
        side.minutes = early
    if proof.known < plan.closes:
        side.settled, side.minutes, side.missing = False, 0, going is None
        return side
    if going is None:
        _judge_missing_out(plan, limit, proof, side)
    else:
        side.band = _band(plan.policy.early, side.minutes)
        side.say(Why.EARLY, limit=limit, minutes=side.minutes)
    return side


def _judge_missing_out(plan: Plan, limit: datetime, proof: Proof, side: _Side) -> None:
    side.missing = True
    _, outage = _moved(limit + plan.policy.outages.margin * MINUTE, plan.policy.outages, proof)
    if outage is not None:
        side.excused = True
        side.say(Why.NO_DEPARTURE_SUSPENDED, outage=outage)
        return
    side.band = _named_band(plan.policy.early, plan.policy.missing_out)
    side.say(Why.NO_DEPARTURE, known=proof.complete_until)


def _end(plan: Plan, coming: Punch | None) -> datetime:
    """When the person may go: it moves with the check-in where the policy says so."""
    flex = plan.policy.flex
    if coming is None or not (flex.before or flex.after):
        return plan.end
    shift = max(-flex.before, min(flex.after, _whole_minutes(coming.at - plan.start)))
    return plan.end + shift * MINUTE


# Which records count


def _meant(punches: Sequence[Punch]) -> Sequence[Punch]:
    """A lone code comes unless somebody came long enough before, and then goes: as `mqtt_bridge.day` has it."""
    if not any(punch.inferred for punch in punches):
        return punches
    came = min(punch.at for punch in punches if punch.inferred or punch.action is Action.IN)
    meant = [Action.OUT if punch.at >= came + SECOND_THOUGHT else Action.IN for punch in punches]
    return [
        punch._replace(action=action) if punch.inferred else punch
        for punch, action in zip(punches, meant, strict=True)
    ]


def _came(plan: Plan, punches: Sequence[Punch]) -> Punch | None:
    mine = [each for each in punches if each.action is Action.IN and plan.opens <= each.at < plan.in_until]
    return min(mine, key=_order, default=None)


def _went(plan: Plan, punches: Sequence[Punch]) -> Punch | None:
    """The last check-out (or the first, by the policy), after the first check-in of the day."""
    coming = _came(plan, punches)
    stay = timedelta(0) if coming and coming.inferred else STAY
    first = max(plan.out_from, coming.at + stay) if coming else plan.out_from
    mine = [each for each in punches if each.action is Action.OUT and first <= each.at < plan.closes]
    choose = max if plan.policy.out == "last" else min
    return choose(mine, key=_order, default=None)


def _away(
    plan: Plan, punches: Sequence[Punch], proof: Proof, absence: Absence | None
) -> tuple[Status, bool, Step] | None:
    """What excuses from being there: the status, whether it still waits for approval, and the reason."""
    if absence is not None:
        return absence.status, False, (Why.APPROVED, {"status": absence.status, "source": absence.source})
    stated = [each for each in punches if each.action in STATED]
    if not stated:
        return None
    last = max(stated, key=_order)
    values = {"status": STATED[last.action], "at": last.at, "source": last.source}
    return STATED[last.action], not last.agreed, (Why.AGREED if last.agreed else Why.STATED, values)


def _is_outside(plan: Plan, punch: Punch) -> bool:
    if punch.action is Action.IN:
        return not plan.opens <= punch.at < plan.in_until
    return punch.action is Action.OUT and not plan.out_from <= punch.at < plan.closes


def _order(punch: Punch) -> tuple[datetime, Punch]:
    """By time; of several in the same second always the same one, however they came."""
    return punch.at, punch


def _at(punch: Punch | None) -> datetime | None:
    return punch.at if punch else None


# Parts


def _moved(limit: datetime, outages: Outages, proof: Proof) -> tuple[datetime, Outage | None]:
    """The limit after the incidents at that time, and the one that moved it last; None if there was none."""
    found = None
    for outage in sorted(proof.outages, key=lambda each: (each.since, each.until or proof.at, each.reason)):
        until = outage.until or proof.at
        counts = outage.reason in (ENROLLED, *outages.reasons) and until - outage.since >= outages.least * MINUTE
        if counts and outage.since <= limit < until + outages.margin * MINUTE:
            limit, found = until + outages.margin * MINUTE, outage
    return limit, found


def _band(bands: Sequence[Band], minutes: int) -> Band | None:
    return next((band for band in reversed(bands) if minutes >= band.minutes), None)


def _named_band(bands: Sequence[Band], name: str) -> Band | None:
    return next((band for band in bands if band.name == name), None)


def _whole_minutes(late: timedelta) -> int:
    """07:30:59 is no minute after 07:30, and 15:59:30 is one before 16:00."""
    return late // MINUTE


def _rule(plan: Plan) -> Step:
    values = {"title": plan.policy.title, "since": plan.policy.since, "date": plan.date}
    if plan.hours is None:
        return Why.RULE, values
    return Why.HOURS, {**values, "start": plan.start, "end": plan.end}


def _named(punch: Punch) -> dict[str, Any]:
    return {"action": punch.action, "at": punch.at, "source": punch.source, "reason": punch.void}
