"""Which gateways are enrolled or hold a token for it, and how people let them in and out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.enrolment import Token, mark, readable

from . import audit
from .database import Database, micros, moment
from .keys import revoked
from .readiness_facts import certificates, status_of
from .refusal import Refusal
from .registrar import Registrar

GATEWAY_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
LONGEST_REASON = 100


class BadEnrolment(Refusal):
    """What somebody wants of a gateway that can not be done."""

    texts: ClassVar = {
        "gateway-name": "small letters, digits and hyphens only, such as dinkes-01",
        "gateway-unknown": "there is no gateway {name}",
        "revoke-reason": "give a reason of 3 to 100 letters, such as: stolen",
        "revoke-name": "type the name of the gateway, {name}",
    }


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`key_since` is when its present key began to count, `ended` why there is none, `token_until` how long a token
    that was not used yet is good, `wanted` and `held` the versions of what it should hold and holds.
    """

    gateway: str
    key_since: datetime | None
    certificate_until: datetime | None
    ended: str | None
    token_until: datetime | None
    wanted: int
    held: int

    @property
    def drifts(self) -> bool:
        return self.held < self.wanted


@dataclass(frozen=True, slots=True)
class Attempt:
    at: datetime
    origin: str
    outcome: str
    detail: str


def every(database: Database, now: datetime) -> list[Enrolment]:
    """In the order of their names."""
    ended, until = revoked(database), certificates(database)
    keys = _moments(database, "SELECT gateway, MAX(since) FROM gateway_key WHERE until IS NULL GROUP BY gateway")
    tokens = _moments(
        database,
        "SELECT gateway, MAX(expires) FROM enrolment_token WHERE used IS NULL AND expires > ? GROUP BY gateway",
        micros(now),
    )
    rows = database.rows(
        "SELECT id, version, status FROM gateway LEFT JOIN desired ON desired.gateway = gateway.id ORDER BY id"
    )
    return [
        Enrolment(
            id_, keys.get(id_), until.get(id_), ended.get(id_), tokens.get(id_), wanted or 0,
            status.desired if (status := status_of(kept)) else 0,
        )
        for id_, wanted, kept in rows
    ]  # fmt: skip


def one(database: Database, gateway: str, now: datetime) -> Enrolment | None:
    return next((each for each in every(database, now) if each.gateway == gateway), None)


def attempts(database: Database, gateway: str, limit: int) -> list[Attempt]:
    """The latest first."""
    rows = database.rows(
        "SELECT at, origin, outcome, detail FROM enrolment WHERE gateway = ? ORDER BY id DESC LIMIT ?", gateway, limit
    )
    return [Attempt(moment(at), *rest) for at, *rest in rows]


def invite(
    database: Database, registrar: Registrar, gateway: str, days: int, who: str, now: datetime, *, replace: bool
) -> Token:
    """A token for that gateway, which becomes known by it. Raises `BadEnrolment` and `Declined`."""
    if not GATEWAY_ID.fullmatch(gateway):
        raise BadEnrolment("gateway-name")
    with database.transaction():
        token = registrar.invite(gateway, timedelta(days=days), now, replace=replace)
        audit.append(database, who, "gateway-invited", {"gateway": gateway, "days": days, "replace": replace}, now)
    return token


def admit(
    database: Database, registrar: Registrar, gateway: str, key: Ed25519PublicKey, who: str, now: datetime, *,
    replace: bool,
) -> None:  # fmt: skip
    """Make it known by a public key that was handed over as it is. Raises `Declined`."""
    with database.transaction():
        registrar.admit(gateway, key, now, replace=replace)
        audit.append(database, who, "gateway-admitted", {"gateway": gateway, "replace": replace}, now)


def sign(
    database: Database, registrar: Registrar, request: bytes, who: str, now: datetime, *, replace: bool
) -> bytes:
    """The answer to a request that was carried here. Raises `Declined`, which stands among the attempts."""
    answer = registrar.sign(request, "file", now, replace=replace)
    with database.transaction():
        body = {"request": readable(mark(request)), "replace": replace}
        audit.append(database, who, "gateway-signed", body, now)
    return answer


def revoke(database: Database, registrar: Registrar, gateway: str, reason: str, who: str, now: datetime) -> int:
    """Nothing of it counts any more; returns how many certificates ended. Raises `BadEnrolment`."""
    reason = " ".join(reason.replace("\0", "").split())
    if not 3 <= len(reason) <= LONGEST_REASON:
        raise BadEnrolment("revoke-reason")
    with database.transaction():
        ended = registrar.revoke(gateway, reason, now, who)
        audit.append(database, who, "gateway-revoked", {"gateway": gateway, "reason": reason}, now)
    return ended


def _moments(database: Database, statement: str, *values: object) -> dict[str, datetime]:
    return {gateway: moment(at) for gateway, at in database.rows(statement, *values)}
