"""Records to the collector: one signed batch at a time, sent again until the collector says that it holds them.

What the broker says (PUBACK) counts for nothing here: brokers lose what they took. Only the collector's ack, sent
after its commit, moves the position.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_bridge.client import Link, LinkDown
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import BATCH_LIMIT, Ack, Batch
from mqtt_bridge.topics import Leaf, topic

from .clock import Now
from .journal import Journal

log = structlog.get_logger(__name__)

FIRST_TIMEOUT = 10.0
LAST_TIMEOUT = 120.0
FIRST_SIZE = 50


@dataclass(slots=True)
class Flight:
    """The one batch under way: records up to `last`, to be sent again at `overdue` (monotonic seconds)."""

    last: int
    overdue: float


class Forwarder:
    """Stop and wait. A batch doubles with every ack and halves with every timeout, for links of any width."""

    def __init__(self, link: Link, journal: Journal, key: Ed25519PrivateKey) -> None:
        self._link = link
        self._journal = journal
        self._key = key
        self._flight: Flight | None = None
        self._session = 0
        self._size = FIRST_SIZE
        self._timeout = FIRST_TIMEOUT
        self._asked: float | None = None
        self.refused: str | None = None

    def step(self, now: Now) -> bool:
        """Send the next batch if it is time; tells whether it did. Raises `JournalError`."""
        if not self._link.connected:
            return False
        if self._link.session != self._session:
            self._session, self._flight, self._asked = self._link.session, None, None
        if self._flight:
            if now.monotonic < self._flight.overdue:
                return False
            self._size = max(1, self._size // 2)
            self._timeout = min(self._timeout * 2, LAST_TIMEOUT)
            log.warning("no ack", up_to=self._flight.last, next_size=self._size, next_timeout=self._timeout)
        return self._send(now)

    def unanswered(self, now: Now) -> float:
        """Seconds since the collector owes us an ack, while there is a connection."""
        return now.monotonic - self._asked if self._asked is not None and self._link.connected else 0.0

    def landed(self, ack: Ack) -> None:
        """The collector answered, and the journal took note."""
        # A refusal stands until somebody acts: go on asking, at the pace of timeouts. A repeated ack changes nothing:
        # to send again on one would double the traffic for good (the sorcerer's apprentice of RFC 1123, 4.2.3.1).
        self.refused = ack.refused
        self._asked = None
        if self._flight and not ack.refused and ack.seq >= self._flight.last:
            self._size = min(self._size * 2, BATCH_LIMIT)
            self._timeout = FIRST_TIMEOUT
            self._flight = None

    def send_anew(self) -> None:
        """What was under way is lost, or wanted again: do not wait for the timeout."""
        self._flight = None

    def _send(self, now: Now) -> bool:
        position = self._journal.position()
        previous = self._journal.hash_at(position.delivered)
        records = self._journal.records(after=position.delivered, limit=self._size)
        if not records or previous is None:
            self._flight = None
            return False
        gateway = self._journal.gateway
        batch = Batch(gateway=gateway, journal=self._journal.id, previous=previous, sent=now.wall, records=records)
        try:
            self._link.publish(topic(gateway, Leaf.RECORDS), seal(batch, self._key), retain=False)
        except LinkDown:
            return False
        self._flight = Flight(records[-1].seq, now.monotonic + self._timeout)
        self._asked = now.monotonic if self._asked is None else self._asked
        return True
