"""Working hours of a day, and how late or early a time is. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Hours, Policy


def hours_on(day: date, shift: str, policy: Policy) -> Hours | None:
    """The hours of that shift on that day; None on a day off."""
    if day in policy.holidays:
        return None
    fitting = [
        hours
        for hours in policy.hours
        if hours.shift == shift
        and hours.since <= day <= (hours.until or date.max)
        and day.isoweekday() in hours.weekdays
    ]
    return max(fitting, key=lambda hours: hours.since, default=None)


def minutes_late(at: datetime, shift: str, policy: Policy) -> int:
    """Whole minutes after the start of that local day's hours; 0 when in time or on a day off.

    The minute that begins with the start is still in time: 07:30:59 for 07:30, as ANRI 18/2016 has it.
    """
    local = at.astimezone(ZoneInfo(policy.timezone))
    hours = hours_on(local.date(), shift, policy)
    if hours is None:
        return 0
    return _minutes(local - datetime.combine(local.date(), hours.start, local.tzinfo))


def minutes_early(at: datetime, shift: str, policy: Policy) -> int:
    """Whole minutes, begun ones too, before the end of that local day's hours; 0 when after it or on a day off."""
    local = at.astimezone(ZoneInfo(policy.timezone))
    hours = hours_on(local.date(), shift, policy)
    if hours is None or hours.end <= hours.start:  # those that end next morning are the collector's to judge
        return 0
    return _minutes(datetime.combine(local.date(), hours.end, local.tzinfo) - local + timedelta(seconds=59))


def _minutes(span: timedelta) -> int:
    return max(0, int(span // timedelta(minutes=1)))
