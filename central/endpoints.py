"""Endpoints of webhooks: where to, signed with which secret, and how it goes."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from . import audit, outbound
from .database import Database, micros, moment
from .outbound import Rules
from .refusal import Refusal

FORMER_HOLDS = timedelta(hours=24)  # how long a secret that was replaced still signs as well
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_COLUMNS = (
    "id, name, url, secret, former, former_until, created, position, disabled, failures, resume, problem, delivered,"
    " last_delivered"
)


class BadEndpoint(Refusal):
    """An endpoint that can not be, or is not there."""

    texts: ClassVar = {
        "endpoint-name": "the name: small letters, digits and hyphens only, such as sinergi",
        "endpoint-taken": "there is an endpoint {name} already",
        "endpoint-unknown": "there is no endpoint {name}",
    }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`disabled` is why nothing is sent, None while it is. `failures` counts those in a row, of which `problem` is
    the last; before `resume` nothing is tried. Up to the record `position` all are delivered or stand in its queue.
    """

    id: int
    name: str
    url: str
    secret: str
    former: str | None
    former_until: datetime | None
    created: datetime
    position: int
    disabled: str | None
    failures: int
    resume: datetime
    problem: str
    delivered: int
    last_delivered: datetime | None

    def secrets(self, now: datetime) -> list[str]:
        """That sign now, the newest first."""
        holds = self.former is not None and self.former_until is not None and now < self.former_until
        return [self.secret, str(self.former)] if holds else [self.secret]


def add(
    database: Database, name: str, url: str, rules: Rules, who: str, now: datetime, *, from_start: bool = False
) -> Endpoint:
    """Told of records that come from now on, or `from_start` of all that are there. Raises `Refusal`."""
    if not _NAME.fullmatch(name):
        raise BadEndpoint("endpoint-name")
    outbound.check(url, rules)
    with database.transaction():
        if database.value("SELECT 1 FROM webhook WHERE name = ?", name) is not None:
            raise BadEndpoint("endpoint-taken", name=name)
        newest = 0 if from_start else database.value("SELECT COALESCE(MAX(id), 0) FROM record")
        row = (name, url, _secret(), micros(now), newest)
        database.insert_all("webhook", ("name", "url", "secret", "created", "position"), [row])
        audit.append(database, who, "webhook-added", {"name": name, "url": url, "from_start": from_start}, now)
    return named(database, name)


def everyone(database: Database) -> list[Endpoint]:
    return [_endpoint(row) for row in database.rows(f"SELECT {_COLUMNS} FROM webhook ORDER BY name")]


def one(database: Database, id_: int) -> Endpoint | None:
    row = database.row(f"SELECT {_COLUMNS} FROM webhook WHERE id = ?", id_)
    return _endpoint(row) if row else None


def named(database: Database, name: str) -> Endpoint:
    """Raises `BadEndpoint`."""
    row = database.row(f"SELECT {_COLUMNS} FROM webhook WHERE name = ?", name)
    if row is None:
        raise BadEndpoint("endpoint-unknown", name=name)
    return _endpoint(row)


def disable(database: Database, endpoint: Endpoint, why: str, who: str, now: datetime) -> None:
    """Nothing is sent until it is enabled; then all that came meanwhile is."""
    with database.transaction():
        database.run("UPDATE webhook SET disabled = ? WHERE id = ?", why, endpoint.id)
        audit.append(database, who, "webhook-disabled", {"name": endpoint.name, "why": why}, now)


def enable(database: Database, endpoint: Endpoint, who: str, now: datetime) -> None:
    with database.transaction():
        database.run(
            "UPDATE webhook SET disabled = NULL, failures = 0, resume = 0, problem = '' WHERE id = ?", endpoint.id
        )
        database.run("UPDATE delivery SET due = ? WHERE webhook = ? AND dead IS NULL", micros(now), endpoint.id)
        audit.append(database, who, "webhook-enabled", {"name": endpoint.name}, now)


def rotate(database: Database, endpoint: Endpoint, who: str, now: datetime) -> str:
    """The new secret. The one before signs beside it for a day, so that the receiver can change over in peace."""
    made = _secret()
    with database.transaction():
        database.run(
            "UPDATE webhook SET former = secret, former_until = ?, secret = ? WHERE id = ?",
            micros(now + FORMER_HOLDS), made, endpoint.id,
        )  # fmt: skip
        audit.append(database, who, "webhook-secret-rotated", {"name": endpoint.name}, now)
    return made


def remove(database: Database, endpoint: Endpoint, who: str, now: datetime) -> None:
    """With all that it was not told yet."""
    with database.transaction():
        database.run("DELETE FROM delivery WHERE webhook = ?", endpoint.id)
        database.run("DELETE FROM webhook WHERE id = ?", endpoint.id)
        audit.append(database, who, "webhook-removed", {"name": endpoint.name}, now)


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _endpoint(row: tuple[Any, ...]) -> Endpoint:
    id_, name, url, secret, former, until, created, position, disabled, failures, resume, problem, count, last = row
    return Endpoint(
        id_, name, url, secret, former, moment(until) if until is not None else None, moment(created), position,
        disabled, failures, moment(resume), problem, count, moment(last) if last is not None else None,
    )  # fmt: skip
