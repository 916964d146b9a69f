"""From the modem into the journal, and only then off the SIM."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from modem.clearing import Clearing
from modem.messages import IncomingSms, Modem, ModemError

from .clock import Now
from .journal import Journal
from .message import from_call, from_sms
from .rulebook import RuleBook
from .rules import Rules

_MINUTES = timedelta(minutes=5)
CALLS_APART = timedelta(minutes=10)  # whoever calls again before is asking whether the first one counted

log = structlog.get_logger(__name__)


class Receiver:
    """Takes what lies on the SIM. `complete_until` is the watermark: all that the modem held then is recorded.

    `clock_behind` tells that the SMS centre is ahead of us, `deaf` that the modem can not tell who calls.
    """

    def __init__(self, modem: Modem, journal: Journal, rulebook: RuleBook, name: str = "") -> None:
        self._name = name
        self._modem = modem
        self._journal = journal
        self._rulebook = rulebook
        self._clearing = Clearing(modem)
        self.clock_behind = False
        self.deaf = False
        self.complete_until: datetime | None = None

    @property
    def stuck(self) -> Collection[IncomingSms]:
        """Messages that are kept and can not be deleted."""
        return self._clearing.stuck

    def step(self, now: Now) -> bool:
        """One round; tells whether there was anything. Raises `ModemError` and `JournalError`, with nothing lost."""
        rules = self._rulebook.current()
        found = self._clearing.due(self._modem.receive(), now.monotonic)
        if found:
            trusted = now.trusted and now.synchronised
            messages = [from_sms(sms, now.wall, clock_trusted=trusted, modem=self._name) for sms in found]
            outcomes = self._journal.admit(messages, rules, self._rulebook.beforehand)
            log.info("received", count=len(found), outcomes=sorted(outcomes))
            self.clock_behind = any(sms.sent and sms.sent > now.wall + _MINUTES for sms in found)
            self._clearing.clear(found, now.monotonic)
        if rules and (given_up := self._journal.give_up_parts(now.wall, rules, self._rulebook.beforehand)):
            log.info("parts given up", count=len(given_up), outcomes=sorted(given_up))
        # A list that is not empty may lack an SMS that the modem counts and does not show: the next list tells.
        settled = not found and not self.clock_behind and not self.stuck and not self._journal.parts_waiting()
        if settled and now.trusted and rules:
            self.complete_until = now.wall
        return self._take_calls(now, rules) or bool(found)

    def _take_calls(self, now: Now, rules: Rules | None) -> bool:
        """Missed calls are check-ins where the policy says so. Unlike an SMS a call is kept nowhere but here."""
        if rules is None or not rules.policy.missed_calls:
            return False
        try:
            rang = self._modem.calls()
        except ModemError as error:
            if error.gone:
                raise
            self.deaf = True
            return False
        self.deaf = False
        trusted = now.trusted and now.synchronised
        recent = self._journal.callers(now.wall - CALLS_APART)
        messages = [from_call(call, now.wall, clock_trusted=trusted, modem=self._name) for call in rang]
        fresh = [message for message in messages if message.sender not in recent]
        if fresh:
            outcomes = self._journal.admit(fresh, rules, self._rulebook.beforehand)
            log.info("called", count=len(fresh), outcomes=sorted(outcomes))
        return bool(rang)
