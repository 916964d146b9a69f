"""The gateway as two stepped sides over its ports: modem, journal, link, clock. Starts no thread, opens no device.

The modem's side and the collector's side share only the journal. `__main__` steps each in a thread of its own, the
simulation steps both in one, with a clock, a modem and a link that it makes up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modem.messages import Modem
from modem.operators import Operator
from modem.unfitted import Unfitted
from mqtt_bridge.client import Inbound, Link
from mqtt_bridge.records import ModemReport, Policy, Reason, Status
from mqtt_bridge.uplink_keys import UplinkKeys

from . import it, poke
from .clock import Clock, Now
from .decision import MISSES_COUNT_FOR, Decision, Held
from .desk import Desk
from .diagnostics import Signals, bundle
from .downlink import Downlink
from .executor import Executor, Spokesman
from .forwarder import Forwarder
from .guardian import NOTHING_KNOWN, SimView
from .health import Condition, Machine, ModemFacts, Reporter, machine, modem_reasons, numbered, reasons
from .journal import Journal
from .message import IncomingMessage
from .modem_side import ModemSide
from .renewal import Renewer
from .rivals import Rivals
from .rulebook import RuleBook
from .rules import Rules
from .sender import Limits
from .store import JournalError
from .uplink import Uplink
from .ussd import UssdDesk

VERSION = version("gardu")  # read once: looking it up parses the package's metadata


@dataclass
class CollectorSide:
    """What speaks with the collector over one link."""

    link: Link
    forwarder: Forwarder
    downlink: Downlink
    reporter: Reporter
    renewer: Renewer | None
    spokesman: Spokesman


class Core:
    """One gateway. `collector` is None until the collector's public key is there; `waiting_for` tells why."""

    def __init__(
        self,
        modem: Modem,
        journal: Journal,
        clock: Clock,
        folder: Path,
        *,
        name: str = "",
        more: Mapping[str, Modem] | None = None,
        limits: Limits | None = None,
        operators: Sequence[Operator] = (),
        own_number: str = "",
    ) -> None:
        """`name` is that of `modem`, the first one, whose SIM has `own_number`; `more` are others by their names."""
        desk = Desk(operators)
        self.rulebook = RuleBook(journal, self._beforehand)
        self.sides = [
            ModemSide(each, port, journal, self.rulebook, lambda: self.zone, limits or Limits(), desk, operators)
            for each, port in ((name, modem), *(more or {}).items())
        ]
        self.journal = journal
        self.sides[0].last = self._step_uplink
        self.sides[0].errand = self._step_errand
        fitted = not isinstance(modem, Unfitted)
        self.signals = Signals()
        self.executor = Executor(
            journal, self.rulebook, clock, own_number, fitted=fitted, diagnose=lambda now: bundle(self, now)
        )
        self.ussd = UssdDesk(journal, self.rulebook, clock)
        self.uplink: Uplink | None = None
        self.collector: CollectorSide | None = None
        self.waiting_for = "kunci publik pusat belum dibaca"
        self.journal_problem: str | None = None
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
            lambda command: self.executor.take(command, spokesman.say),
        )
        spokesman = Spokesman(link, self.journal, key, self.executor.news)
        self.executor.records_again = forwarder.send_anew
        reporter = Reporter(link, key, self.journal.gateway, self.started, self.starts)
        self.collector = CollectorSide(link, forwarder, downlink, reporter, renewer, spokesman)
        self.uplink = Uplink(self.sides[0].modem, self.journal, uplink) if uplink else None

    def _hear_of_rivals(self, message: Inbound) -> None:
        self.rivals.hear(message, self.clock.now())

    @property
    def zone(self) -> ZoneInfo:
        """The local time that days are counted in."""
        rules = self.rulebook.rules
        return rules.zone if rules else ZoneInfo(Policy().timezone)

    def disconnect(self) -> None:
        """Tell the collector that we go, and go."""
        if self.collector:
            self.collector.reporter.goodbye()
            self.collector.link.close()

    def step_modem(self, place: int = 0) -> bool:
        """One round of one modem: all that is on its SIM, one reply, one SMS to the collector, the SIM.

        Raises `ModemError`, `JournalError`.
        """
        try:
            worked = self.sides[place].step(self.clock.now())
        except JournalError as error:
            self._restart_journal(error)
            raise
        self.journal_problem = None
        return worked

    def other_modems(self) -> list[ModemReport]:
        """Those behind the first."""
        return [side.watch.report() for side in self.sides[1:]]

    @property
    def complete_until(self) -> datetime | None:
        """The watermark of all modems together."""
        reached = [side.receiver.complete_until for side in self.sides]
        return None if None in reached else min(at for at in reached if at)

    def _step_uplink(self, now: Now) -> bool:
        return self.uplink is not None and self.uplink.step(now, self.rulebook.rules, self.complete_until)

    def _step_errand(self, now: Now, readable: bool) -> bool:
        side = self.sides[0]
        self.signals.note(side.watch.status, now)
        return self.executor.step_modem(side.modem, now, readable=readable, able=side.watch.may_send)

    def _beforehand(self, message: IncomingMessage, rules: Rules, held: Held) -> Decision | None:
        """What is no matter of employees: the collector's answers, and questions of IT staff."""
        answer = self.uplink.hear(message, rules) if self.uplink else None
        answer = answer or poke.hear(message) or self.executor.hear(message)
        return answer or it.decide(message, rules, held, self.status)

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
                carried_out = self.executor.step(self.clock.now())
                side.spokesman.step()
                return side.forwarder.step(self.clock.now()) or heard or carried_out
            finally:  # also when records can not be read: that is what people must hear of
                side.reporter.step(self.status(), self.clock.now())
        except JournalError as error:
            self._restart_journal(error)
            raise

    def status(self) -> Status:
        """The whole picture, as of now. Raises `JournalError`."""
        now = self.clock.now()
        complete_until = self.complete_until  # before the position: what it covers must be in there
        position = self.journal.position()
        box = machine(self._folder)
        rules = self.rulebook.rules
        messages, replies = self.journal.counters()
        return Status(
            gateway=self.journal.gateway,
            journal=self.journal.id,
            at=now.wall,
            started=self.started,
            version=VERSION,
            reasons=(*reasons(self._condition(now, box)), *self._other_reasons(now)),
            modem=self.sides[0].watch.report(),
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
            sim=self._sim(now, self.sides[0]).report(),
            messages=messages,
            replies=replies,
        )

    def _certificate_until(self) -> datetime | None:
        side = self.collector
        return side.renewer.until if side and side.renewer else None

    def _sim(self, now: Now, modem: ModemSide) -> SimView:
        return modem.guardian.view(now.wall.astimezone(self.zone).date()) if modem.guardian else NOTHING_KNOWN

    def _other_reasons(self, now: Now) -> Iterator[Reason]:
        """What is wrong with the modems behind the first."""
        for number, side in enumerate(self.sides[1:], 2):
            yield from numbered(number, modem_reasons(self._facts(side, now)))

    def _facts(self, side: ModemSide, now: Now) -> ModemFacts:
        state, detail = side.watch.state
        return ModemFacts(
            modem_state=state,
            modem_detail=detail,
            modem=side.watch.status,
            stuck=len(side.receiver.stuck),
            deaf=side.receiver.deaf,
            sim=self._sim(now, side),
        )

    def _condition(self, now: Now, box: Machine) -> Condition:
        side = self.collector
        first = self._facts(self.sides[0], now)
        return Condition(
            journal_problem=self.journal_problem,
            modem_state=first.modem_state,
            modem_detail=first.modem_detail,
            modem=first.modem,
            stuck=first.stuck,
            clock_trusted=now.trusted and not any(side.receiver.clock_behind for side in self.sides),
            disk_free=box.disk_free,
            undervoltage=box.undervoltage,
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
            sim=first.sim,
            unsent_in_a_row=self.journal.failed_in_a_row(),
            deaf=first.deaf,
            capped=self._capped(now),
        )

    def _capped(self, now: Now) -> str | None:
        """The limit that keeps replies from going out today."""
        today = now.wall.astimezone(self.zone).date()
        return next(filter(None, (side.sender.limit_reached(today) for side in self.sides)), None)

    def _restart_journal(self, error: JournalError) -> None:
        """After an error of the disk nobody knows what was committed: read again from the file."""
        self.journal_problem = str(error)
        self.journal.reopen()
