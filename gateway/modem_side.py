"""One modem of the gateway, with all that uses it: first what came in, then one reply, then the SIM itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from modem.messages import Modem, ModemError
from modem.operators import Operator, of_sim

from .clock import Now
from .desk import Desk
from .guardian import Guardian
from .health import ModemWatch
from .journal import Journal
from .receiver import Receiver
from .sender import Limits, Sender

UNREAD_ROUNDS = 3


class ModemSide:
    """Steps what stands on one modem. `name` is how the configuration and the journal call it."""

    def __init__(
        self,
        name: str,
        modem: Modem,
        journal: Journal,
        zone: Callable[[], ZoneInfo],
        limits: Limits,
        desk: Desk,
        operators: Sequence[Operator] = (),
    ) -> None:
        self.name = name
        self.modem = modem
        self.watch = ModemWatch(modem)
        self.receiver = Receiver(modem, journal, name)
        self.sender = Sender(modem, journal, limits, zone, desk, name)
        self.guardian: Guardian | None = None
        self._journal = journal
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

    def _use(self, now: Now) -> bool:
        try:
            received = self.receiver.step(now)
        except ModemError:
            self._unread += 1
            if self._unread % UNREAD_ROUNDS == 0:  # whatever keeps us from reading need not keep us from sending
                self.sender.step(now)
            raise
        self._unread = 0
        self.watch.step(now)
        return received or (self.watch.may_send and self.sender.step(now)) or self._mind_sim(now)

    def _mind_sim(self, now: Now) -> bool:
        """Only when nothing waits: a dialogue with the operator may hold up the modem for half a minute."""
        if self.guardian is None or self._journal.unsent_count():
            return False
        return self.guardian.step(now, self.watch.status, self._zone())
