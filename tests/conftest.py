from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache

from central.database import Database, sqlite_url

from . import postgres
from .memory import in_memory

# Every run on a server tries the same examples, so that a change is judged by itself; others look further each time.
# No deadlines: on a busy machine they would time the neighbours.
settings.register_profile("gardu", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("gardu")

# Files that take longest, mostly by waiting: begun first, so that none of them runs alone in the end.
_LONGEST = (
    "test_simulation.py",
    "test_kill.py",
    "test_certificates.py",
    "test_hangs.py",
    "test_worker.py",
    "test_demo.py",
    "test_conversations_on_air.py",
    "test_replug.py",
    "test_processes.py",
    "test_driver.py",
    "test_access.py",
    "test_attendance.py",
    "test_pages.py",
    "test_screen.py",
    "test_commands.py",
    "test_cli.py",
    "test_tasks.py",
    "test_central.py",
    "test_trust.py",
    "test_faults.py",
    "test_end_to_end.py",
    "test_outage.py",
    "test_uplink_modems.py",
    "test_fleet.py",
    "test_recovery.py",
    "test_soak.py",
)


# Else every worker and every process that a test starts would compile everything again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    if folder := in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(_LONGEST)))


_names = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Either kind of database, without a schema."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "empty.db")
    else:
        with postgres.database(request.getfixturevalue("postgres_server"), f"gardu_{next(_names)}") as url:
            yield url


# A copy is made, or a database emptied, in a fraction of the time that central takes to make its schema.


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "central.db"
    Database(sqlite_url(path)).close()
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[tuple[str, Callable[[], object]]]:
    with postgres.database(postgres_server, "gardu") as url:
        Database(url).close()
        with postgres.emptying(url) as empty:
            yield url, empty


@pytest.fixture
def postgres_url(postgres_database: tuple[str, Callable[[], object]]) -> str:
    """The URL of a database with central's schema and nothing in it."""
    url, empty = postgres_database
    empty()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Either kind of database, with central's schema."""
    if request.param == "sqlite":
        place = tmp_path_factory.mktemp("database") / "central.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), place)
        return sqlite_url(place)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For all the apps that tests make."""
    folder = tmp_path_factory.mktemp("templates")
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": FileSystemBytecodeCache(str(folder))}
