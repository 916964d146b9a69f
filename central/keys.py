"""The gateways' public keys, handed over as files `<gateway>.pub` in one folder, read when they are needed."""

from __future__ import annotations

import re
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.keys import BadKey, load_public

log = structlog.get_logger(__name__)

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


class GatewayKeys:
    """Keys by gateway id. A file may come later, and be replaced: it is read again when it changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, Ed25519PublicKey]] = {}

    def get(self, gateway: str) -> Ed25519PublicKey | None:
        """None when there is no usable key, and so nothing of that gateway can be believed."""
        if not _ID.fullmatch(gateway):
            return None
        path = self._folder / f"{gateway}.pub"
        try:
            changed = path.stat().st_mtime_ns
            known = self._known.get(gateway)
            if not known or known[0] != changed:
                self._known[gateway] = known = (changed, load_public(path))
        except (OSError, BadKey) as error:
            log.warning("no key", gateway=gateway, problem=str(error))
            return None
        return known[1]
