"""From the modem into the journal, and only then off the SIM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from modem.messages import IncomingSms, Modem, ModemError

from .clock import Now
from .journal import Journal
from .message import from_call, from_sms
from .rulebook import RuleBook
from .rules import Rules

DELETE_ATTEMPTS = 3
STUCK_SECONDS = 600.0
_MINUTES = timedelta(minutes=5)
CALLS_APART = timedelta(minutes=10)  # whoever calls again before is asking whether the first one counted

log = structlog.get_logger(__name__)


class Receiver:
    """Takes what lies on the SIM. `complete_until` is the watermark: all that the modem held then is recorded.

    `stuck` holds messages that are kept and can not be deleted, with when to try again (monotonic seconds);
    `clock_behind` tells that the SMS centre is ahead of us, `deaf` that the modem can not tell who calls.
    """

    def __init__(self, modem: Modem, journal: Journal, rulebook: RuleBook, name: str = "") -> None:
        self._name = name
        self._modem = modem
        self._journal = journal
        self._rulebook = rulebook
        self._tries: dict[IncomingSms, int] = {}
        self.stuck: dict[IncomingSms, float] = {}
        self.clock_behind = False
        self.deaf = False
        self.complete_until: datetime | None = None

    def step(self, now: Now) -> bool:
        """One round; tells whether there was anything. Raises `ModemError` and `JournalError`, with nothing lost."""
        rules = self._rulebook.current()
        listed = self._modem.receive()
        self.stuck = {sms: again for sms, again in self.stuck.items() if sms in listed}
        found = [sms for sms in listed if self.stuck.get(sms, 0.0) <= now.monotonic]
        if found:
            trusted = now.trusted and now.synchronised
            messages = [from_sms(sms, now.wall, clock_trusted=trusted, modem=self._name) for sms in found]
            outcomes = self._journal.admit(messages, rules, self._rulebook.beforehand)
            log.info("received", count=len(found), outcomes=sorted(outcomes))
            self.clock_behind = any(sms.sent and sms.sent > now.wall + _MINUTES for sms in found)
            self._clear(found, now)
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

    def _clear(self, found: Sequence[IncomingSms], now: Now) -> None:
        """Delete what is committed, each slot only if it still holds what was read.

        A delete that timed out may have been done, and the slot may hold another message by now. A slot that can not
        be emptied holds up neither the others nor the replies: it is left alone for a while, and people are told.
        """
        failed = self._modem.erase(found).failed
        for sms in found:
            if sms.location in failed:
                self._tries[sms] = self._tries.get(sms, 0) + 1
                problem = failed[sms.location]
                log.warning("slot not emptied", slot=sms.location, attempt=self._tries[sms], problem=problem)
                if self._tries[sms] >= DELETE_ATTEMPTS:
                    self.stuck[sms] = now.monotonic + STUCK_SECONDS
        self._tries = {sms: tries for sms, tries in self._tries.items() if sms in found}
