"""The time, and whether to believe it. A Raspberry Pi has no clock of its own: it boots in the past."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

# No gateway ever ran before this; a clock that says so is not set.
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Now:
    """One moment: `wall` for what people see, `monotonic` (seconds) for every interval.

    `trusted` tells that `wall` is not behind what was known before, `synchronised` that the network set it.
    """

    wall: datetime
    monotonic: float
    trusted: bool = True
    synchronised: bool = True


class Clock(Protocol):
    def now(self) -> Now: ...


# What NTP may turn the clock back by without being suspected.
_SLACK = timedelta(seconds=60)


class SystemClock:
    """The machine's clock, as long as it does not fall behind a time that was there before.

    `floor` is the newest time that the journal knows, so that time never runs backwards across a boot. A clock that
    is behind is not set, or was set back: then time goes on by the monotonic clock, and is not trusted, unless the
    network itself set it.
    """

    def __init__(
        self, floor: datetime | None = None, synchronised: Callable[[], bool] = lambda: kernel_synchronised()
    ) -> None:
        self._synchronised = synchronised
        self._reached = max(floor or RELEASED, RELEASED)
        self._at = time.monotonic()

    def now(self) -> Now:
        monotonic = time.monotonic()
        wall = datetime.now(UTC)
        expected = self._reached + timedelta(seconds=monotonic - self._at)
        synchronised = self._synchronised()
        trusted = synchronised or wall >= expected - _SLACK
        if trusted:
            self._reached, self._at = wall, monotonic
        return Now(wall if trusted else expected, monotonic, trusted, synchronised)


def kernel_synchronised() -> bool:
    """Whether the kernel holds its clock for set by NTP (adjtimex(2)); False as well where it may not be asked."""
    timex = ctypes.create_string_buffer(512)  # larger than `struct timex`; all zero asks and changes nothing
    state = int(_libc.adjtimex(timex))
    return state not in (-1, _TIME_ERROR)


_libc = ctypes.CDLL(None)
_TIME_ERROR = 5
