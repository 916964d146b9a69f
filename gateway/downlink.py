"""What the collector says to this gateway: acks and what it should hold, believed only with its signature."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.client import Inbound, Link
from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import Ack, BadPayload, Certificate, Command, Desired, decode
from mqtt_bridge.topics import Leaf, parse

from .clock import Clock
from .forwarder import Forwarder
from .journal import Journal

log = structlog.get_logger(__name__)


class Downlink:
    """`disbelieved` tells why the last thing that came in the collector's name was not taken."""

    def __init__(
        self,
        link: Link,
        journal: Journal,
        forwarder: Forwarder,
        central: Ed25519PublicKey,
        clock: Clock,
        on_certificate: Callable[[Certificate], None] = lambda _: None,
        on_connection: Callable[[Inbound], None] = lambda _: None,
        on_command: Callable[[Command], None] = lambda _: None,
    ) -> None:
        self._link = link
        self._journal = journal
        self._forwarder = forwarder
        self._central = central
        self._clock = clock
        self._on_certificate = on_certificate
        self._on_connection = on_connection
        self._on_command = on_command
        self.disbelieved: str | None = None

    def step(self) -> bool:
        """Apply all that arrived; tells whether there was anything. Raises `JournalError`."""
        taken = self._link.take()
        for message in taken:
            if parse(message.topic) == (self._journal.gateway, Leaf.CONNECTION):
                self._on_connection(message)
            else:
                self._apply(message)
        return bool(taken)

    def _apply(self, message: Inbound) -> None:
        place = parse(message.topic)
        try:
            payload = decode(unseal(message.payload, self._central))
        except (BadEnvelope, BadPayload) as error:
            self._disbelieve(message, str(error))
            return
        if getattr(payload, "gateway", None) != self._journal.gateway:
            self._disbelieve(message, "meant for another gateway")
        elif place == (self._journal.gateway, Leaf.ACK) and isinstance(payload, Ack):
            self._take_ack(payload)
        elif place == (self._journal.gateway, Leaf.DESIRED) and isinstance(payload, Desired):
            self._take_desired(payload)
            if not message.retained:  # the collector has just come (back), and missed what was sent before
                self._forwarder.send_anew()
        elif place == (self._journal.gateway, Leaf.CERTIFICATE) and isinstance(payload, Certificate):
            self._on_certificate(payload)
        elif place == (self._journal.gateway, Leaf.RUN) and isinstance(payload, Command):
            self._on_command(payload)

    def _take_ack(self, ack: Ack) -> None:
        if ack.journal != self._journal.id:
            return  # of the journal before
        before = self._journal.position()
        if not self._journal.acknowledge(ack):
            self._part_ways(ack, before.last)
            return
        self.disbelieved = None
        self._forwarder.landed(ack)
        if ack.seq < before.delivered:
            log.warning("the collector went back", before=before.delivered, now=ack.seq)
            self._forwarder.send_anew()

    def _part_ways(self, ack: Ack, last: int) -> None:
        """The collector holds what this journal does not: the file was turned back, and can not go on as it is."""
        why = f"{ack.seq} > {last}" if ack.seq > last else f"{ack.seq}"
        self._journal.fork(f"pusat memegang catatan {why} yang lain", self._clock.now().wall)
        log.error("journal begun anew", journal=self._journal.id, former=ack.journal, held=ack.seq, last=last)
        self._forwarder.send_anew()

    def _disbelieve(self, message: Inbound, why: str) -> None:
        self.disbelieved = why
        log.warning("not believed", topic=message.topic, problem=why)

    def _take_desired(self, desired: Desired) -> None:
        try:
            ZoneInfo(desired.policy.timezone)
        except (ZoneInfoNotFoundError, ValueError):  # with it, no message could be decided any more
            self.disbelieved = f"time zone {desired.policy.timezone!r} is not known here"
            log.error("desired not applied", problem=self.disbelieved)
            return
        self.disbelieved = None
        if self._journal.apply(desired):
            log.info("desired applied", version=desired.version, employees=len(desired.roster))
        self._journal.tell_bound(self._clock.now().wall)  # also if nothing is new: we may have been cut off here
