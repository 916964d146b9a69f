"""From the outbox to the modem, one reply at a time, so that what comes in never waits for long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from modem.messages import Modem, ModemError, OutgoingSms

from .clock import Now
from .desk import Desk
from .journal import Journal
from .outbox import Unsent
from .rules import day_of

log = structlog.get_logger(__name__)

# Seconds before each further attempt; after the last one the reply is given up. Each attempt may cost an SMS.
RETRY_AFTER = (5.0, 30.0, 120.0, 600.0)
VALIDITY = timedelta(hours=24)
FAILED_IN_A_ROW = 3  # then people are told
_WINDOW = 50  # replies looked at in one step: one that has to wait does not hold up the others


@dataclass(frozen=True, slots=True)
class Limits:
    """How many SMS may be tried in a day and in a month, 0 for any number, and numbers that are never answered."""

    per_day: int = 2000
    per_month: int = 40_000
    own_numbers: tuple[str, ...] = ()


@dataclass
class Sender:
    """Sends what the journal's outbox holds, within its limits. Waiting times are kept here, by the monotonic clock.

    Of several modems each has its own; `name` is that of this one, and the desk shares out the replies.
    """

    modem: Modem
    journal: Journal
    limits: Limits
    zone: Callable[[], ZoneInfo]
    desk: Desk
    name: str
    reports: Callable[[], bool] = lambda: False  # whether the network is asked to tell when a reply was delivered
    sent: int = 0  # since the start
    _capped: tuple[date, str] | None = None
    _not_before: dict[int, float] = field(default_factory=dict)
    _failures: list[str] = field(default_factory=list)  # since the last SMS that went out

    @property
    def trouble(self) -> str | None:
        """Why nothing goes out any more, although the modem was asked several times; None while it does."""
        return self._failures[-1] if len(self._failures) >= FAILED_IN_A_ROW else None

    def step(self, now: Now) -> bool:
        """Send one reply that is due; tells whether there was one. Raises `ModemError` when the modem is gone."""
        for reply in self.journal.unsent(_WINDOW):
            due = self._not_before.get(reply.id, 0) <= now.monotonic
            if due and self.desk.is_for(self.name, reply) and self.desk.claim(reply.id):
                try:
                    self._settle(reply, now)
                finally:
                    self.desk.release(reply.id)
                return True
        return False

    def limit_reached(self, today: date) -> str | None:
        """The limit that made it give up a reply on that local day."""
        return self._capped[1] if self._capped and self._capped[0] == today else None

    def _settle(self, reply: Unsent, now: Now) -> None:
        """Send it, unless it is too late or may not go out."""
        if reply.attempts > len(RETRY_AFTER) or now.wall - reply.created > VALIDITY:
            self._give_up(reply, "too late" if reply.attempts <= len(RETRY_AFTER) else "too many attempts")
        elif reply.number in self.limits.own_numbers:
            self._give_up(reply, "an own number")
        elif limit := self._reached(now.wall):
            self._capped = now.wall.astimezone(self.zone()).date(), limit
            self._give_up(reply, f"{limit} is reached")
        else:
            self._send(reply, now)

    def _send(self, reply: Unsent, now: Now) -> None:
        if not self.journal.sending(reply.id, reply.attempts):
            return  # another modem had it since it was looked at
        report = self.reports()
        try:
            reference = self.modem.send(OutgoingSms(reply.number, reply.text, report=report))
        except ModemError as error:
            log.warning("reply not sent", reply=reply.id, attempt=reply.attempts + 1, problem=str(error))
            self._retry_later(reply, error, now)
            if error.gone:
                raise
        else:
            self.journal.sent(reply.id, now.wall, reference if report else None, self.name)
            self._failures.clear()
            self.sent += 1
            self._not_before.pop(reply.id, None)

    def _reached(self, now: datetime) -> str:
        """The limit that allows no further SMS now; empty for none."""
        today, _ = day_of(now, self.zone())
        month, _ = day_of(now.astimezone(self.zone()).replace(day=1), self.zone())
        for name, limit, since in (
            ("sms.per_day", self.limits.per_day, today),
            ("sms.per_month", self.limits.per_month, month),
        ):
            if limit and self.journal.attempts(since) >= limit:
                return name
        return ""

    def _retry_later(self, reply: Unsent, error: ModemError, now: Now) -> None:
        if not error.permanent:  # that is a matter of the number, not of the modem
            self._failures = [*self._failures[1 - FAILED_IN_A_ROW :], str(error)]
        last = error.permanent or reply.attempts >= len(RETRY_AFTER)
        self.journal.not_sent(reply.id, str(error), give_up=last)
        if last:
            self._not_before.pop(reply.id, None)
        else:
            self._not_before[reply.id] = now.monotonic + RETRY_AFTER[reply.attempts]

    def _give_up(self, reply: Unsent, why: str) -> None:
        log.warning("reply given up", reply=reply.id, problem=why)
        self.journal.not_sent(reply.id, why, give_up=True)
        self._not_before.pop(reply.id, None)
