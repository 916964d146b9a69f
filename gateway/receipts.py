"""Receipts: the short code that an employee gets for a record. Pure."""

from __future__ import annotations

import hashlib

# No letter or digit that is misread for another on a small screen or over the phone.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 4
COUNT = len(ALPHABET) ** LENGTH
_STEP = 387_420_489  # odd, so that multiplying by it only permutes the numbers below a power of two


def receipt(journal: str, seq: int) -> str:
    """The receipt of that record: different for any 1,048,576 consecutive ones of a journal, and not in a row."""
    offset = int.from_bytes(hashlib.sha256(journal.encode()).digest()[:4])
    number = (seq * _STEP + offset) % COUNT
    signs = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[digit])
    return "".join(signs)
