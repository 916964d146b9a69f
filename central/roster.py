"""Who works where and has which number: read from CSV, checked whole, stored all or not at all."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mqtt_bridge.phones import mobile

from .database import Database, micros

_ALIASES = {
    "nip": "nip", "name": "name", "nama": "name", "phone": "phone", "telepon": "phone", "hp": "phone",
    "gateway": "gateway", "gardu": "gateway",
}  # fmt: skip
COLUMNS = ("nip", "name", "phone", "gateway")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Row:
    """One employee of the file, in the one form: NIP of 18 digits, phone in E.164."""

    line: int
    nip: str
    name: str
    phone: str
    gateway: str


class BadRoster(Exception):
    """What is wrong with the file, one line for each fault: `row 7, phone: …`. Nothing was stored."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def parse(text: str, gateways: Collection[str]) -> list[Row]:
    """The rows of a CSV file with commas or semicolons and a line of column names. Raises `BadRoster`."""
    lines = _lines(text.removeprefix("\ufeff"))
    if not lines:
        raise BadRoster(["the file is empty; its first line must name the columns nip, name, phone, gateway"])
    names = [_ALIASES.get(cell.strip().casefold(), "") for cell in lines[0]]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise BadRoster([f"row 1: no column {', '.join(missing)}; it must name {', '.join(COLUMNS)}"])
    cells = [(number, _cells(names, line)) for number, line in enumerate(lines[1:], 2) if any(map(str.strip, line))]
    faults = [fault for number, row in cells for fault in _faults(number, row, gateways)]
    rows = [_row(number, row) for number, row in cells if not any(_faults(number, row, gateways))]
    faults += [*_doubles(rows, "nip"), *_doubles(rows, "phone")]
    if faults:
        raise BadRoster(faults)
    return rows


def store(database: Database, rows: Sequence[Row], *, replace: bool = False, now: datetime | None = None) -> int:
    """Add and change those employees; with `replace` nobody else stays active. Returns how many are active then.

    Whoever is known by NIP keeps their id; where they were until `now` stays known. Raises `BadRoster`
    when a phone is bound to somebody else.
    """
    with database.transaction():
        if replace:
            database.run("UPDATE employee SET active = 0")
        _check_owners(database, rows)
        # A number that moves from one to another of the file is free for the moment in between; who left loses it.
        for row in rows:
            database.run("UPDATE employee SET phone = 'moved ' || id WHERE nip = ? OR phone = ?", row.nip, row.phone)
        for row in rows:
            _upsert(database, row)
        _place(database, now or datetime.now(UTC))
        return int(database.value("SELECT COUNT(*) FROM employee WHERE active = 1"))


def _upsert(database: Database, row: Row) -> None:
    changed = database.run(
        "UPDATE employee SET name = ?, phone = ?, gateway = ?, active = 1 WHERE nip = ?",
        row.name, row.phone, row.gateway, row.nip,
    )  # fmt: skip
    if not changed:
        columns = ("id", "nip", "name", "phone", "gateway")
        database.insert_all("employee", columns, [(_new_id(), row.nip, row.name, row.phone, row.gateway)])


def _place(database: Database, now: datetime) -> None:
    """Who is where from now on: attendance is judged by the gateway at which somebody was on the day."""
    database.run(
        "UPDATE placement SET until = ? WHERE until IS NULL AND NOT EXISTS (SELECT 1 FROM employee"
        " WHERE id = placement.employee AND gateway = placement.gateway AND active = 1)",
        micros(now),
    )
    database.run(
        "INSERT INTO placement (employee, gateway, since) SELECT id, gateway, CAST(? AS BIGINT) FROM employee"
        " WHERE active = 1 AND NOT EXISTS (SELECT 1 FROM placement WHERE employee = employee.id AND until IS NULL)",
        micros(now),
    )


def _check_owners(database: Database, rows: Sequence[Row]) -> None:
    """A number that stays with somebody active who is not in the file can not be given to another."""
    owners = dict(database.rows("SELECT phone, nip FROM employee WHERE active = 1"))
    listed = {row.nip for row in rows}
    faults = [
        f"row {row.line}, phone: this number belongs to another employee, who is not in the file"
        for row in rows
        if owners.get(row.phone, row.nip) != row.nip and owners[row.phone] not in listed
    ]
    if faults:
        raise BadRoster(faults)


def _lines(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=_delimiter(text))
    try:
        return list(reader)
    except csv.Error as error:
        raise BadRoster([f"row {reader.line_num}: {error}"]) from None


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def _cells(names: Sequence[str], line: Sequence[str]) -> dict[str, str]:
    """Column → cell; whatever spaces, tabs and line breaks a spreadsheet put into it are single spaces."""
    return {name: " ".join(cell.split()) for name, cell in zip(names, line, strict=False) if name}


def _faults(number: int, row: dict[str, str], gateways: Collection[str]) -> Iterator[str]:
    if not re.fullmatch(r"[0-9]{18}", row.get("nip", "").replace(" ", "")):
        yield f"row {number}, nip: 18 digits are needed"
    if not row.get("name"):
        yield f"row {number}, name: it is missing"
    elif not row["name"].isprintable():
        yield f"row {number}, name: it holds a character that can not be shown"
    if mobile(row.get("phone", "")) is None:
        yield f"row {number}, phone: not a mobile number such as 081234567890"
    if row.get("gateway") not in gateways:
        yield f"row {number}, gateway: {row.get('gateway', '')!r} is not known; see gardu-central gateway add"


def _row(number: int, row: dict[str, str]) -> Row:
    return Row(number, row["nip"].replace(" ", ""), row["name"], mobile(row["phone"]) or "", row["gateway"])


def _doubles(rows: Sequence[Row], column: str) -> Iterator[str]:
    seen: dict[str, int] = {}
    for row in rows:
        value = getattr(row, column)
        if value in seen:
            yield f"row {row.line}, {column}: the same as in row {seen[value]}"
        seen.setdefault(value, row.line)


def _new_id() -> str:
    """An opaque id: by it alone an employee is known on gateways and wires."""
    return "e-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))
