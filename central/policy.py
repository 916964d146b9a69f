"""The rules of attendance as dated data, read from TOML. Pure.

A rulebook holds policies, each with the date from which it holds; `Planner` makes of it what one date asks of one
pattern of work, in absolute time. Clock times are whole minutes: 07:30 lasts until 07:30:59.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from .languages import N_

OFFICE = "kantor"  # the pattern of everybody who was given no other
ABSENT = "absent"  # as `missing_in` or `missing_out`: without that record the whole day counts as absent
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = (N_("Senin"), N_("Selasa"), N_("Rabu"), N_("Kamis"), N_("Jumat"), N_("Sabtu"), N_("Minggu"))
FREE_DAYS = (
    N_("Senin bukan hari kerja"), N_("Selasa bukan hari kerja"), N_("Rabu bukan hari kerja"),
    N_("Kamis bukan hari kerja"), N_("Jumat bukan hari kerja"), N_("Sabtu bukan hari kerja"),
    N_("Minggu bukan hari kerja"),
)  # fmt: skip
MINUTE = timedelta(minutes=1)

Minutes = Annotated[int, Meta(ge=0, le=24 * 60)]
Percent = Decimal  # its range is checked below: msgspec bounds no Decimal
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class BadPolicy(ValueError):
    """A rulebook that can not be used; the message says what, where and how to mend it."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a setting that it does not know is an error, never ignored."""


class Hours(Part, frozen=True, kw_only=True):
    """A working day. A time that is not after `start` is on the next day, but `opens` is before it.

    `opens` to `closes` is when a record counts for this day. A check-in after `in_until` or a check-out before
    `out_from` does not count. `holidays`: worked on holidays as well.
    """

    days: Annotated[tuple[str, ...], Meta(min_length=1)]
    start: time
    end: time
    opens: time
    closes: time
    pattern: Text = OFFICE
    in_until: time | None = None
    out_from: time | None = None
    holidays: bool = False


class Band(Part, frozen=True, kw_only=True):
    """From that many minutes on: a grade, and what it takes off the allowance."""

    name: Text
    minutes: Annotated[int, Meta(ge=1)]
    percent: Percent


class Season(Part, frozen=True, kw_only=True):
    """A time with hours of its own, such as Ramadan; both days belong to it."""

    name: Text
    since: date
    until: date
    hours: tuple[Hours, ...]


class Repay(Part, frozen=True, kw_only=True):
    """Up to `late` minutes are forgiven to whoever stays `stay` minutes longer on the same day."""

    late: Minutes
    stay: Minutes


class Flex(Part, frozen=True, kw_only=True):
    """The end moves with the check-in: up to `before` minutes earlier and `after` minutes later."""

    before: Minutes = 0
    after: Minutes = 0


class Outages(Part, frozen=True, kw_only=True):
    """Which proven incidents suspend lateness: by reason, from `least` minutes on.

    `margin` is the time that people are given after it; one that ended less than that before the limit counts.
    """

    reasons: tuple[Text, ...] = ("offline", "modem", "network", "journal")
    least: Minutes = 5
    margin: Minutes = 15


class Shares(Part, frozen=True, kw_only=True):
    """What a day with each status takes off, in percent."""

    absent: Percent
    leave: Percent = Decimal(0)
    sick: Percent = Decimal(0)
    vacation: Percent = Decimal(0)
    duty: Percent = Decimal(0)
    study: Percent = Decimal(0)
    home: Percent = Decimal(0)


class Policy(Part, frozen=True, kw_only=True):
    """What holds from `since` on. `tolerance` minutes late are no lateness; beyond, all minutes count.

    `missing_in` and `missing_out` name the band that a missing record stands for, or `absent`.
    `out` says which of several check-outs counts: the last or the first.
    """

    title: Text
    since: date
    hours: Annotated[tuple[Hours, ...], Meta(min_length=1)]
    late: tuple[Band, ...]
    early: tuple[Band, ...]
    missing_in: Text
    missing_out: Text
    percent: Shares
    seasons: tuple[Season, ...] = ()
    tolerance: Minutes = 0
    repay: Repay | None = None
    flex: Flex = Flex()
    out: Annotated[str, Meta(pattern="^(last|first)$")] = "last"
    outages: Outages = Outages()


class Day(Part, frozen=True, kw_only=True):
    """What the calendar does not know, or has wrong: a date that is free, or is not."""

    date: date
    name: Text
    free: bool = True


class Rulebook(Part, frozen=True, kw_only=True):
    name: Text
    policies: Annotated[tuple[Policy, ...], Meta(min_length=1)]
    days: tuple[Day, ...] = ()

    @property
    def patterns(self) -> frozenset[str]:
        """The names of all patterns of work that have hours in it."""
        hours = [each for policy in self.policies for each in policy.hours]
        hours += [each for policy in self.policies for season in policy.seasons for each in season.hours]
        return frozenset(each.pattern for each in hours)

    def at(self, day: date) -> Policy | None:
        """The newest policy that holds on that day."""
        held = [policy for policy in self.policies if policy.since <= day]
        return max(held, key=lambda policy: policy.since, default=None)


def parse(text: str) -> Rulebook:
    """Raises `BadPolicy`."""
    try:
        book = msgspec.toml.decode(text, type=Rulebook)
    except msgspec.MsgspecError as error:
        raise BadPolicy(str(error)) from None
    for number, policy in enumerate(book.policies):
        _check(policy, f"policies[{number}]")
    if len({policy.since for policy in book.policies}) < len(book.policies):
        raise BadPolicy("policies: two of them hold since the same day")
    return book


def _check(policy: Policy, where: str) -> None:
    for name in ("late", "early"):
        bands = getattr(policy, name)
        if not bands or [each.minutes for each in bands] != sorted({each.minutes for each in bands}):
            raise BadPolicy(f"{where}.{name}: at least one band, each from more minutes on than the one before")
    shares = [*msgspec.structs.astuple(policy.percent), *(band.percent for band in (*policy.late, *policy.early))]
    if any(not 0 <= share <= 100 for share in shares):
        raise BadPolicy(f"{where}: every percent is from 0 to 100")
    for name, bands in (("missing_in", policy.late), ("missing_out", policy.early)):
        if getattr(policy, name) not in {ABSENT, *(band.name for band in bands)}:
            raise BadPolicy(f"{where}.{name}: must be {ABSENT!r} or the name of a band")
    _check_hours(policy.hours, f"{where}.hours")
    for number, season in enumerate(policy.seasons):
        if season.until < season.since:
            raise BadPolicy(f"{where}.seasons[{number}]: until is before since")
        _check_hours(season.hours, f"{where}.seasons[{number}].hours")


def _check_hours(hours: tuple[Hours, ...], where: str) -> None:
    seen = set()
    for number, each in enumerate(hours):
        for day in each.days:
            if day not in DAYS:
                raise BadPolicy(f"{where}[{number}].days: {day!r} is none of {', '.join(DAYS)}")
            if (each.pattern, day) in seen:
                raise BadPolicy(f"{where}[{number}].days: {day} has hours already")
            seen.add((each.pattern, day))
        if any(clock.second or clock.microsecond for clock in _clocks(each)):
            raise BadPolicy(f"{where}[{number}]: times are whole minutes")
        if not _in_order(each):
            raise BadPolicy(f"{where}[{number}]: the order must be opens, start, end, closes, within 24 hours")


def _clocks(hours: Hours) -> tuple[time, ...]:
    rest = (clock for clock in (hours.in_until, hours.out_from) if clock is not None)
    return (hours.opens, hours.start, hours.end, hours.closes, *rest)


def _in_order(hours: Hours) -> bool:
    """As one day, and not overlapping the same hours of the next."""
    first, *rest = (_minute(clock) for clock in (hours.opens, hours.start, hours.end, hours.closes))
    after = [(minute - first) % (24 * 60) for minute in rest]
    return after == sorted(after) and after[1] > 0 and all(_within(hours, clock) for clock in _clocks(hours))


def _within(hours: Hours, clock: time) -> bool:
    first = _minute(hours.opens)
    return (_minute(clock) - first) % (24 * 60) <= (_minute(hours.closes) - first) % (24 * 60)


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


@dataclass(frozen=True, slots=True)
class Plan:
    """What one date asks, in UTC. Of every span the end is the first moment that no longer belongs to it.

    `hours` None: nothing, for the reason in `free`. The records from `first` to `last` concern this date: by the
    hours from `opens` to `closes` or, as statements (sick, leave, duty), by the local day.
    """

    date: date
    policy: Policy
    pattern: str
    free: str
    hours: Hours | None
    first: datetime
    last: datetime
    opens: datetime
    start: datetime
    end: datetime
    closes: datetime
    in_until: datetime  # check-ins count before this, and before the end: later ones can only be for the next shift
    out_from: datetime


class Planner:
    """Plans by date and pattern, kept once made: many people share them."""

    def __init__(self, book: Rulebook, zone: ZoneInfo, holiday: Callable[[date], str | None]) -> None:
        self.book = book
        self.zone = zone
        self._holiday = holiday
        self._days = {day.date: day for day in book.days}
        self._kept: dict[tuple[date, str], Plan | None] = {}

    def plan(self, day: date, pattern: str = OFFICE) -> Plan | None:
        """None before the first policy."""
        key = (day, pattern)
        if key not in self._kept:
            policy = self.book.at(day)
            self._kept[key] = self._make(day, pattern, policy) if policy else None
        return self._kept[key]

    def _make(self, day: date, pattern: str, policy: Policy) -> Plan:
        hours = self._hours(day, pattern, policy)
        free = "" if hours else FREE_DAYS[day.weekday()]
        holiday = self._free(day)
        if holiday and not (hours and hours.holidays):
            hours, free = None, holiday
        times = self._times(day, hours) if hours else self._nothing(day)
        first = max(self._instant(day, time()), self._end_before(day, pattern))
        last = max(self._instant(day + timedelta(days=1), time()), times["closes"])
        return Plan(day, policy, pattern, free, hours, min(first, times["opens"]), last, **times)

    def _end_before(self, day: date, pattern: str) -> datetime:
        """When the hours of the day before end: a night reaches into the next day."""
        yesterday = day - timedelta(days=1)
        policy = self.book.at(yesterday)
        hours = self._hours(yesterday, pattern, policy) if policy else None
        return self._times(yesterday, hours)["closes"] if hours else datetime.min.replace(tzinfo=UTC)

    def _nothing(self, day: date) -> dict[str, datetime]:
        begin = self._instant(day, time())
        return dict.fromkeys(("opens", "start", "end", "closes", "in_until", "out_from"), begin)

    def _free(self, day: date) -> str | None:
        own = self._days.get(day)
        if own is not None:
            return own.name if own.free else None
        return self._holiday(day)

    def _hours(self, day: date, pattern: str, policy: Policy) -> Hours | None:
        season = next((each for each in policy.seasons if each.since <= day <= each.until), None)
        for choice in (season.hours if season else (), policy.hours):
            mine = [each for each in choice if each.pattern == pattern]
            if mine:
                return next((each for each in mine if DAYS[day.weekday()] in each.days), None)
        return None

    def _times(self, day: date, hours: Hours) -> dict[str, datetime]:
        start = self._instant(day, hours.start)
        opens = self._instant(day, hours.opens)
        times = {"start": start, "opens": opens if opens <= start else opens - timedelta(days=1)}
        for name in ("end", "closes"):
            at = self._instant(day, getattr(hours, name))
            times[name] = at if at > start else at + timedelta(days=1)
        times["closes"] += MINUTE
        times["in_until"] = self._after(start, day, hours.in_until) + MINUTE if hours.in_until else times["end"]
        times["out_from"] = self._after(start, day, hours.out_from) if hours.out_from else start
        return times

    def _after(self, start: datetime, day: date, clock: time) -> datetime:
        at = self._instant(day, clock)
        return at if at >= start else at + timedelta(days=1)

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)
