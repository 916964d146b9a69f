"""Notices that another device speaks under this gateway's name: a card that was copied, or hardware not switched off.

The broker lets one of the two in at a time, and not every broker says that it threw the other out. But it repeats
what was said last about the connection, if only the last will of the one that it threw out. After we heard our own
word back, another's is a rival's: what an earlier run of this device left there, we heard before.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import BadEnvelope, body_of
from mqtt_bridge.records import BadPayload, Connection, decode

from .clock import Now

log = structlog.get_logger(__name__)

STANDS = 600.0  # seconds


class Rivals:
    """`since` tells this run of this device from all others."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._heard_ourselves = False
        self._seen: float | None = None

    def hear(self, message: Inbound, now: Now) -> None:
        """What the broker says about the connection of our name. Whose key signed it does not matter here."""
        try:
            said = decode(body_of(message.payload))
        except (BadEnvelope, BadPayload):
            return
        if not isinstance(said, Connection):
            return
        if said.since == self._since:
            self._heard_ourselves = True
        elif self._heard_ourselves:
            log.warning("another device uses this name", since=said.since.isoformat())
            self._seen = now.monotonic

    def present(self, now: Now) -> bool:
        return self._seen is not None and now.monotonic < self._seen + STANDS
