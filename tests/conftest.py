from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

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


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    with postgres.database(postgres_server, f"gardu_{next(_names)}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Either kind of database, empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('database')}/central.db"
    url: Callable[[str], str] = request.getfixturevalue
    return url("postgres_url")
