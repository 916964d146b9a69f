"""What the pages work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flask_login import UserMixin

from mqtt_bridge.client import Problem

from ..database import Database
from ..policy import Rulebook
from ..registrar import Registrar


@dataclass(frozen=True)
class Office:
    """`link_problem` tells what keeps the collector of this process from its broker; `sealing_key` opens what the
    gateways sealed, `refresh` tells them what changed, `registrar` enrols them. Without a `rulebook` attendance is
    judged by the shipped one.
    """

    database: Database
    zone: ZoneInfo
    link_problem: Callable[[], Problem | None] = lambda: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sealing_key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    refresh: Callable[[], object] = lambda: None
    rulebook: Rulebook | None = None
    registrar: Registrar | None = None


class Person(UserMixin):  # type: ignore[misc]
    """Who logged in."""

    def __init__(self, name: str) -> None:
        self.id = name
