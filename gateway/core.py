"""The gateway as two stepped sides over its ports: modem, journal, link, clock. Starts no thread, opens no device.

The modem's side and the collector's side share only the journal. `__main__` steps each in a thread of its own, the
simulation steps both in one, with a clock, a modem and a link that it makes up.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modem.messages import Modem, ModemError
from mqtt_bridge.client import Link
from mqtt_bridge.records import Policy, Status

from .clock import Clock, Now
from .downlink import Downlink
from .forwarder import Forwarder
from .guardian import NOTHING_KNOWN, Guardian, SimView
from .health import Condition, ModemWatch, Reporter, machine, reasons
from .journal import Journal, JournalError
from .receiver import Receiver
from .sender import Limits, Sender

UNREAD_ROUNDS = 3


@dataclass
class CollectorSide:
    """What speaks with the collector over one link."""

    link: Link
    forwarder: Forwarder
    downlink: Downlink
    reporter: Reporter


class Core:
    """One gateway. `collector` is None until the collector's public key is there; `waiting_for` tells why."""

    def __init__(
        self, modem: Modem, journal: Journal, clock: Clock, folder: Path, limits: Limits | None = None
    ) -> None:
        self.journal = journal
        self.watch = ModemWatch(modem)
        self.receiver = Receiver(modem, journal)
        self.sender = Sender(modem, journal, limits or Limits(), lambda: self.zone)
        self.guardian: Guardian | None = None
        self.collector: CollectorSide | None = None
        self.waiting_for = "kunci publik pusat belum dibaca"
        self.journal_problem: str | None = None
        self._unread = 0
        self._clock = clock
        self._folder = folder
        self.started = clock.now().wall

    def connect(self, link: Link, key: Ed25519PrivateKey, central: Ed25519PublicKey) -> None:
        forwarder = Forwarder(link, self.journal, key)
        downlink = Downlink(link, self.journal, forwarder, central)
        reporter = Reporter(link, key, self.journal.gateway, self.started)
        self.collector = CollectorSide(link, forwarder, downlink, reporter)

    @property
    def zone(self) -> ZoneInfo:
        """The local time that days are counted in."""
        rules = self.receiver.rules
        return rules.zone if rules else ZoneInfo(Policy().timezone)

    def disconnect(self) -> None:
        """Tell the collector that we go, and go."""
        if self.collector:
            self.collector.reporter.goodbye()
            self.collector.link.close()

    def step_modem(self) -> bool:
        """All that is on the SIM first, then one reply, then the SIM itself. Raises `ModemError`, `JournalError`."""
        try:
            worked = self._use_modem(self._clock.now())
        except ModemError as error:
            self.watch.note(error)
            raise
        except JournalError as error:
            self._restart_journal(error)
            raise
        self.watch.note(None)
        self.journal_problem = None
        return worked

    def _use_modem(self, now: Now) -> bool:
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
        if self.guardian is None or self.journal.unsent_count():
            return False
        return self.guardian.step(now, self.watch.status, self.zone)

    def step_collector(self) -> bool:
        """Hear, send, report. Raises `JournalError`."""
        side = self.collector
        if side is None:
            return False
        try:
            try:
                heard = side.downlink.step()
                return side.forwarder.step(self._clock.now()) or heard
            finally:  # also when records can not be read: that is what people must hear of
                side.reporter.step(self.status(), self._clock.now())
        except JournalError as error:
            self._restart_journal(error)
            raise

    def status(self) -> Status:
        """The whole picture, as of now. Raises `JournalError`."""
        now = self._clock.now()
        complete_until = self.receiver.complete_until  # before the position: what it covers must be in there
        position = self.journal.position()
        box = machine(self._folder)
        return Status(
            gateway=self.journal.gateway,
            journal=self.journal.id,
            at=now.wall,
            started=self.started,
            version=version("gardu"),
            reasons=tuple(reasons(self._condition(now, box.disk_free))),
            modem=self.watch.report(),
            last_seq=position.last,
            delivered=position.delivered,
            replies_waiting=self.journal.unsent_count(),
            complete_until=complete_until,
            desired=self.journal.desired_version(),
            clock_trusted=now.trusted,
            disk_free=box.disk_free,
            heat=box.heat,
            sim=self._sim(now).report(),
        )

    def _sim(self, now: Now) -> SimView:
        return self.guardian.view(now.wall.astimezone(self.zone).date()) if self.guardian else NOTHING_KNOWN

    def _condition(self, now: Now, disk_free: int | None) -> Condition:
        side = self.collector
        return Condition(
            journal_problem=self.journal_problem,
            modem_problem=self.watch.problem,
            modem=self.watch.status,
            stuck=len(self.receiver.stuck),
            clock_trusted=now.trusted and not self.receiver.clock_behind,
            disk_free=disk_free,
            waiting_for=None if side else self.waiting_for,
            link_problem=side.link.problem if side else None,
            has_rules=self.receiver.rules is not None,
            diverged=side.downlink.diverged if side else None,
            refused=side.forwarder.refused if side else None,
            unanswered=side.forwarder.unanswered(now) if side else 0.0,
            disbelieved=side.downlink.disbelieved if side else None,
            sim=self._sim(now),
            unsent_in_a_row=self.journal.failed_in_a_row(),
            deaf=self.receiver.deaf,
            capped=self._capped(now),
        )

    def _capped(self, now: Now) -> str | None:
        """The limit that keeps replies from going out today."""
        day, limit = self.sender.capped or (None, None)
        return limit if day == now.wall.astimezone(self.zone).date() else None

    def _restart_journal(self, error: JournalError) -> None:
        """After an error of the disk nobody knows what was committed: read again from the file."""
        self.journal_problem = str(error)
        self.journal.reopen()
