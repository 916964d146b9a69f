"""In which order records came in, as a digest that each carries over itself and all before it.

Whoever reads on behind a record shows its digest: if it is another here, or none, then this database was set back to
a backup since, and what they read is not what is here. The same number alone would skip records without a word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .database import Database

LENGTH = 16  # signs: it tells accidents apart, not attacks
GENESIS = hashlib.sha256(b"gardu/v1/history").hexdigest()[:LENGTH]
CURSOR = rf"^[0-9]{{1,18}}-[0-9a-f]{{{LENGTH}}}$"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind which record to read on; written as `30-9f86d081884c7d65`."""

    id: int = 0
    digest: str = GENESIS

    def __str__(self) -> str:
        return f"{self.id}-{self.digest}"


def parse(text: str) -> Cursor | None:
    """None for what is no cursor."""
    if not re.fullmatch(CURSOR, text, re.ASCII):
        return None
    id_, _, digest = text.partition("-")
    return Cursor(int(id_), digest)


def digests(previous: str, hashes: Iterable[str]) -> Iterator[str]:
    """Of records with those hashes, that follow one with the digest `previous`."""
    for hash_ in hashes:
        previous = hashlib.sha256(f"{previous}{hash_}".encode()).hexdigest()[:LENGTH]
        yield previous


def newest(database: Database) -> str:
    """The digest of the record that came last; stays true until the end of the transaction that asks."""
    found = database.value("SELECT history FROM record ORDER BY id DESC LIMIT 1")
    return str(found) if found is not None else GENESIS


def cursor(database: Database, id_: int) -> Cursor:
    """Behind the record of that id, which is there."""
    return Cursor(id_, str(database.value("SELECT history FROM record WHERE id = ?", id_)))


def holds(database: Database, cursor: Cursor) -> bool:
    """Whether the same records came up to there."""
    if cursor.id == 0:
        return cursor.digest == GENESIS
    return database.value("SELECT 1 FROM record WHERE id = ? AND history = ?", cursor.id, cursor.digest) is not None
