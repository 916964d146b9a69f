from __future__ import annotations

from collections.abc import Iterator

import pytest

from central import access
from central.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """A tenth of a second for each password adds up; what they cost in earnest has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "KIBIBYTES", 64)
        yield
