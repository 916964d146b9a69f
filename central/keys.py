"""The gateways' public keys: those that were enrolled, by when they counted, and files that were handed over."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.keys import BadKey, load_public

from .database import Database, micros

log = structlog.get_logger(__name__)

# A batch is stored with the time at which the collector took it up; a key may change while it waits for the database.
_GRACE = 60_000_000  # microseconds
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


class GatewayKeys:
    """Keys by gateway id. A file `<id>.pub` in the folder, if there is one, counts until the gateway is enrolled or
    revoked; it may come later, and be replaced: it is read again when it changed.
    """

    def __init__(self, folder: Path | None, database: Database) -> None:
        self._folder = folder
        self._database = database
        self._known: dict[str, tuple[int, Ed25519PublicKey]] = {}

    def get(self, gateway: str) -> Ed25519PublicKey | None:
        """The key that counts now. None when there is none, and so nothing of that gateway can be believed."""
        rows = self._rows(gateway)
        if not rows:
            return self.handed_over(gateway)
        return _parse(rows[-1][0]) if rows[-1][2] is None else None

    def at(self, gateway: str, time: datetime) -> list[Ed25519PublicKey]:
        """The keys that may have counted then, the likeliest first: of two where one had just replaced the other."""
        rows = self._rows(gateway)
        if not rows:
            handed_over = self.handed_over(gateway)
            return [handed_over] if handed_over else []
        found = []
        for grace in (0, _GRACE):
            found += [
                public
                for public, since, until, _ in reversed(rows)
                if since - grace <= micros(time) < (until or 2**63) + grace
            ]
        return [_parse(public) for public in dict.fromkeys(found)]

    def ended(self, gateway: str) -> str | None:
        """Why there is no key any more where there was one."""
        rows = self._rows(gateway)
        return f"revoked: {rows[-1][3]}" if rows and rows[-1][2] is not None else None

    def gone(self) -> set[str]:
        """The gateways that were revoked."""
        return set(revoked(self._database))

    def handed_over(self, gateway: str) -> Ed25519PublicKey | None:
        """The key in the gateway's file."""
        if self._folder is None or not _ID.fullmatch(gateway):
            return None
        path = self._folder / f"{gateway}.pub"
        try:
            changed = path.stat().st_mtime_ns
            known = self._known.get(gateway)
            if not known or known[0] != changed:
                self._known[gateway] = known = (changed, load_public(path))
        except FileNotFoundError:
            return None
        except (OSError, BadKey) as error:
            log.warning("no key", gateway=gateway, problem=str(error))
            return None
        return known[1]

    def _rows(self, gateway: str) -> list[tuple[str, int, int | None, str | None]]:
        return self._database.rows(
            "SELECT public, since, until, reason FROM gateway_key WHERE gateway = ? ORDER BY id",
            gateway.replace("\0", ""),  # PostgreSQL takes no NUL
        )


def revoked(database: Database) -> dict[str, str]:
    """Gateways whose last key was revoked, with the reason. A key that was replaced has another behind it."""
    return dict(
        database.rows(
            "SELECT gateway, reason FROM gateway_key AS held WHERE until IS NOT NULL"
            " AND id = (SELECT MAX(id) FROM gateway_key WHERE gateway = held.gateway)"
        )
    )


def _parse(public: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
