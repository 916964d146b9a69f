"""Keeps the gateway's certificate from running out: asks central for the next one over the link, in good time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_bridge.client import Link, LinkDown
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import BadKey
from mqtt_bridge.records import Certificate, Renewal
from mqtt_bridge.topics import Leaf, topic

from . import enrolment
from .clock import Now
from .enrolment import Enrolment, NotEnrolled

log = structlog.get_logger(__name__)

ASK_EVERY = 3600.0  # seconds


class Renewer:
    """The link takes a new certificate at its next connection. `until` is when the present one ends."""

    def __init__(self, link: Link, key: Ed25519PrivateKey, data: Path, held: Enrolment) -> None:
        self._link = link
        self._key = key
        self._data = data
        self._held = held
        self._next = 0.0
        self._session = 0

    @property
    def until(self) -> datetime:
        return self._held.until

    def step(self, now: Now) -> None:
        """Ask, if it is time; a clock that is wrong would ask at any time, or never."""
        if self._link.session != self._session:
            self._session = self._link.session
            self._read_again()
        asked = now.monotonic < self._next
        if asked or not now.trusted or not self._link.connected or not self._held.renewal_due(now.wall):
            return
        gateway = self._held.broker.gateway
        self._next = now.monotonic + ASK_EVERY
        try:
            wanted = Renewal(gateway=gateway, csr=enrolment.ask_renewal(self._data, gateway), at=now.wall)
            self._link.publish(topic(gateway, Leaf.RENEWAL), seal(wanted, self._key), retain=False)
        except (LinkDown, BadKey, OSError) as error:
            log.warning("renewal not asked for", problem=str(error))

    def _read_again(self) -> None:
        """The link has just connected with what is there now: perhaps somebody enrolled the gateway anew."""
        with suppress(NotEnrolled):
            self._held = enrolment.load(self._data) or self._held

    def take(self, certificate: Certificate) -> None:
        """What central made, if it is what was asked for: it also says again what it made long ago."""
        try:
            taken = enrolment.take_renewal(self._data, self._held.broker.gateway, certificate.certificate)
        except (NotEnrolled, BadKey, OSError) as error:
            log.error("renewal not taken", problem=str(error))
            return
        if taken:
            self._held = taken
            log.info("certificate renewed", until=taken.until.isoformat())
