"""The journal's records by SMS: which SMS are under way, and what the collector holds by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from mqtt_bridge.sms_codec import Answer

from .rows import as_text
from .store import Store

# How far a counter may follow the clock: a clock that is far ahead must not use all of them up.
_LATEST_COUNTER = 2**32 - 2**24


class Coding(StrEnum):
    """How records travel by SMS."""

    DATA = "data"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Flight:
    """An SMS with records first..last that went to the collector."""

    counter: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class UplinkState:
    """What is known of the way by SMS.

    `held` are the runs (first, last) that the collector holds, by its answer with the counter `answered`;
    `unknown_roster` is the tag of the roster that it did not know; `flights` may still be under way.
    """

    coding: Coding
    answered: int
    held: tuple[tuple[int, int], ...]
    unknown_roster: str
    flights: tuple[Flight, ...]


class UplinkLog(Store):
    """Each SMS has a counter that no other has."""

    def uplink(self) -> UplinkState:
        with self._guarded():
            rows = self._rows(
                "SELECT counter, first_seq, last_seq FROM uplink WHERE problem IS NULL AND last_seq > ?"
                " ORDER BY counter",
                int(self._meta("delivered") or 0),
            )
            return UplinkState(
                coding=Coding(self._meta("uplink_coding") or Coding.DATA),
                answered=int(self._meta("uplink_answered") or 0),
                held=msgspec.json.decode(self._meta("uplink_held") or "[]", type=tuple[tuple[int, int], ...]),
                unknown_roster=self._meta("uplink_unknown_roster") or "",
                flights=tuple(Flight(*row) for row in rows),
            )

    def uplink_counter(self, now: datetime) -> int:
        """The number of the next SMS. It goes with the clock, so that a restored journal uses none a second time."""
        with self._guarded():
            last = int(self._value("SELECT COALESCE(MAX(counter), 0) FROM uplink"))
        return max(last + 1, min(int(now.timestamp()), _LATEST_COUNTER))

    def uplink_sending(self, flight: Flight, now: datetime) -> None:
        """An attempt begins; counted beforehand, as it may cost whatever becomes of it."""
        with self._transaction():
            self._run(
                "INSERT INTO uplink (counter, first_seq, last_seq, created) VALUES (?, ?, ?, ?)",
                flight.counter, flight.first, flight.last, as_text(now),
            )  # fmt: skip

    def uplink_failed(self, counter: int, problem: str) -> None:
        with self._transaction():
            self._run("UPDATE uplink SET problem = ? WHERE counter = ?", problem, counter)

    def uplink_coding(self, coding: Coding) -> None:
        """Send in that form from now on."""
        with self._transaction():
            self._set_meta("uplink_coding", coding)

    def uplink_answer(self, answer: Answer, unknown_roster: str) -> bool:
        """Note what the collector holds, unless a newer answer was there before; tells whether it was noted.

        What it holds by SMS is not delivered: that is for the ack of the signed batch to say.
        """
        with self._transaction():
            if answer.frame.counter <= int(self._meta("uplink_answered") or 0):
                return False
            self._set_meta("uplink_answered", str(answer.frame.counter))
            self._set_meta("uplink_held", msgspec.json.encode(answer.runs).decode())
            if unknown_roster:
                self._set_meta("uplink_unknown_roster", unknown_roster)
            return True

    def uplink_attempts(self, since: datetime) -> int:
        """How many SMS to the collector were tried since then."""
        with self._guarded():
            return int(self._value("SELECT COUNT(*) FROM uplink WHERE created >= ?", as_text(since)))
