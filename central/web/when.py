"""Days and months out of addresses: whatever is no date there stands for today. Pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def day_of(text: str) -> date | None:
    """Within the years that every calendar here knows."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return day if day and 2000 <= day.year < 2100 else None


def month_of(text: str, today: date) -> tuple[date, date]:
    """The first and the last day of a month such as `2026-11`."""
    first = day_of(f"{text}-01") or today.replace(day=1)
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def around(first: date) -> dict[str, str]:
    """The months before and after."""
    return {"before": f"{first - timedelta(days=1):%Y-%m}", "after": f"{first + timedelta(days=32):%Y-%m}"}


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """With which the day begins."""
    return datetime.combine(day, time(), zone)
