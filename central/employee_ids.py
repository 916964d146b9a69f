"""Opaque ids of employees: by them alone somebody is known on gateways and wires.

They follow from the NIP and a secret that lies beside central's keys, not in the database. So a database that was set
back to a backup gives the same id to the same person again, and what came in for them since has its name; and whoever
has the database alone can not tell whose the ids of erased people were.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from mqtt_bridge.keys import BadKey, write_once

# NIP → ids in an order that stays; the first that nobody has is taken. An erased person keeps theirs.
Ids = Callable[[str], Iterator[str]]
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
LENGTH = 10


def by_secret(secret: bytes) -> Ids:
    """The same ids for the same NIP, whenever and wherever they are asked for. Pure."""

    def ids(nip: str) -> Iterator[str]:
        for number in itertools.count():
            digest = hmac.digest(secret, f"gardu/v1/employee/{nip}/{number}".encode(), hashlib.sha256)
            yield _spelled(int.from_bytes(digest))

    return ids


def by_chance(_nip: str) -> Iterator[str]:
    """Other ids each time."""
    while True:
        yield _spelled(secrets.randbits(256))


def kept_in(path: Path) -> Ids:
    """By the secret in that file, made if there is none. Raises `BadKey`."""
    if not path.exists():
        write_once(path, secrets.token_hex(32).encode(), 0o600)
    text = path.read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise BadKey(f"{path}: not 64 hexadecimal digits; put it back from the backup")
    return by_secret(bytes.fromhex(text))


def _spelled(number: int) -> str:
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return "e-" + "".join(letters)
