"""Who may look: people by name and password, programs by token. Only digests of either are kept."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from . import audit, sessions
from .database import Database, micros, moment

SHORTEST_PASSWORD = 8
# The second recommended set of RFC 9106, 4: 64 MiB, three passes, four lanes.
PASSES, LANES, KIBIBYTES = 3, 4, 65_536


class Scope(StrEnum):
    """What a token lets a program do."""

    RECORDS = "records:read"
    GATEWAYS = "gateways:read"
    DAYS = "days:read"
    EMPLOYEES = "employees:read"
    NIP = "employees:nip"  # who an employee is to other systems; never without the one above


USUAL_SCOPES = (Scope.RECORDS, Scope.GATEWAYS)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    scopes: frozenset[Scope]


class BadPassword(ValueError):
    """A password that can not be set; the message says why."""


def set_password(database: Database, name: str, password: str, now: datetime) -> None:
    """Make that person, or give them another password, which ends their sessions. Raises `BadPassword`."""
    digest = digest_of_password(password)
    with database.transaction():
        if not database.run("UPDATE person SET password = ? WHERE name = ?", digest, name):
            database.insert_all("person", ("name", "password", "created"), [(name, digest, micros(now))])
        sessions.end_all(database, name)


def password_fits(database: Database, name: str, password: str) -> bool:
    """Takes as long for a name that nobody has, so that names can not be told apart by time."""
    # Some databases refuse a NUL; nobody has such a name.
    digest = database.value("SELECT password FROM person WHERE name = ?", name) if "\0" not in name else None
    try:
        Argon2id.verify_phc_encoded(password.encode(), digest or _nobody())
    except InvalidKey:
        return False
    return digest is not None


def password_mark(database: Database, name: str) -> str:
    """Another one with each password, and nothing that helps to guess it."""
    return _digest(str(database.value("SELECT password FROM person WHERE name = ?", name)))[:16]


def person_exists(database: Database, name: str) -> bool:
    return database.value("SELECT 1 FROM person WHERE name = ?", name) is not None


def first_person(database: Database, folder: Path, now: datetime) -> Path | None:
    """Where there is nobody yet: make `admin`, with a password of this installation alone in the returned file."""
    if database.value("SELECT 1 FROM person") is not None:
        return None
    password = secrets.token_urlsafe(12)
    path = folder / "first-password"
    write_secret(path, password)
    set_password(database, "admin", password, now)
    return path


def add_token(
    database: Database, name: str, who: str, now: datetime, scopes: Collection[Scope] = USUAL_SCOPES
) -> str:
    """A new token of that name, in place of an older one; it can be shown this once only."""
    token = secrets.token_urlsafe(32)
    kept = " ".join(scope for scope in Scope if scope in scopes)
    with database.transaction():
        database.run("DELETE FROM token WHERE name = ?", name)
        row = (name, _digest(token), micros(now), kept)
        database.insert_all("token", ("name", "digest", "created", "scopes"), [row])
        audit.append(database, who, "token-added", {"name": name, "scopes": kept.split()}, now)
    return token


def remove_token(database: Database, name: str, who: str, now: datetime) -> bool:
    """Tells whether there was one."""
    with database.transaction():
        there = database.run("DELETE FROM token WHERE name = ?", name) > 0
        if there:
            audit.append(database, who, "token-removed", {"name": name}, now)
    return there


def programs(database: Database) -> list[tuple[Program, datetime]]:
    """Who has a token, and since when."""
    rows = database.rows("SELECT name, scopes, created FROM token ORDER BY name")
    return [(_program(name, scopes), moment(created)) for name, scopes, created in rows]


def program(database: Database, token: str) -> Program | None:
    """Whose token it is. Found by its digest, so that nothing is compared character by character."""
    found = database.row("SELECT name, scopes FROM token WHERE digest = ?", _digest(token))
    return _program(*found) if found else None


def _program(name: str, scopes: str) -> Program:
    return Program(name, frozenset(Scope(scope) for scope in scopes.split()))


def session_secret(folder: Path) -> str:
    """What the session cookies are signed with, made once."""
    path = folder / "session.key"
    if not path.exists():
        write_secret(path, secrets.token_hex(32))
    return path.read_text()


def write_secret(path: Path, text: str) -> None:
    """A file that only its owner can read, from the first moment on."""
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _digest(token: str) -> str:
    """A token has 256 random bits: nothing slower than SHA-256 is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def digest_of_password(password: str) -> str:
    """With a salt of its own, as a PHC string that names its costs. Raises `BadPassword`."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadPassword(f"a password has at least {SHORTEST_PASSWORD} characters")
    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=PASSES, lanes=LANES, memory_cost=KIBIBYTES)
    return str(hasher.derive_phc_encoded(password.encode()))


@functools.cache
def _nobody() -> str:
    return digest_of_password(secrets.token_urlsafe())
