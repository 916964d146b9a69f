"""The rules in force, as the journal holds them."""

from __future__ import annotations

import threading

import structlog

from mqtt_bridge.records import Policy

from .journal import Beforehand, Journal
from .rules import Rules

log = structlog.get_logger(__name__)


class RuleBook:
    """What is decided by now, for all threads that decide. `rules` is what `current` gave last, without a look;
    `beforehand` sees every message first.
    """

    def __init__(self, journal: Journal, beforehand: Beforehand | None = None) -> None:
        self._journal = journal
        self.beforehand = beforehand
        self._lock = threading.Lock()
        self._version = 0
        self.rules: Rules | None = None

    @property
    def policy(self) -> Policy:
        """That of the rules; the default one before there are any."""
        return self.rules.policy if self.rules else Policy()

    def current(self) -> Rules | None:
        """None until the first roster is there; with it, what waited for it is decided. Raises `JournalError`."""
        with self._lock:
            if self._journal.desired_version() != self._version and (desired := self._journal.desired()):
                rules = Rules.of(desired)
                waited = self._journal.decide_waiting(rules, self.beforehand)
                log.info("rules", version=desired.version, employees=len(desired.roster), waited=waited)
                self.rules, self._version = rules, desired.version
            return self.rules
