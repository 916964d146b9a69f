"""People who may log in: their roles, and the gateways that they are limited to."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from mqtt_bridge.records import Language

from . import access, audit, roles, sessions
from .database import Database, micros, moment
from .refusal import Refusal
from .roles import Role

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class BadUser(Refusal):
    """What can not be made of an account."""

    texts: ClassVar = {
        "user-name": "the name: letters, digits and . _ @ - only",
        "user-taken": "there is an account {name} already",
        "user-unknown": "there is no account {name}",
        "user-no-role": "at least one role is needed",
        "user-gateway": "there is no gateway {names}",
        "user-no-gateway": "an opd-admin needs at least one gateway",
        "user-last": "{name} is the only one with the role it; give it to somebody else first",
    }


@dataclass(frozen=True, slots=True)
class User:
    name: str
    roles: frozenset[Role]
    gateways: frozenset[str]
    second_factor: bool
    created: datetime
    language: Language | None = None  # that they chose

    @property
    def scope(self) -> frozenset[str] | None:
        """The gateways of which they see employees; None stands for all."""
        return roles.scope(self.roles, self.gateways)


def everyone(database: Database) -> list[User]:
    return [_user(row) for row in database.rows(f"{_SELECT} ORDER BY name")]


def one(database: Database, name: str) -> User | None:
    row = database.row(f"{_SELECT} WHERE name = ?", name) if "\0" not in name else None
    return _user(row) if row else None


def add(
    database: Database, name: str, password: str, has: Collection[Role], gateways: Collection[str], who: str,
    now: datetime,
) -> None:  # fmt: skip
    """Raises `BadUser`, and `access.BadPassword`."""
    if not _NAME.fullmatch(name):
        raise BadUser("user-name")
    _check(database, has, gateways)
    digest = access.digest_of_password(password)
    with database.transaction():
        if access.person_exists(database, name):
            raise BadUser("user-taken", name=name)
        row = (name, digest, micros(now), _joined(has), _joined(gateways))
        database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [row])
        audit.append(database, who, "user-added", _rights(name, has, gateways), now)


def set_rights(
    database: Database, name: str, has: Collection[Role], gateways: Collection[str], who: str, now: datetime
) -> None:
    """They have to log in anew. Raises `BadUser`."""
    _check(database, has, gateways)
    with database.transaction():
        _keep_one(database, name, has)
        changed = database.run(
            "UPDATE person SET roles = ?, gateways = ? WHERE name = ?", _joined(has), _joined(gateways), name
        )
        if not changed:
            raise BadUser("user-unknown", name=name)
        sessions.end_all(database, name)
        audit.append(database, who, "user-changed", _rights(name, has, gateways), now)


def reset_password(database: Database, name: str, password: str, who: str, now: datetime) -> None:
    """They have to log in anew. Raises `BadUser`, and `access.BadPassword`."""
    digest = access.digest_of_password(password)  # slow: nobody waits for it
    with database.transaction():
        if not database.run("UPDATE person SET password = ? WHERE name = ?", digest, name):
            raise BadUser("user-unknown", name=name)
        sessions.end_all(database, name)
        audit.append(database, who, "password-changed", {"name": name}, now)


def log_out(database: Database, name: str, session_id: str, who: str, now: datetime) -> int:
    """End that session of theirs, or all when it is empty; how many ended."""
    with database.transaction():
        ended = int(sessions.end(database, name, session_id)) if session_id else sessions.end_all(database, name)
        if ended:
            audit.append(database, who, "session-ended", {"name": name}, now)
    return ended


def set_language(database: Database, name: str, language: Language) -> None:
    database.run("UPDATE person SET language = ? WHERE name = ?", language, name)


def remove(database: Database, name: str, who: str, now: datetime) -> None:
    """Raises `BadUser`."""
    with database.transaction():
        _keep_one(database, name, ())
        if not database.run("DELETE FROM person WHERE name = ?", name):
            raise BadUser("user-unknown", name=name)
        database.run("DELETE FROM recovery_code WHERE person = ?", name)
        sessions.end_all(database, name)
        audit.append(database, who, "user-removed", {"name": name}, now)


_SELECT = "SELECT name, roles, gateways, totp IS NOT NULL, created, language FROM person"


def _check(database: Database, has: Collection[Role], gateways: Collection[str]) -> None:
    if not has:
        raise BadUser("user-no-role")
    known = {id_ for (id_,) in database.rows("SELECT id FROM gateway")}
    unknown = sorted(set(gateways) - known)
    if unknown:
        raise BadUser("user-gateway", names=", ".join(unknown))
    if Role.OPD_ADMIN in has and not gateways:
        raise BadUser("user-no-gateway")


def _keep_one(database: Database, name: str, has: Collection[Role]) -> None:
    """Somebody must be left who can give roles."""
    others = [user for user in everyone(database) if Role.IT in user.roles and user.name != name]
    if Role.IT not in has and not others:
        raise BadUser("user-last", name=name)


def _joined(words: Collection[str]) -> str:
    return " ".join(sorted(words))


def _rights(name: str, has: Collection[Role], gateways: Collection[str]) -> dict[str, Any]:
    return {"name": name, "roles": sorted(has), "gateways": sorted(gateways)}


def _user(row: tuple[Any, ...]) -> User:
    name, has, gateways, second, created, language = row
    known = frozenset(Role(role) for role in has.split() if role in set(Role))
    spoken = Language(language) if language in set(Language) else None
    return User(name, known, frozenset(gateways.split()), bool(second), moment(created), spoken)
