"""One modem of the gateway, with all that uses it: first what came in, then one reply, then one
SMS to the collector, then the SIM itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from zoneinfo import ZoneInfo

from modem.messages import Modem, ModemError
from modem.operators import Operator, of_sim

from .clock import Now
from .desk import Desk
from .guardian import Guardian
from .health import ModemWatch
from .journal import Journal
from .poke import Poker
from .receiver import Receiver
from .rulebook import RuleBook
from .sender import Limits, Sender

UNREAD_ROUNDS = 3


class ModemSide:
    """Steps what stands on one modem. `name` is how the configuration and the journal call it.

    `errand` is what the collector may have it do once all that came in is kept and no reply is due; it is told the
    time and whether the modem can be read. `last` is what else may go out by it then. Both tell whether there was
    anything.
    """

    def __init__(
        self,
        name: str,
        modem: Modem,
        journal: Journal,
        rulebook: RuleBook,
        zone: Callable[[], ZoneInfo],
        limits: Limits,
        desk: Desk,
        operators: Sequence[Operator] = (),
    ) -> None:
        self.name = name
        self.modem = modem
        self.watch = ModemWatch(modem)
        self.receiver = Receiver(modem, journal, rulebook, name)
        self.sender = Sender(modem, journal, limits, zone, desk, name, lambda: rulebook.policy.delivery_reports)
        self.poker = Poker(modem, journal, name)
        self.guardian: Guardian | None = None
        self.errand: Callable[[Now, bool], bool] = lambda _now, _readable: False
        self.last: Callable[[Now], bool] = lambda _: False
        self._journal = journal
        self._rulebook = rulebook
        self._zone = zone
        self._operators = operators
        self._unread = 0
        desk.join(self)

    @property
    def may_send(self) -> bool:
        return self.watch.problem is None and self.watch.may_send

    @property
    def operator(self) -> Operator | None:
        """Whose SIM is in it, once that is known."""
        status = self.watch.status
        return of_sim(self._operators, status.imsi) if status else None

    def step(self, now: Now) -> bool:
        """One round; tells whether there was work. Raises `ModemError`, `JournalError`."""
        try:
            worked = self._use(now)
        except ModemError as error:
            self.watch.note(error)
            raise
        self.watch.note(None)
        return worked

    def wait(self, seconds: float) -> bool:
        """Wait for the next round; tells whether it is due before its time. Raises `ModemError`."""
        try:
            return self.modem.wait(seconds)
        except ModemError as error:
            self.watch.note(error)
            raise

    def _use(self, now: Now) -> bool:
        try:
            received = self.receiver.step(now)
        except ModemError as error:
            self._unread += 1
            if not error.gone:  # a SIM that is locked can not be read, and says so only when asked
                with suppress(ModemError):
                    self.watch.step(now)
            # Whatever keeps us from reading need not keep us from sending.
            if self.watch.may_send and (not error.gone or self._unread % UNREAD_ROUNDS == 0):
                self.sender.step(now)
            self.errand(now, False)
            raise
        self._unread = 0
        self.watch.step(now)
        self.poker.watch(now, self.watch.status)
        worked = received or (self.watch.may_send and self._send(now))
        self.watch.unsent = self.sender.trouble
        if worked or self.errand(now, True):
            return True
        return (self.watch.may_send and self._send_last(now)) or self._mind_sim(now)

    def _send(self, now: Now) -> bool:
        """One reply."""
        before = self.sender.sent
        stepped = self.sender.step(now)
        if self.sender.sent > before:
            self.poker.sent()
        return stepped

    def _send_last(self, now: Now) -> bool:
        """What waits until no reply and no command does."""
        return self.last(now) or self.poker.step(now, self._rulebook.rules)

    def _mind_sim(self, now: Now) -> bool:
        """Only when nothing waits: a dialogue with the operator may hold up the modem for half a minute."""
        if self.guardian is None or self._journal.unsent_count():
            return False
        return self.guardian.step(now, self.watch.status, self._zone())
