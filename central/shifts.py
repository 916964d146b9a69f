"""Who works by which pattern of hours, and when: read from CSV, checked whole, stored all or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from datetime import date

from .database import Database

COLUMNS = ("nip", "pattern", "first", "last")
_ALIASES = {"pola": "pattern", "mulai": "first", "sampai": "last"}


class BadShifts(Exception):
    """What is wrong with the file, one line for each fault: `row 7, pattern: …`. Nothing was stored."""


def store(database: Database, text: str, patterns: Collection[str]) -> int:
    """Replaces what begins on the same day for the same person. Returns how many there were. Raises `BadShifts`."""
    people = dict(database.rows("SELECT nip, id FROM employee"))
    rows = list(enumerate(_rows(text), 2))
    faults = [fault for number, row in rows for fault in _faults(number, row, people, patterns)]
    if faults:
        raise BadShifts("\n".join(faults))
    with database.transaction():
        for _, row in rows:
            id_ = people[row["nip"]]
            database.run("DELETE FROM shift WHERE employee = ? AND first = ?", id_, row["first"])
            database.insert_all(
                "shift", ("employee", "pattern", "first", "last"), [(id_, row["pattern"], row["first"], row["last"])]
            )
    return len(rows)


def _rows(text: str) -> Iterator[dict[str, str]]:
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=";" if ";" in first else ",")
    lines = [line for line in reader if any(map(str.strip, line))]
    names = [name.strip().casefold() for name in lines[0]] if lines else []
    names = [_ALIASES.get(name, name) for name in names]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise BadShifts(f"row 1: no column {', '.join(missing)}; it must name {', '.join(COLUMNS)}")
    for line in lines[1:]:
        row = dict(zip(names, (cell.strip() for cell in line), strict=False))
        yield {**row, "nip": row.get("nip", "").replace(" ", "")}


def _faults(number: int, row: dict[str, str], people: Collection[str], patterns: Collection[str]) -> Iterator[str]:
    if row["nip"] not in people:
        yield f"row {number}, nip: nobody has it; see gardu-central roster import"
    if row.get("pattern") not in patterns:
        yield f"row {number}, pattern: {row.get('pattern', '')!r} is none of {', '.join(sorted(patterns))}"
    days = [_day(row.get(name, "")) for name in ("first", "last")]
    if None in days:
        yield f"row {number}, first and last: days such as 2026-11-24 are needed"
    elif _backwards(days):
        yield f"row {number}, last: it is before first"


def _backwards(days: Sequence[date | None]) -> bool:
    first, last = days
    return first is not None and last is not None and last < first


def _day(text: str) -> date | None:
    """As it is stored: such dates sort as text."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
