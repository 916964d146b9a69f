"""A PostgreSQL server of the tests' own, on loopback, gone with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from .memory import in_memory
from .waiting import free_ports

USER = "gardu"


def binaries() -> Path:
    """Where initdb and pg_ctl are: Debian keeps them off the PATH."""
    places = [Path(found).parent for found in [shutil.which("initdb")] if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    usable = [place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()]
    assert usable, "PostgreSQL is not installed; on Debian: apt-get install postgresql"
    return usable[0]


@contextmanager
def server() -> Iterator[str]:
    """A running server; gives its URL without a database's name."""
    folder = Path(tempfile.mkdtemp(prefix="gardu-pg-", dir=in_memory()))
    (port,) = free_ports(1)
    owner = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = "nobody"
        shutil.chown(folder, owner)
    control = [str(binaries() / "pg_ctl"), "-D", str(folder / "data"), "-s", "-w"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    create = [str(binaries() / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "-N"]
    try:
        subprocess.run(create, user=owner, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)
        log = ["-l", str(folder / "log"), "-o", options]
        subprocess.run([*control, *log, "start"], user=owner, cwd=folder, check=True, timeout=60)
        yield f"postgresql://{USER}@127.0.0.1:{port}"
        subprocess.run([*control, "-m", "immediate", "stop"], user=owner, cwd=folder, check=True, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(url: str, name: str) -> Iterator[str]:
    """The URL of a fresh, empty database of that server; it is gone afterwards."""
    _administer(url, f'CREATE DATABASE "{name}"')
    yield f"{url}/{name}"
    _administer(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


_NAME = "emptying"
END_OTHERS = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '{_NAME}'
"""
_EMPTY = f"""
DO $$
DECLARE name text;
BEGIN
    PERFORM ended FROM ({END_OTHERS}) AS others (ended);
    SET LOCAL session_replication_role = replica;  -- in any order
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""


@contextmanager
def emptying(url: str) -> Iterator[Callable[[], object]]:
    """What leaves that database as if it had just been made: its schema alone. Who still uses it is out."""
    with psycopg.connect(url, autocommit=True, application_name=_NAME) as connection:
        yield lambda: connection.execute(_EMPTY)


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]
