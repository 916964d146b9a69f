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


class SystemClock:
    """The machine's clock; while it is behind `floor` it is not set, and time goes on from there instead.

    `floor` is the newest time that the journal holds, so that time never runs backwards across a boot.
    """

    def __init__(self, floor: datetime | None = None) -> None:
        self._floor = max(floor or RELEASED, RELEASED)
        self._started = time.monotonic()

    def now(self) -> Now:
        monotonic = time.monotonic()
        wall = datetime.now(UTC)
        if wall >= self._floor:
            return Now(wall, monotonic)
        return Now(self._floor + timedelta(seconds=monotonic - self._started), monotonic, trusted=False)
