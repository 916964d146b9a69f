"""A SQLite file whose every transaction is durable when it returns, behind one lock. Alone imports peewee."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from .schema import STEPS


class JournalError(Exception):
    """The journal could not be read or written; whether a write happened shows on reading again."""


class Store:
    """Opens that file and makes it when there is none. Raises `JournalError`.

    WAL and synchronous=FULL: a crash before or after a transaction is all that can happen.
    """

    id: str

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._database = peewee.SqliteDatabase(
            str(path),
            pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "busy_timeout": 5000},
            thread_safe=False,  # one connection for all threads, behind the lock
            check_same_thread=False,
        )
        self._open()

    def _open(self) -> None:
        with self._guarded():
            self._database.connect(reuse_if_open=True)
            # Some file systems silently keep another mode, and then a commit is no promise.
            settings = (self._value("PRAGMA journal_mode"), self._value("PRAGMA synchronous"))
            if settings != ("wal", 2):
                raise JournalError(
                    f"{self._path}: SQLite runs with {settings}, not with WAL and full synchronisation"
                )
        with self._transaction():
            self._migrate()
            self.id = self._meta("journal") or ""

    def _migrate(self) -> None:
        version, latest = self._value("PRAGMA user_version"), len(STEPS)
        if version > latest:
            raise JournalError(
                f"{self._path}: written by a newer version (schema {version}); this one knows {latest}"
            )
        for migration in STEPS[version:]:
            for statement in migration.strip().removesuffix(";").split(";\n"):
                self._run(statement)
        if version == 0:
            self._set_meta("journal", secrets.token_hex(8))
            self._set_meta("delivered", "0")
        if version != latest:
            self._run(f"PRAGMA user_version = {latest}")

    def reopen(self) -> None:
        """Start again from what the file holds, after an error that left a commit unknown."""
        with self._lock:
            self._database.close()
            self._open()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (peewee.PeeweeException, sqlite3.Error) as error:
                raise JournalError(f"{self._path}: {_cause(error)}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded(), self._database.atomic("IMMEDIATE"):
            yield

    def _run(self, statement: str, *values: Any) -> Any:
        return self._database.execute_sql(statement, values)  # type: ignore[no-untyped-call]

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self._run(statement, *values).fetchall())

    def _value(self, statement: str, *values: Any) -> Any:
        row = self._run(statement, *values).fetchone()
        return row[0] if row else None

    def _meta(self, key: str) -> str | None:
        value: str | None = self._value("SELECT value FROM meta WHERE key = ?", key)
        return value

    def _set_meta(self, key: str, value: str) -> None:
        self._run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)


def _cause(error: BaseException) -> BaseException:
    """What went wrong first: after a full disk, the failed rollback is reported in place of it."""
    while isinstance(error.__context__, peewee.PeeweeException | sqlite3.Error):
        error = error.__context__
    return error
