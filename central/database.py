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

from .schema import STEPS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOCK = 0x6761726475  # the advisory lock of PostgreSQL that the one writer holds
_TRIES = 50  # to open a fresh SQLite file that another process is opening as well
VERSION = len(STEPS)


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
            version = self.value("SELECT version FROM schema_version")
            if version is None:
                self.run("INSERT INTO schema_version (version) VALUES (0)")
            elif version > VERSION:
                raise StorageError(f"the database has schema {version}, newer than this version's {VERSION}")
            for step in range(version or 0, VERSION):
                self._take_step(STEPS[step])
                self.run("UPDATE schema_version SET version = ?", step + 1)

    def _take_step(self, statements: str) -> None:
        kinds = {"serial": "BIGSERIAL PRIMARY KEY", "blob": "BYTEA"}
        if not self._postgres:
            kinds = {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "blob": "BLOB"}
        for statement in statements.format(**kinds).strip().split(";\n"):
            self.run(statement.rstrip(";"))


def holding(text: str) -> str:
    """What `LIKE … ESCAPE '\\'` finds in lower case: whatever holds that text, which is taken as it is."""
    plain = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


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
