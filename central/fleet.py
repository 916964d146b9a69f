"""What the gateways say of themselves, as it is kept."""

from __future__ import annotations

from datetime import datetime

import structlog
from cryptography.exceptions import UnsupportedAlgorithm

from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import BadPayload, Connection, Status, decode, encode

from .database import Database, micros
from .keys import GatewayKeys

log = structlog.get_logger(__name__)


class Fleet:
    """Takes status and connection messages, if they are signed by the gateway on whose topic they came."""

    def __init__(self, database: Database, keys: GatewayKeys) -> None:
        self._database = database
        self._keys = keys

    def note(self, gateway: str, message: Inbound, now: datetime) -> None:
        """Keep it. A retained one tells how it was some time ago, not that the gateway is there now."""
        key = self._keys.get(gateway)
        try:
            payload = decode(unseal(message.payload, key)) if key else None
        except (BadEnvelope, BadPayload, UnsupportedAlgorithm) as error:
            log.warning("state not believed", gateway=gateway, problem=str(error))
            return
        if payload is None or getattr(payload, "gateway", None) != gateway:
            log.warning("state not believed", gateway=gateway, problem="no key, or signed for another gateway")
            return
        with self._database.transaction():
            add(self._database, gateway, now)
            if isinstance(payload, Connection):
                self._set(gateway, "online", int(payload.online))
                if payload.online and not message.retained:
                    self._note_run(gateway, micros(payload.since), now)
            elif isinstance(payload, Status):
                self._set(gateway, "status", encode(payload))
                if not message.retained:  # a last will of an older connection may have come late
                    self._set(gateway, "online", 1)
            if not message.retained:
                self._set(gateway, "seen", micros(now))

    def _note_run(self, gateway: str, since: int, now: datetime) -> None:
        """A device that starts anew has a new beginning; one that was there before the present one is a second."""
        row = self._database.row("SELECT since, since_before FROM gateway WHERE id = ?", gateway)
        if not row or row[0] == since:
            return
        if row[1] == since:
            log.warning("two devices use one name", gateway=gateway)
            self._set(gateway, "rival", micros(now))
        self._set(gateway, "since_before", row[0])
        self._set(gateway, "since", since)

    def heard(self, gateways: set[str], now: datetime) -> None:
        """Records came from those: they are there, whatever else was said."""
        with self._database.transaction():
            for gateway in gateways:
                self._set(gateway, "seen", micros(now))

    def _set(self, gateway: str, column: str, value: object) -> None:
        self._database.run(f"UPDATE gateway SET {column} = ? WHERE id = ?", value, gateway)


def add(database: Database, gateway: str, now: datetime) -> bool:
    """Make the gateway known; tells whether it was new."""
    added = database.run(
        "INSERT INTO gateway (id, added) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", gateway, micros(now)
    )
    return added > 0
