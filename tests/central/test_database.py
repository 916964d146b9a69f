from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central import database as module
from central.database import VERSION, Database, StorageError, micros, moment

from ..postgres import END_OTHERS


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_as_it_was(at: datetime) -> None:
    assert moment(micros(at)) == at


def test_several_processes_may_start_on_an_empty_database(empty_url: str) -> None:
    command = [sys.executable, "-c", f"from central.database import Database; Database({empty_url!r})"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert ended == [("", 0)] * 4
    assert Database(empty_url).rows("SELECT version FROM schema_version") == [(VERSION,)]


def test_a_newer_schema_is_refused_by_name(empty_url: str) -> None:
    database = Database(empty_url)
    database.run("UPDATE schema_version SET version = 99")
    database.close()
    with pytest.raises(StorageError, match=f"schema 99, newer than this version's {VERSION}"):
        Database(empty_url)


def test_a_statement_after_a_lost_connection_opens_another(postgres_url: str) -> None:
    database = Database(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(END_OTHERS)
    with pytest.raises(StorageError):
        database.value("SELECT 1")
    assert database.value("SELECT 1") == 1
    database.close()


def test_what_is_written_inside_a_failed_transaction_is_gone(database: Database) -> None:
    def half() -> None:
        with database.transaction():
            database.run("INSERT INTO gateway (id, added) VALUES ('a', 1)")
            database.run("INSERT INTO gateway (id, added) VALUES ('a', 1)")

    with pytest.raises(StorageError):
        half()
    assert database.rows("SELECT id FROM gateway") == []
    with database.transaction():
        database.run("INSERT INTO gateway (id, added) VALUES ('b', 1)")
    assert database.rows("SELECT id FROM gateway") == [("b",)]


def test_an_unreachable_server_is_one_error() -> None:
    with pytest.raises(StorageError, match="refused"):
        Database("postgresql://nobody@127.0.0.1:1/none")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "central.db").write_bytes(b"not a database, " * 300)
    with pytest.raises(StorageError, match="not a database"):
        Database(f"sqlite:///{tmp_path}/central.db")


def test_a_database_of_an_older_version_takes_the_steps_that_it_lacks(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(module, "STEPS", module.STEPS[:1])
        older.setattr(module, "VERSION", 1)
        first = Database(empty_url)
        first.run("INSERT INTO gateway (id, added) VALUES ('dinkes-01', 1)")
        first.close()
    for _ in range(2):
        database = Database(empty_url)
        assert database.rows("SELECT id, since, rival FROM gateway") == [("dinkes-01", None, None)]
        assert database.value("SELECT version FROM schema_version") == VERSION
        assert database.value("SELECT COUNT(*) FROM certificate") == 0
        database.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(module, "STEPS", (module.STEPS[0], "CREATE TABLE half (x BIGINT);\nNONSENSE;"))
        with pytest.raises(StorageError):
            Database(empty_url)
    database = Database(empty_url)
    assert database.value("SELECT version FROM schema_version") == VERSION
    with pytest.raises(StorageError):
        database.rows("SELECT * FROM half")
    database.close()
