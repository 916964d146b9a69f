"""What the pages work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_login import UserMixin

from mqtt_bridge.client import Problem

from ..database import Database
from ..registrar import Registrar


@dataclass(frozen=True)
class Office:
    """`link_problem` tells what keeps the collector of this process from its broker; `registrar` enrols gateways."""

    database: Database
    zone: ZoneInfo
    link_problem: Callable[[], Problem | None] = lambda: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    registrar: Registrar | None = None


class Person(UserMixin):  # type: ignore[misc]
    """Who logged in."""

    def __init__(self, name: str) -> None:
        self.id = name
