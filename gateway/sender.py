"""From the outbox to the modem, one reply at a time, so that what comes in never waits for long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from modem.messages import Modem, ModemError, OutgoingSms

from .clock import Now
from .journal import Journal, Unsent

log = structlog.get_logger(__name__)

# Seconds before each further attempt; after the last one the reply is given up. Each attempt may cost an SMS.
RETRY_AFTER = (5.0, 30.0, 120.0, 600.0)
VALIDITY = timedelta(hours=24)
_WINDOW = 50  # replies looked at in one step: one that has to wait does not hold up the others


@dataclass
class Sender:
    """Sends what the journal's outbox holds. Waiting times are kept here, by the monotonic clock."""

    modem: Modem
    journal: Journal
    reports: Callable[[], bool] = lambda: False  # whether the network is asked to tell when a reply was delivered
    _not_before: dict[int, float] = field(default_factory=dict)

    def step(self, now: Now) -> bool:
        """Send one reply that is due; tells whether there was one. Raises `ModemError` when the modem is gone."""
        due = [reply for reply in self.journal.unsent(_WINDOW) if self._not_before.get(reply.id, 0) <= now.monotonic]
        if not due:
            return False
        reply = due[0]
        if reply.attempts > len(RETRY_AFTER) or now.wall - reply.created > VALIDITY:
            self._give_up(reply, "too late" if reply.attempts <= len(RETRY_AFTER) else "too many attempts")
        else:
            self._send(reply, now)
        return True

    def _send(self, reply: Unsent, now: Now) -> None:
        self.journal.sending(reply.id)
        report = self.reports()
        try:
            reference = self.modem.send(OutgoingSms(reply.number, reply.text, report=report))
        except ModemError as error:
            log.warning("reply not sent", reply=reply.id, attempt=reply.attempts + 1, problem=str(error))
            self._retry_later(reply, error, now)
            if error.gone:
                raise
        else:
            self.journal.sent(reply.id, now.wall, reference if report else None)
            self._not_before.pop(reply.id, None)

    def _retry_later(self, reply: Unsent, error: ModemError, now: Now) -> None:
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
