"""The collector's database, SQLite or PostgreSQL. The only file of central that imports peewee.

Statements are written once, with `?` for values, and run on both. Times are kept as whole microseconds since 1970 in
UTC: they sort and compare alike on both. On SQLite a commit is on the disk when it returns (WAL, synchronous=FULL).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import peewee

from .tables import ATTENDANCE, TRUST

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOCK = 0x6761726475  # the advisory lock of PostgreSQL that the one writer holds
_TRIES = 50  # to open a fresh SQLite file that another process is opening as well
# The statements that lead from each version of the schema to the next.
_MIGRATIONS = (
    """
CREATE TABLE gateway (
    id TEXT PRIMARY KEY,
    added BIGINT NOT NULL,
    online INTEGER NOT NULL DEFAULT 0,
    seen BIGINT,
    status {blob}
);
CREATE TABLE chain (
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal)
);
CREATE TABLE record (
    id {serial},
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    seq BIGINT NOT NULL,
    employee TEXT NOT NULL,
    action TEXT NOT NULL,
    at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    channel TEXT NOT NULL,
    presence TEXT NOT NULL,
    flags TEXT NOT NULL,
    receipt TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    hash TEXT NOT NULL,
    stored BIGINT NOT NULL,
    UNIQUE (gateway, journal, seq)
);
CREATE INDEX record_at ON record (at);
CREATE INDEX record_gateway_at ON record (gateway, at);
CREATE INDEX record_employee_at ON record (employee, at);
CREATE TABLE batch (
    id {serial},
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    sealed {blob} NOT NULL,
    stored BIGINT NOT NULL
);
CREATE TABLE quarantine (
    id {serial},
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    sealed {blob} NOT NULL,
    times BIGINT NOT NULL DEFAULT 1,
    stored BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    UNIQUE (gateway, reason)
);
CREATE TABLE employee (
    id TEXT PRIMARY KEY,
    nip TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    phone TEXT NOT NULL UNIQUE,
    gateway TEXT NOT NULL REFERENCES gateway (id),
    active INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX employee_gateway ON employee (gateway);
CREATE TABLE desired (
    gateway TEXT PRIMARY KEY REFERENCES gateway (id),
    version BIGINT NOT NULL,
    body {blob} NOT NULL
);
CREATE TABLE person (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE TABLE token (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL
);
""",
    """
ALTER TABLE record ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE INDEX record_asked ON record (action, id) WHERE action IN ('register', 'dispute');
ALTER TABLE gateway ADD COLUMN presence TEXT;
ALTER TABLE gateway ADD COLUMN serves_all INTEGER NOT NULL DEFAULT 0;
CREATE TABLE secret (
    office TEXT PRIMARY KEY,
    presence TEXT NOT NULL
);
CREATE TABLE binding (
    record BIGINT PRIMARY KEY,
    employee TEXT NOT NULL,
    approved INTEGER NOT NULL,
    person TEXT NOT NULL,
    decided BIGINT NOT NULL
);
ALTER TABLE employee RENAME TO employee_before;
DROP INDEX employee_gateway;
CREATE TABLE employee (
    id TEXT PRIMARY KEY,
    nip TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    gateway TEXT NOT NULL REFERENCES gateway (id),
    active INTEGER NOT NULL DEFAULT 1,
    alias TEXT NOT NULL DEFAULT '',
    presence TEXT,
    language TEXT,
    shift TEXT NOT NULL DEFAULT '',
    UNIQUE (phone, alias)
);
INSERT INTO employee (id, nip, name, phone, gateway, active)
    SELECT id, nip, name, phone, gateway, active FROM employee_before;
DROP TABLE employee_before;
CREATE INDEX employee_gateway ON employee (gateway);
""",
    """
ALTER TABLE record ADD COLUMN duplicate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateway ADD COLUMN starts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE gateway ADD COLUMN session BIGINT NOT NULL DEFAULT 0;
""",
    ATTENDANCE,
    TRUST,
)
VERSION = len(_MIGRATIONS)


class StorageError(Exception):
    """The database could not be read or written; whether a commit happened shows on reading again."""


class Database:
    """Opens the database at that URL and makes its schema when there is none. Raises `StorageError`.

    Each thread has a connection of its own. After an error it is closed, and the next statement opens another.
    """

    def __init__(self, url: str) -> None:
        self._postgres = url.startswith(("postgres://", "postgresql://"))
        self._peewee = _postgres(url) if self._postgres else _sqlite(url)
        self._make_schema()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or none of it; committed when it returns.

        One writer at a time, on both databases: ids then become visible in their order, so that whoever reads on
        behind the last id that they saw misses nothing.
        """
        with self._guarded(), self._peewee.atomic() if self._postgres else self._peewee.atomic("IMMEDIATE"):
            if self._postgres:
                self.run("SELECT pg_advisory_xact_lock(?)", _LOCK)
            yield

    def run(self, statement: str, *values: Any) -> int:
        """Returns how many rows were changed."""
        with self._guarded():
            return int(self._execute(statement, values).rowcount)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._guarded():
            return list(self._execute(statement, values).fetchall())

    def row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found = self.rows(statement, *values)
        return found[0] if found else None

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None when there is no row."""
        found = self.row(statement, *values)
        return found[0] if found else None

    def insert_all(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Many rows in one statement: several times faster than one by one, on both databases alike."""
        place = "(" + ", ".join("?" * len(columns)) + ")"
        values = [value for row in rows for value in row]
        self.run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([place] * len(rows))}", *values)

    def analyse(self) -> None:
        """Let the database look at its rows, so that it chooses its indexes well: after very many came at once."""
        self.run("ANALYZE")

    def close(self) -> None:
        self._peewee.close()

    def _execute(self, statement: str, values: Sequence[Any]) -> Any:
        if self._postgres:
            statement = statement.replace("?", "%s")
        return self._peewee.execute_sql(statement, values)  # type: ignore[no-untyped-call]

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if self._peewee.in_transaction():
            yield  # the outer one sees to it, after the rollback
            return
        try:
            yield
        except (peewee.PeeweeException, sqlite3.Error) as error:
            self._peewee.close()  # the connection may be dead; the next statement opens another
            raise StorageError(str(error).strip() or type(error).__name__) from error

    def _make_schema(self) -> None:
        """Once, also when several processes start at the same time on an empty database."""
        for _ in range(_TRIES):
            try:
                self._open_schema()
            except StorageError as error:
                if "locked" not in str(error):
                    raise
                time.sleep(0.1)
            else:
                return
        raise StorageError("the database stays locked by another process")

    def _open_schema(self) -> None:
        if not self._postgres:
            # Some file systems silently keep another mode, and then a commit is no promise.
            settings = (self.value("PRAGMA journal_mode"), self.value("PRAGMA synchronous"))
            if settings != ("wal", 2):
                raise StorageError(f"SQLite runs with {settings}, not with WAL and full synchronisation")
        with self.transaction():
            self.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
            version = self.value("SELECT version FROM schema_version") or 0
            if version > VERSION:
                raise StorageError(f"the database has schema {version}, newer than this version's {VERSION}")
            self._migrate(version)

    def _migrate(self, version: int) -> None:
        kinds = {"serial": "BIGSERIAL PRIMARY KEY", "blob": "BYTEA"}
        if not self._postgres:
            kinds = {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "blob": "BLOB"}
        for migration in _MIGRATIONS[version:]:
            for statement in migration.format(**kinds).strip().removesuffix(";").split(";\n"):
                self.run(statement)
        if version != VERSION:
            self.run("DELETE FROM schema_version")
            self.run("INSERT INTO schema_version (version) VALUES (?)", VERSION)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def micros(at: datetime) -> int:
    """The time as it is kept."""
    return (at - _EPOCH) // _MICROSECOND


def moment(kept: int) -> datetime:
    return _EPOCH + timedelta(microseconds=kept)


def _sqlite(url: str) -> peewee.SqliteDatabase:
    path = url.removeprefix("sqlite:///")
    pragmas = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "cache_size": -20_000}
    return peewee.SqliteDatabase(path, pragmas=pragmas, timeout=10)


def _postgres(url: str) -> peewee.PostgresqlDatabase:
    from playhouse.db_url import parse

    settings = parse(url)  # type: ignore[no-untyped-call]
    return peewee.PostgresqlDatabase(settings.pop("database"), prefer_psycopg3=True, connect_timeout=5, **settings)
