"""Results of days, made from what is held when they are asked for: nothing that is derived is kept in the database.

So a correction, a record that arrives late or another policy counts at once, and for any day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Action, Flag

from .database import Database, micros, moment
from .policy import OFFICE, Plan, Planner
from .retention import boundary
from .rules import ENROLLED, Absence, DayResult, Outage, Proof, Punch, Status, judge

DAY = timedelta(days=1)
AT_ONCE = 500  # employees in one statement
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Stay:
    """Where somebody was, and until when; None: still."""

    gateway: str
    since: datetime
    until: datetime | None

    def touches(self, plan: Plan) -> bool:
        """Whether any of it is in the time in which records count for that day."""
        return self.since < plan.last and (self.until is None or self.until > plan.first)


@dataclass(frozen=True, slots=True)
class PersonDay:
    """`result` is None on a day on which they were nowhere, or whose records were removed since."""

    person: Person
    date: date
    result: DayResult | None


@dataclass(slots=True)
class Facts:
    """What is held of some people in some time, ready to be judged."""

    punches: dict[str, list[Punch]] = field(default_factory=lambda: defaultdict(list))
    absences: dict[str, list[tuple[datetime, datetime, Absence]]] = field(default_factory=lambda: defaultdict(list))
    stays: dict[str, list[Stay]] = field(default_factory=lambda: defaultdict(list))
    patterns: dict[str, list[tuple[date, date, str]]] = field(default_factory=lambda: defaultdict(list))
    complete: dict[str, datetime] = field(default_factory=dict)
    outages: dict[str, list[Outage]] = field(default_factory=lambda: defaultdict(list))
    proofs: dict[tuple[str, ...], Proof] = field(default_factory=dict)
    kept_since: datetime = _ALWAYS  # of what came before, records may be gone


class Attendance:
    """Safe to use by several threads."""

    def __init__(self, database: Database, planner: Planner) -> None:
        self.database = database
        self.planner = planner

    @property
    def zone(self) -> ZoneInfo:
        return self.planner.zone

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def offices(self, gateways: Sequence[str], day: date, now: datetime) -> dict[str, list[PersonDay]]:
        """Everybody who is at those gateways at the end of that day, by name."""
        found: dict[str, list[PersonDay]] = {gateway: [] for gateway in gateways}
        people = list(self._people(gateways, day, day))
        facts = self.facts([person.id for _, person in people], day, day)
        for gateway, person in people:
            found[gateway].append(self.judge(facts, person, day, now))
        return found

    def office(self, gateway: str, first: date, last: date, now: datetime) -> list[tuple[Person, list[PersonDay]]]:
        """Everybody who was at that gateway, each with the days on which they were, by name."""
        people = [person for _, person in self._people([gateway], first, last)]
        facts = self.facts([person.id for person in people], first, last)
        found = []
        for person in people:
            there = [day for day in dates(first, last) if self._is_at(facts, person, gateway, day)]
            found.append((person, [self.judge(facts, person, day, now) for day in there]))
        return found

    def days(self, person: Person, first: date, last: date, now: datetime) -> list[PersonDay]:
        facts = self.facts([person.id], first, last)
        return [self.judge(facts, person, day, now) for day in dates(first, last)]

    def complete_until(self, gateway: str) -> datetime | None:
        kept = self.database.value("SELECT MAX(until) FROM watermark WHERE gateway = ?", gateway)
        return moment(kept) if kept is not None else None

    def person(self, employee: str) -> Person | None:
        row = self.database.row("SELECT id, name FROM employee WHERE id = ?", employee)
        return Person(*row) if row else None

    def stay(self, employee: str) -> str | None:
        """The gateway at which somebody is, or was last."""
        found = self.database.value(
            "SELECT gateway FROM placement WHERE employee = ? ORDER BY since DESC LIMIT 1", employee
        )
        return str(found) if found is not None else None

    def judge(self, facts: Facts, person: Person, day: date, now: datetime) -> PersonDay:
        plan = self.plan(facts, person.id, day)
        stays = facts.stays.get(person.id, [])
        if plan is None or plan.first < facts.kept_since or not any(stay.touches(plan) for stay in stays):
            return PersonDay(person, day, None)
        proof = _proof(facts, plan, stays, now)
        punches = _between(facts.punches.get(person.id, []), plan)
        absence = next(
            (each for since, until, each in facts.absences.get(person.id, []) if since <= plan.start < until), None
        )
        return PersonDay(person, day, judge(plan, punches, proof, absence))

    def plan(self, facts: Facts, employee: str, day: date) -> Plan | None:
        patterns = facts.patterns.get(employee, ())
        mine = [pattern for first, last, pattern in patterns if first <= day <= last]
        return self.planner.plan(day, mine[-1] if mine else OFFICE)

    def span(self, patterns: Iterable[str], first: date, last: date) -> tuple[int, int]:
        """When what concerns those days can be: a night may begin on the day before and end on the day after."""
        known = {OFFICE, *patterns}
        plans = [plan for day in (first, last) for each in known if (plan := self.planner.plan(day, each))]
        begin = min([self.midnight(first), *(plan.first for plan in plans)])
        end = max([self.midnight(last + DAY), *(plan.last for plan in plans)])
        return micros(begin), micros(end)

    # What is held

    def _is_at(self, facts: Facts, person: Person, gateway: str, day: date) -> bool:
        end = self.midnight(day + DAY)
        return any(
            stay.gateway == gateway and stay.since < end and (stay.until is None or stay.until >= end)
            for stay in facts.stays[person.id]
        )

    def _people(self, gateways: Sequence[str], first: date, last: date) -> Iterator[tuple[str, Person]]:
        """Whoever is there at the end of one of those days."""
        start, end = micros(self.midnight(first + DAY)), micros(self.midnight(last + DAY))
        for some in _parts(gateways):
            rows = self.database.rows(
                "SELECT DISTINCT placement.gateway, employee.id, employee.name FROM placement"
                " JOIN employee ON employee.id = placement.employee"
                f" WHERE placement.gateway IN ({_marks(some)}) AND since < ? AND (until IS NULL OR until >= ?)"
                " ORDER BY employee.name, employee.id",
                *some, end, start,
            )  # fmt: skip
            yield from ((gateway, Person(id_, name)) for gateway, id_, name in rows)

    def facts(self, employees: Sequence[str], first: date, last: date) -> Facts:
        facts = Facts(kept_since=moment(boundary(self.database, "record")))
        for some in _parts(employees):
            self._read_patterns(facts, some, first, last)
        patterns = {pattern for mine in facts.patterns.values() for *_, pattern in mine}
        since, until = self.span(patterns, first, last)
        for some in _parts(employees):
            self._read_punches(facts, some, since, until)
            self._read_corrections(facts, some, since, until)
            self._read_stays(facts, some)
        for punches in facts.punches.values():
            punches.sort(key=_time)
        gateways = sorted({stay.gateway for stays in facts.stays.values() for stay in stays})
        for some in _parts(gateways):
            self._read_proofs(facts, some, since, until)
        return facts

    def _read_punches(self, facts: Facts, employees: Sequence[str], since: int, until: int) -> None:
        rows = self.database.rows(
            "SELECT record.employee, action, at, receipt, flags, voided.reason, stated.accepted, stated.reason"
            " FROM record"
            " LEFT JOIN correction AS voided ON voided.record = record.id AND voided.kind = 'void'"
            " AND voided.accepted = 1"
            " LEFT JOIN correction AS stated ON stated.record = record.id AND stated.kind = 'statement'"
            f" WHERE record.employee IN ({_marks(employees)}) AND at >= ? AND at < ? AND duplicate = 0",
            *employees, since, until,
        )  # fmt: skip
        for employee, action, at, receipt, flags, voided, accepted, reason in rows:
            void = voided or (reason if accepted == 0 else "")
            inferred = Flag.INFERRED in flags.split()
            facts.punches[employee].append(Punch(Action(action), moment(at), receipt, void, accepted == 1, inferred))

    def _read_corrections(self, facts: Facts, employees: Sequence[str], since: int, until: int) -> None:
        rows = self.database.rows(
            "SELECT id, employee, kind, what, since, until FROM correction"
            f" WHERE employee IN ({_marks(employees)}) AND accepted = 1 AND kind IN ('punch', 'absence')"
            " AND since < ? AND until >= ? ORDER BY id",
            *employees, until, since,
        )  # fmt: skip
        for id_, employee, kind, what, begin, end in rows:
            source = f"koreksi {id_}"
            if kind == "punch":
                facts.punches[employee].append(Punch(Action(what), moment(begin), source))
            else:
                facts.absences[employee].append((moment(begin), moment(end), Absence(Status(what), source)))

    def _read_stays(self, facts: Facts, employees: Sequence[str]) -> None:
        rows = self.database.rows(
            f"SELECT employee, gateway, since, until FROM placement WHERE employee IN ({_marks(employees)})"
            " ORDER BY employee, since",
            *employees,
        )
        for employee, gateway, since, until in rows:
            stay = Stay(gateway, moment(since), moment(until) if until is not None else None)
            facts.stays[employee].append(stay)

    def _read_patterns(self, facts: Facts, employees: Sequence[str], first: date, last: date) -> None:
        rows = self.database.rows(
            f"SELECT employee, first, last, pattern FROM shift WHERE employee IN ({_marks(employees)})"
            " AND first <= ? AND last >= ? ORDER BY employee, first",
            *employees, last.isoformat(), first.isoformat(),
        )  # fmt: skip
        for employee, begin, end, pattern in rows:
            facts.patterns[employee].append((date.fromisoformat(begin), date.fromisoformat(end), pattern))

    def _read_proofs(self, facts: Facts, gateways: Sequence[str], since: int, until: int) -> None:
        rows = self.database.rows(
            f"SELECT gateway, MAX(until) FROM watermark WHERE gateway IN ({_marks(gateways)}) AND until IS NOT NULL"
            " GROUP BY gateway",
            *gateways,
        )
        facts.complete.update({gateway: moment(kept) for gateway, kept in rows})
        rows = self.database.rows(
            f"SELECT gateway, since, until, reason FROM incident WHERE gateway IN ({_marks(gateways)})"
            " AND since < ? AND (until IS NULL OR until > ?) ORDER BY id",
            *gateways, until, since,
        )  # fmt: skip
        for gateway, begin, end, reason in rows:
            facts.outages[gateway].append(Outage(moment(begin), moment(end) if end is not None else None, reason))


def dates(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=number) for number in range((last - first).days + 1))


def counts(days: Iterable[PersonDay]) -> Counter[Status]:
    return Counter(day.result.status for day in days if day.result)


def _proof(facts: Facts, plan: Plan, stays: Sequence[Stay], now: datetime) -> Proof:
    """What is proven of the gateways at which somebody was on that day; nobody is late before they were known."""
    there = [stay for stay in stays if stay.since < plan.last and (stay.until is None or stay.until > plan.first)]
    gateways = tuple(sorted({stay.gateway for stay in there}))
    proof = facts.proofs.get(gateways)
    if proof is None or proof.at != now:
        marks = [facts.complete.get(gateway) for gateway in gateways]
        known = [mark for mark in marks if mark is not None]
        outages = [outage for gateway in gateways for outage in facts.outages.get(gateway, ())]
        proof = Proof(now, min(known) if len(known) == len(marks) and known else None, outages)
        facts.proofs[gateways] = proof
    enrolled = stays[0].since
    if enrolled <= plan.first:
        return proof
    return Proof(now, proof.complete_until, [*proof.outages, Outage(_ALWAYS, enrolled, ENROLLED)])


def _between(punches: list[Punch], plan: Plan) -> list[Punch]:
    return punches[bisect_left(punches, plan.first, key=_time) : bisect_left(punches, plan.last, key=_time)]


def _time(punch: Punch) -> datetime:
    return punch.at


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
