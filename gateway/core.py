"""The gateway as two stepped sides over its ports: modem, journal, link, clock. Starts no thread, opens no device.

The modem's side and the collector's side share only the journal. `__main__` steps each in a thread of its own, the
simulation steps both in one, with a clock, a modem and a link that it makes up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modem.messages import Modem, ModemError
from mqtt_bridge.client import Inbound, Link
from mqtt_bridge.records import Policy, Status
from mqtt_bridge.uplink_keys import UplinkKeys

from . import it, poke
from .clock import Clock, Now
from .decide import MISSES_COUNT_FOR, Decision, Held
from .downlink import Downlink
from .forwarder import Forwarder
from .health import Condition, ModemWatch, Reporter, machine, reasons
from .journal import Journal, JournalError
from .message import IncomingMessage
from .poke import Poker
from .receiver import Receiver
from .renewal import Renewer
from .rivals import Rivals
from .rulebook import RuleBook
from .rules import Rules
from .sender import Sender
from .uplink import Uplink
from .ussd import UssdDesk

UNREAD_ROUNDS = 3


@dataclass
class CollectorSide:
    """What speaks with the collector over one link."""

    link: Link
    forwarder: Forwarder
    downlink: Downlink
    reporter: Reporter
    renewer: Renewer | None


class Core:
    """One gateway. `collector` is None until the collector's public key is there; `waiting_for` tells why."""

    def __init__(self, modem: Modem, journal: Journal, clock: Clock, folder: Path) -> None:
        self.journal = journal
        self.watch = ModemWatch(modem)
        self.rulebook = RuleBook(journal, self._beforehand)
        self.receiver = Receiver(modem, journal, self.rulebook)
        self.ussd = UssdDesk(journal, self.rulebook, clock)
        self.sender = Sender(modem, journal, lambda: self.policy.delivery_reports)
        self.poker = Poker(modem, journal)
        self.uplink: Uplink | None = None
        self.collector: CollectorSide | None = None
        self.waiting_for = "kunci publik pusat belum dibaca"
        self.journal_problem: str | None = None
        self._unread = 0
        self._modem = modem
        self.clock = clock
        self._folder = folder
        self.started = clock.now().wall
        self.starts = self._count_start()
        self.rivals = Rivals(self.started)

    def _count_start(self) -> int:
        """A full disk keeps nobody from starting: the SMS stay on the SIM, and the pages say why."""
        try:
            return self.journal.starts()
        except JournalError as error:
            self.journal_problem = str(error)
            return 0

    def connect(
        self,
        link: Link,
        key: Ed25519PrivateKey,
        central: Ed25519PublicKey,
        renewer: Renewer | None = None,
        uplink: UplinkKeys | None = None,
    ) -> None:
        """With `uplink`, records may also go to the collector by SMS."""
        forwarder = Forwarder(link, self.journal, key)
        downlink = Downlink(
            link,
            self.journal,
            forwarder,
            central,
            self.clock,
            renewer.take if renewer else lambda _: None,
            self._hear_of_rivals,
        )
        reporter = Reporter(link, key, self.journal.gateway, self.started, self.starts)
        self.collector = CollectorSide(link, forwarder, downlink, reporter, renewer)
        self.uplink = Uplink(self._modem, self.journal, uplink) if uplink else None

    @property
    def policy(self) -> Policy:
        rules = self.rulebook.rules
        return rules.policy if rules else Policy()

    def _hear_of_rivals(self, message: Inbound) -> None:
        self.rivals.hear(message, self.clock.now())

    def disconnect(self) -> None:
        """Tell the collector that we go, and go."""
        if self.collector:
            self.collector.reporter.goodbye()
            self.collector.link.close()

    def step_modem(self) -> bool:
        """All that is on the SIM first, then one reply, then one SMS to the collector.

        Raises `ModemError`, `JournalError`.
        """
        try:
            worked = self._use_modem(self.clock.now())
        except ModemError as error:
            self.watch.note(error)
            raise
        except JournalError as error:
            self._restart_journal(error)
            raise
        self.watch.note(None)
        self.journal_problem = None
        return worked

    def wait_for_modem(self, seconds: float) -> bool:
        """Wait for the next look at the SIM; tells whether it is due before its time. Raises `ModemError`."""
        try:
            return self._modem.wait(seconds)
        except ModemError as error:
            self.watch.note(error)
            raise

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
        self.poker.watch(now, self.watch.status)
        return received or (self.watch.may_send and self._send(now))

    def _send(self, now: Now) -> bool:
        """One SMS: replies go before all else."""
        if self.sender.step(now) or self._step_uplink(now):
            self.poker.sent()
            return True
        return self.poker.step(now, self.rulebook.rules)

    def _step_uplink(self, now: Now) -> bool:
        return self.uplink is not None and self.uplink.step(now, self.rulebook.rules, self.receiver.complete_until)

    def _beforehand(self, message: IncomingMessage, rules: Rules, held: Held) -> Decision | None:
        """What is no matter of employees: the collector's answers, and questions of IT staff."""
        answer = self.uplink.hear(message, rules) if self.uplink else None
        return answer or poke.hear(message) or it.decide(message, rules, held, self.status)

    def step_collector(self) -> bool:
        """Hear, send, report. Raises `JournalError`."""
        side = self.collector
        if side is None:
            return False
        try:
            try:
                heard = side.downlink.step()
                if side.renewer:
                    side.renewer.step(self.clock.now())
                return side.forwarder.step(self.clock.now()) or heard
            finally:  # also when records can not be read: that is what people must hear of
                side.reporter.step(self.status(), self.clock.now())
        except JournalError as error:
            self._restart_journal(error)
            raise

    def status(self) -> Status:
        """The whole picture, as of now. Raises `JournalError`."""
        now = self.clock.now()
        complete_until = self.receiver.complete_until  # before the position: what it covers must be in there
        position = self.journal.position()
        box = machine(self._folder)
        rules = self.rulebook.rules
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
            certificate_until=self._certificate_until(),
            uplink=self.uplink.report(rules, now.wall) if self.uplink and rules else None,
        )

    def _certificate_until(self) -> datetime | None:
        side = self.collector
        return side.renewer.until if side and side.renewer else None

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
            guesses=self.journal.guesses(now.wall - MISSES_COUNT_FOR),
            guess_alarm=self.rulebook.rules.policy.code_alarm_per_hour if self.rulebook.rules else 0,
            has_rules=self.rulebook.rules is not None,
            forked=self.journal.forked(),
            now=now.wall,
            refused=side.forwarder.refused if side else None,
            unanswered=side.forwarder.unanswered(now) if side else 0.0,
            disbelieved=side.downlink.disbelieved if side else None,
            certificate_left=until - now.wall if (until := self._certificate_until()) else None,
            rival=self.rivals.present(now),
            uplink_problem=self.uplink.problem if self.uplink else None,
        )

    def _restart_journal(self, error: JournalError) -> None:
        """After an error of the disk nobody knows what was committed: read again from the file."""
        self.journal_problem = str(error)
        self.journal.reopen()
