"""From the modem into the journal, and only then off the SIM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from modem.messages import IncomingSms, Modem

from .clock import Now
from .decide import Rules
from .journal import Journal
from .message import from_sms

log = structlog.get_logger(__name__)


class Receiver:
    """Takes what lies on the SIM. `complete_until` is the watermark: all that the modem held then is recorded."""

    def __init__(self, modem: Modem, journal: Journal) -> None:
        self._modem = modem
        self._journal = journal
        self._rules: Rules | None = None
        self._version = 0
        self.complete_until: datetime | None = None

    @property
    def rules(self) -> Rules | None:
        """What is decided by now; None until the first roster is there."""
        return self._rules

    def step(self, now: Now) -> bool:
        """One round; tells whether there was anything. Raises `ModemError` and `JournalError`, with nothing lost."""
        rules = self._current_rules()
        found = self._modem.receive()
        if found:
            messages = [from_sms(sms, now.wall, clock_trusted=now.trusted) for sms in found]
            outcomes = self._journal.admit(messages, rules)
            log.info("received", count=len(found), outcomes=sorted(outcomes))
            self._clear(found)
        if now.trusted and rules:
            self.complete_until = now.wall
        return bool(found)

    def _current_rules(self) -> Rules | None:
        """The rules that the journal holds; with the first ones, what waited for them is decided."""
        if self._journal.desired_version() != self._version and (desired := self._journal.desired()):
            rules = Rules({member.phone: member.employee for member in desired.roster}, desired.policy)
            waited = self._journal.decide_waiting(rules)
            log.info("rules", version=desired.version, employees=len(desired.roster), waited=waited)
            self._rules, self._version = rules, desired.version
        return self._rules

    def _clear(self, found: Sequence[IncomingSms]) -> None:
        """Delete what is committed, each slot only if it still holds what was read.

        A delete that timed out may have been done, and the slot may hold another message by now.
        """
        for sms in found:
            if self._modem.read(sms.location) == sms:
                self._modem.delete(sms.location)
