"""The time, and whether to believe it. A Raspberry Pi has no clock of its own: it boots in the past."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

# No gateway ever ran before this; a clock that says so is not set.
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Now:
    """One moment: `wall` for what people see, `monotonic` (seconds) for every interval."""

    wall: datetime
    monotonic: float
    trusted: bool = True


class Clock(Protocol):
    def now(self) -> Now: ...


# What NTP may turn the clock back by without being suspected.
_SLACK = timedelta(seconds=60)


class SystemClock:
    """The machine's clock, as long as it does not fall behind a time that was there before.

    `floor` is the newest time that the journal knows, so that time never runs backwards across a boot. A clock that
    is behind is not set, or was set back: then time goes on by the monotonic clock, and is not trusted.
    """

    def __init__(self, floor: datetime | None = None) -> None:
        self._reached = max(floor or RELEASED, RELEASED)
        self._at = time.monotonic()

    def now(self) -> Now:
        monotonic = time.monotonic()
        wall = datetime.now(UTC)
        expected = self._reached + timedelta(seconds=monotonic - self._at)
        trusted = wall >= expected - _SLACK
        if trusted:
            self._reached, self._at = wall, monotonic
        return Now(wall if trusted else expected, monotonic, trusted)
