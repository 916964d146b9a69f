"""A call to the simulated modem: it rings until the modem hangs up or the caller gives up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    RINGING = "ringing"
    HUNG_UP = "hung-up"  # by the modem
    GIVEN_UP = "given-up"  # by the caller


@dataclass(slots=True)
class Call:
    """`number` is empty when the caller withholds it."""

    number: str
    rings: int  # still to come
    pause: float  # seconds between two
    next: float
    fate: Fate = Fate.RINGING


class Calls:
    """The calls of one SIM, one after the other. Safe to use from several threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def ring(self, number: str, rings: int = 5, pause: float = 2.0) -> None:
        """Somebody calls, and waits for so many rings."""
        with self._lock:
            self._calls.append(Call(number, rings, pause, self._now()))

    def hang_up(self) -> None:
        """AT+CHUP or ATH."""
        with self._lock:
            if call := self._ringing():
                call.fate = Fate.HUNG_UP

    def fates(self) -> list[tuple[str, Fate]]:
        with self._lock:
            return [(call.number, call.fate) for call in self._calls]

    def due(self, ring: str, show_number: bool) -> list[str]:
        """The lines of a ring whose time has come (3GPP TS 27.007, 6.11 and 7.6)."""
        with self._lock:
            call = self._ringing()
            if call is None or call.next > self._now():
                return []
            if not call.rings:
                call.fate = Fate.GIVEN_UP
                return ["NO CARRIER"]
            call.rings, call.next = call.rings - 1, self._now() + call.pause
            kind = 145 if call.number.startswith("+") else 129 if call.number else 128
            return [ring, *([f'+CLIP: "{call.number}",{kind},,,,{int(not call.number)}'] if show_number else [])]

    def _ringing(self) -> Call | None:
        return next((call for call in self._calls if call.fate is Fate.RINGING), None)
