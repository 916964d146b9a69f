"""What the pages work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flask_login import UserMixin

from mqtt_bridge.client import Problem

from .. import calendar
from ..attendance import Attendance
from ..channels import Channel
from ..database import Database
from ..employee_ids import Ids, by_chance
from ..keys import GatewayKeys
from ..outbound import Rules
from ..policy import Planner, Rulebook
from ..registrar import Registrar
from ..rulebooks import load
from ..sessions import Session
from ..users import User


@dataclass(frozen=True)
class Office:
    """`link_problem` tells what keeps the collector of this process from its broker; `sealing_key` opens what the
    gateways sealed, `refresh` tells them what changed, `registrar` enrols them, `outbound` is where webhooks may go,
    `shared_phones` whether several employees may have one number, `keys` what the gateways signed with, `ids`
    what new employees are called, `enrolment_url` where gateways reach this server, `channels` where alerts go.
    Without a `rulebook` attendance is judged by the shipped one.
    """

    database: Database
    zone: ZoneInfo
    link_problem: Callable[[], Problem | None] = lambda: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sealing_key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    refresh: Callable[[], object] = lambda: None
    rulebook: Rulebook | None = None
    registrar: Registrar | None = None
    outbound: Rules = field(default_factory=Rules)
    shared_phones: bool = False
    keys: GatewayKeys | None = None
    ids: Ids = by_chance
    enrolment_url: str = ""
    channels: tuple[Channel, ...] = ()

    @cached_property
    def attendance(self) -> Attendance:
        return Attendance(self.database, Planner(self.rulebook or load(), self.zone, calendar.holiday))

    @property
    def gateway_keys(self) -> GatewayKeys:
        return self.keys or GatewayKeys(None, self.database)


class Person(UserMixin):  # type: ignore[misc]
    """Who logged in, in which session. The browser holds the session's token, and no name."""

    def __init__(self, user: User, session: Session, token: str) -> None:
        self.id = user.name
        self.roles = user.roles
        self.scope = user.scope
        self.language = user.language
        self.session = session
        self._token = token

    def get_id(self) -> str:
        return self._token
