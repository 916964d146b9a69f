"""The link's side of central: batches to the ingest, acks and what is desired back to the gateways."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from mqtt_bridge.client import Inbound, Link, LinkDown
from mqtt_bridge.envelope import SIZE_LIMIT, seal
from mqtt_bridge.records import Ack, Status
from mqtt_bridge.topics import Leaf, parse, topic

from . import desired
from .database import Database
from .fleet import Fleet
from .ingest import Envelope, Ingest
from .keys import GatewayKeys
from .registrar import Registrar

log = structlog.get_logger(__name__)

FORGOTTEN = 0  # no version of desired
BATCHES_AT_ONCE = 100  # into one transaction: enough to share its cost, and few enough for a quick ack


class Collector:
    """Several may run on one database and broker: each hears everything, and the first to commit a batch adds it."""

    def __init__(
        self,
        link: Link,
        database: Database,
        keys: GatewayKeys,
        key: Ed25519PrivateKey,
        registrar: Registrar | None = None,
    ) -> None:
        self._link = link
        self._database = database
        self._ingest = Ingest(database, keys)
        self._fleet = Fleet(database, keys)
        self._keys = keys
        self._key = key
        self._registrar = registrar
        self._session = 0
        self._told: dict[str, int] = {}

    def step(self, now: datetime) -> bool:
        """Take what came, answer it, say what changed; tells whether anything came. Raises `StorageError`."""
        if not self._link.connected:
            return False
        taken = self._link.take()
        batches = []
        statuses: dict[str, Status] = {}
        for message in taken:
            place = parse(message.topic)
            if place and place[1] is Leaf.RECORDS:
                batches.append(Envelope(place[0], message.payload))
            elif place and place[1] in (Leaf.STATUS, Leaf.CONNECTION):
                said = self._fleet.note(place[0], message, now)
                if isinstance(said, Status):
                    statuses[said.gateway] = said
            elif place and place[1] is Leaf.RENEWAL:
                self._renew(place[0], message, now)
        self._take(batches, now)
        try:
            self._greet(now)
            self._correct(statuses.values(), now)
            self._tell_desired()
        except LinkDown:
            pass  # all of it is said again in the next session
        return bool(taken)

    def _take(self, batches: list[Envelope], now: datetime) -> None:
        for start in range(0, len(batches), BATCHES_AT_ONCE):
            acks = self._ingest.take(batches[start : start + BATCHES_AT_ONCE], now)
            self._fleet.stored({ack.gateway for ack in acks})
            try:
                self._ack(acks)
            except LinkDown:
                log.info("acks not sent; the gateways will ask again")

    def _ack(self, acks: Iterable[Ack]) -> None:
        for ack in acks:
            self._publish(ack.gateway, Leaf.ACK, ack)

    def _renew(self, gateway: str, message: Inbound, now: datetime) -> None:
        made = self._registrar.renew(gateway, message.payload, now) if self._registrar else None
        if made:
            with suppress(LinkDown):  # the gateway asks again, and gets the same
                self._publish(gateway, Leaf.CERTIFICATE, made)

    def _greet(self, now: datetime) -> None:
        """In a new session: tell every gateway how far it is held, and again what it should hold."""
        if self._link.session == self._session:
            return
        self._told.clear()
        self._ack(self._ingest.positions(now))
        self._session = self._link.session

    def _correct(self, statuses: Iterable[Status], now: datetime) -> None:
        """A gateway must hear of it when less is held than it believes (a backup was restored here), or more than it
        has (an old card was put in there).
        """
        for said in statuses:
            held = self._ingest.position(said.gateway, said.journal, now)
            if not said.delivered <= held.seq <= said.last_seq:
                log.warning("one of us went back", gateway=said.gateway, held=held.seq, status=said.delivered)
                self._publish(said.gateway, Leaf.ACK, held)

    def _tell_desired(self) -> None:
        gone = self._keys.gone()
        for gateway, version in desired.versions(self._database).items():
            if gateway in gone:
                self._forget(gateway)
            elif self._told.get(gateway) != version:
                wanted = desired.newest(self._database, gateway)
                if wanted:
                    self._publish(gateway, Leaf.DESIRED, wanted)
                    self._told[gateway] = wanted.version

    def _forget(self, gateway: str) -> None:
        """Whoever stole it must not go on reading from the broker whose numbers are whose."""
        if self._told.get(gateway) != FORGOTTEN:
            self._link.publish(topic(gateway, Leaf.DESIRED), b"", retain=True)
            self._told[gateway] = FORGOTTEN

    def _publish(self, gateway: str, leaf: Leaf, payload: Struct) -> None:
        sealed = seal(payload, self._key)
        if len(sealed) > SIZE_LIMIT:  # for it the broker would end the connection, on which all gateways hang
            log.error("more than a message may hold", gateway=gateway, leaf=str(leaf), bytes=len(sealed))
            return
        self._link.publish(topic(gateway, leaf), sealed, retain=True)
