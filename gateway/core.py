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
from mqtt_bridge.client import Link
from mqtt_bridge.records import ModemReport, Policy, Reason, Status

from .clock import Clock, Now
from .desk import Desk
from .downlink import Downlink
from .forwarder import Forwarder
from .guardian import NOTHING_KNOWN, SimView
from .health import Condition, ModemFacts, Reporter, machine, modem_reasons, numbered, reasons
from .journal import Journal, JournalError
from .modem_side import ModemSide
from .sender import Limits


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
    ) -> None:
        """`name` is that of `modem`, the first one; `more` are others by their names."""
        desk = Desk(operators)
        self.sides = [
            ModemSide(each, port, journal, lambda: self.zone, limits or Limits(), desk, operators)
            for each, port in ((name, modem), *(more or {}).items())
        ]
        self.journal = journal
        self.watch = self.sides[0].watch
        self.receiver = self.sides[0].receiver
        self.sender = self.sides[0].sender
        self.collector: CollectorSide | None = None
        self.waiting_for = "kunci publik pusat belum dibaca"
        self.journal_problem: str | None = None
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

    def step_modem(self, place: int = 0) -> bool:
        """One round of one modem: all that is on its SIM, one reply, the SIM. Raises `ModemError`, `JournalError`."""
        try:
            worked = self.sides[place].step(self._clock.now())
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
        complete_until = self.complete_until  # before the position: what it covers must be in there
        position = self.journal.position()
        box = machine(self._folder)
        return Status(
            gateway=self.journal.gateway,
            journal=self.journal.id,
            at=now.wall,
            started=self.started,
            version=version("gardu"),
            reasons=(*reasons(self._condition(now, box.disk_free)), *self._other_reasons(now)),
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

    def _sim(self, now: Now, place: int = 0) -> SimView:
        guardian = self.sides[place].guardian
        return guardian.view(now.wall.astimezone(self.zone).date()) if guardian else NOTHING_KNOWN

    def _other_reasons(self, now: Now) -> Iterator[Reason]:
        """What is wrong with the modems behind the first."""
        for place, side in enumerate(self.sides[1:], 1):
            facts = ModemFacts(
                modem_problem=side.watch.problem,
                modem=side.watch.status,
                stuck=len(side.receiver.stuck),
                deaf=side.receiver.deaf,
                sim=self._sim(now, place),
            )
            yield from numbered(place + 1, modem_reasons(facts))

    def _condition(self, now: Now, disk_free: int | None) -> Condition:
        side = self.collector
        return Condition(
            journal_problem=self.journal_problem,
            modem_problem=self.watch.problem,
            modem=self.watch.status,
            stuck=len(self.receiver.stuck),
            clock_trusted=now.trusted and not any(side.receiver.clock_behind for side in self.sides),
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
        today = now.wall.astimezone(self.zone).date()
        return next(filter(None, (side.sender.limit_reached(today) for side in self.sides)), None)

    def _restart_journal(self, error: JournalError) -> None:
        """After an error of the disk nobody knows what was committed: read again from the file."""
        self.journal_problem = str(error)
        self.journal.reopen()
