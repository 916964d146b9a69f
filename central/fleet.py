"""What the gateways say of themselves, as it is kept."""

from __future__ import annotations

from datetime import datetime

import structlog
from cryptography.exceptions import UnsupportedAlgorithm

from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import BadPayload, Connection, Status, decode, encode

from . import audit, gateway_history
from .database import Database, micros
from .keys import GatewayKeys
from .witness import Witness

log = structlog.get_logger(__name__)


class Fleet:
    """Takes status and connection messages, if they are signed by the gateway on whose topic they came."""

    def __init__(self, database: Database, keys: GatewayKeys) -> None:
        self._database = database
        self._keys = keys
        self._witness = Witness(database)
        self._forgot: datetime | None = None  # when what is too old went last

    def note(self, gateway: str, message: Inbound, now: datetime) -> Status | Connection | None:
        """Keep what is news, and return it; None when it is not to be believed, or is not news."""
        payload = self._believed(gateway, message)
        if payload is None:
            return None
        with self._database.transaction():
            add(self._database, gateway, now)
            if isinstance(payload, Connection):
                news = self._note_connection(gateway, payload, message, now)
            else:
                news = self._note_status(gateway, payload, message, now)
            self._forget(now)
        return payload if news else None

    def _believed(self, gateway: str, message: Inbound) -> Status | Connection | None:
        key = self._keys.get(gateway)
        try:
            payload = decode(unseal(message.payload, key)) if key else None
        except (BadEnvelope, BadPayload, UnsupportedAlgorithm) as error:
            log.warning("state not believed", gateway=gateway, problem=str(error))
            return None
        if not isinstance(payload, Status | Connection) or payload.gateway != gateway:
            log.warning("state not believed", gateway=gateway, problem="no key, or signed for another gateway")
            return None
        return payload

    def _note_connection(self, gateway: str, said: Connection, message: Inbound, now: datetime) -> bool:
        """A session begins once: whoever recorded that can not say it again. The last will knows only the start."""
        held = self._database.row("SELECT starts, session FROM gateway WHERE id = ?", gateway) or (0, 0)
        news = (said.starts, said.session) > held if said.online else said.starts >= held[0]
        if not news:
            return False
        self._witness.connection(gateway, said, now, retained=message.retained)
        self._set(gateway, "online", int(said.online))
        if said.online:
            self._set(gateway, "starts", said.starts)
            self._set(gateway, "session", said.session)
        return True

    def _note_status(self, gateway: str, said: Status, message: Inbound, now: datetime) -> bool:
        """Only what is newer than what is held, by its clock or by its number: a replay keeps nobody alive."""
        kept = self._database.value("SELECT status FROM gateway WHERE id = ?", gateway)
        if kept is not None and not _newer(said, bytes(kept)):
            return False
        self._witness.status(gateway, said, now, retained=message.retained)
        gateway_history.note(self._database, said, now, retained=message.retained)
        self._set(gateway, "status", encode(said))
        if not message.retained:  # a retained one tells how it was some time ago
            self._set(gateway, "online", 1)  # a last will of an older connection may have come late
            self._set(gateway, "seen", micros(now))
            self._note_run(gateway, micros(said.started), now)
        return True

    def _forget(self, now: datetime) -> None:
        if self._forgot is None or now - self._forgot >= gateway_history.COARSE:
            gateway_history.forget(self._database, now)
            self._forgot = now

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

    def stored(self, gateways: set[str]) -> None:
        """Records of those came in: what they claimed before may now be covered."""
        with self._database.transaction():
            for gateway in gateways:
                self._witness.stored(gateway)

    def _set(self, gateway: str, column: str, value: object) -> None:
        self._database.run(f"UPDATE gateway SET {column} = ? WHERE id = ?", value, gateway)


def _newer(said: Status, kept: bytes) -> bool:
    try:
        held = decode(kept)
    except BadPayload:
        return True  # of an older version
    if not isinstance(held, Status) or said.at > held.at:
        return True
    return said.journal == held.journal and (said.starts, said.count) > (held.starts, held.count)


def exists(database: Database, gateway: str) -> bool:
    return bool(database.value("SELECT 1 FROM gateway WHERE id = ?", gateway))


def add(database: Database, gateway: str, now: datetime) -> bool:
    """Make the gateway known; tells whether it was new."""
    added = database.run(
        "INSERT INTO gateway (id, added) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", gateway, micros(now)
    )
    return added > 0


def set_up(
    database: Database, gateway: str, presence: str | None, serves_all: bool | None, who: str, now: datetime
) -> None:
    """`presence` tells whether its office needs codes, "policy" for as the policy has it; `serves_all` whether it
    knows the employees of all offices, as one at the data centre that serves USSD does. None leaves it as it is.
    """
    if presence is None and serves_all is None:
        return
    with database.transaction():
        if presence:
            rule = None if presence == "policy" else presence
            database.run("UPDATE gateway SET presence = ? WHERE id = ?", rule, gateway)
        if serves_all is not None:
            database.run("UPDATE gateway SET serves_all = ? WHERE id = ?", int(serves_all), gateway)
        body = {"gateway": gateway, "presence": presence, "serves_all": serves_all}
        audit.append(database, who, "gateway-set", body, now)
