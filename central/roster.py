"""Who works where and has which number: read from a table, checked whole, stored all or not at all."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mqtt_bridge.phones import mobile
from mqtt_bridge.records import Language, PresenceRule

from .database import Database, micros
from .employee_ids import Ids, by_chance
from .workbooks import LOST

_ALIASES = {
    "nip": "nip", "name": "name", "nama": "name", "phone": "phone", "telepon": "phone", "hp": "phone",
    "gateway": "gateway", "gardu": "gateway", "alias": "alias", "panggilan": "alias", "presence": "presence",
    "kode": "presence", "shift": "shift", "language": "language", "bahasa": "language",
}  # fmt: skip
COLUMNS = ("nip", "name", "phone", "gateway")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


@dataclass(frozen=True, slots=True)
class Row:
    """One employee of the file, in the one form: NIP of 18 digits, phone in E.164.

    What is empty of the rest is as the policy has it: `alias` says who of several with one phone speaks, `presence`
    whether a code is needed, `shift` names their hours, `language` is that of the answers.
    """

    line: int
    nip: str
    name: str
    phone: str
    gateway: str
    alias: str = ""
    presence: str = ""
    shift: str = ""
    language: str = ""


FAULTS = {
    "empty": "the file is empty; its first line must name the columns nip, name, phone, gateway",
    "columns": "no column {missing}; it must name nip, name, phone, gateway",
    "unreadable": "{problem}",
    "nip": "18 digits are needed",
    "nip-number": "the spreadsheet took it for a number and lost its end; format the column as text, then enter it",
    "name-missing": "it is missing",
    "text-odd": "it holds a character that can not be shown",
    "text-formula": "a spreadsheet would calculate what begins with = + - or @",
    "phone": "not a mobile number such as 081234567890",
    "gateway": "{given!r} is not known; see gardu-central gateway add",
    "alias": "one word of at most 12 letters, such as ani",
    "option": "one of {known}, or nothing",
    "phone-shared": "the same as in row {row}; see policy.shared_phones",
    "alias-needed": "whoever shares a phone needs one (see row {row})",
    "alias-double": "the same as another's with this phone",
    "double": "the same as in row {row}",
    "phone-taken": "this number belongs to another employee, who is not in the file",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where: row and column as the file has them, None and empty where it is the whole."""

    row: int | None
    column: str
    code: str
    details: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"row {self.row}" if self.row else "", self.column) if part)
        text = FAULTS[self.code].format(**self.details)
        return f"{place}: {text}" if place else text


class BadRoster(Exception):
    """What is wrong with the file, one line for each fault: `row 7, phone: …`. Nothing was stored."""

    def __init__(self, found: Sequence[Fault]) -> None:
        self.found = found
        self.faults = [str(fault) for fault in found]
        super().__init__("\n".join(self.faults))


def parse(text: str, gateways: Collection[str], *, shared: bool = False) -> list[Row]:
    """The rows of a CSV file with commas or semicolons; see `rows_of`."""
    return rows_of(lines_of(text.removeprefix("\ufeff")), gateways, shared=shared)


def rows_of(lines: Sequence[Sequence[str]], gateways: Collection[str], *, shared: bool = False) -> list[Row]:
    """The rows of a table whose first line names the columns. Raises `BadRoster`.

    `shared` lets several employees have one phone, if each has an alias of their own.
    """
    if not lines:
        raise BadRoster([Fault(None, "", "empty")])
    names = [_ALIASES.get(cell.strip().casefold(), "") for cell in lines[0]]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise BadRoster([Fault(1, "", "columns", {"missing": ", ".join(missing)})])
    cells = [(number, _cells(names, line)) for number, line in enumerate(lines[1:], 2) if any(map(str.strip, line))]
    faults = [fault for number, row in cells for fault in _faults(number, row, gateways)]
    rows = [_row(number, row) for number, row in cells if not any(_faults(number, row, gateways))]
    faults += [*_doubles(rows, "nip"), *_shared(rows, shared=shared)]
    if faults:
        raise BadRoster(faults)
    return rows


def store(
    database: Database,
    rows: Sequence[Row],
    *,
    replace: bool = False,
    now: datetime | None = None,
    ids: Ids = by_chance,
) -> int:
    """Add and change those employees; with `replace` nobody else stays active. Returns how many are active then.

    Whoever is known by NIP keeps their id, the others get the first of `ids` that nobody has; where they were until
    `now` stays known. Raises `BadRoster` when a phone is bound to somebody else.
    """
    with database.transaction():
        if replace:
            database.run("UPDATE employee SET active = 0")
        _check_owners(database, rows)
        # A number that moves from one to another of the file is free for the moment in between; who left loses it.
        for row in rows:
            database.run(
                "UPDATE employee SET phone = 'moved ' || id WHERE nip = ? OR (phone = ? AND alias = ?)",
                row.nip, row.phone, row.alias,
            )  # fmt: skip
        for row in rows:
            _upsert(database, row, ids)
        _place(database, now or datetime.now(UTC))
        return int(database.value("SELECT COUNT(*) FROM employee WHERE active = 1"))


def _upsert(database: Database, row: Row, ids: Ids) -> None:
    changed = database.run(
        "UPDATE employee SET name = ?, phone = ?, gateway = ?, alias = ?, presence = ?, shift = ?, language = ?,"
        " active = 1 WHERE nip = ?",
        *_values(row), row.nip,
    )  # fmt: skip
    if not changed:
        columns = ("name", "phone", "gateway", "alias", "presence", "shift", "language", "id", "nip")
        free = (id_ for id_ in ids(row.nip) if not database.row("SELECT 1 FROM employee WHERE id = ?", id_))
        database.insert_all("employee", columns, [(*_values(row), next(free), row.nip)])


def _values(row: Row) -> tuple[str | None, ...]:
    return (row.name, row.phone, row.gateway, row.alias, row.presence or None, row.shift, row.language or None)


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
    listed = {row.nip for row in rows}
    owners: dict[str, list[str]] = {}
    for phone, alias, nip in database.rows("SELECT phone, alias, nip FROM employee WHERE active = 1"):
        if nip not in listed:
            owners.setdefault(phone, []).append(alias)
    faults = [
        Fault(row.line, "phone", "phone-taken")
        for row in rows
        if any(not alias or not row.alias or alias == row.alias for alias in owners.get(row.phone, ()))
    ]
    if faults:
        raise BadRoster(faults)


def lines_of(text: str) -> list[list[str]]:
    """Of a CSV file. Raises `BadRoster`."""
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=_delimiter(text))
    try:
        return list(reader)
    except csv.Error as error:
        raise BadRoster([Fault(reader.line_num, "", "unreadable", {"problem": error})]) from None


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def _cells(names: Sequence[str], line: Sequence[str]) -> dict[str, str]:
    """Column → cell; whatever spaces, tabs and line breaks a spreadsheet put into it are single spaces."""
    return {name: " ".join(cell.split()) for name, cell in zip(names, line, strict=False) if name}


def _faults(number: int, row: dict[str, str], gateways: Collection[str]) -> Iterator[Fault]:
    nip = row.get("nip", "").replace(" ", "")
    if nip.startswith(LOST):
        yield Fault(number, "nip", "nip-number")
    elif not re.fullmatch(r"[0-9]{18}", nip):
        yield Fault(number, "nip", "nip")
    if not row.get("name"):
        yield Fault(number, "name", "name-missing")
    if mobile(row.get("phone", "")) is None:
        yield Fault(number, "phone", "phone")
    yield from _faults_of_texts(number, row)
    yield from _faults_of_options(number, row)
    if row.get("gateway") not in gateways:
        yield Fault(number, "gateway", "gateway", {"given": row.get("gateway", "")})


def _faults_of_texts(number: int, row: dict[str, str]) -> Iterator[Fault]:
    for column in ("name", "shift"):
        text = row.get(column, "")
        if not text.isprintable():  # a database may refuse it
            yield Fault(number, column, "text-odd")
        elif text.startswith(FORMULA):
            yield Fault(number, column, "text-formula")


def _faults_of_options(number: int, row: dict[str, str]) -> Iterator[Fault]:
    if not re.fullmatch(r"[a-z]{0,12}", row.get("alias", "").casefold()):
        yield Fault(number, "alias", "alias")
    for column, kind in (("presence", PresenceRule), ("language", Language)):
        if row.get(column, "") not in {"", *kind}:
            yield Fault(number, column, "option", {"known": ", ".join(kind)})


def _row(number: int, row: dict[str, str]) -> Row:
    return Row(
        number,
        row["nip"].replace(" ", ""),
        row["name"],
        mobile(row["phone"]) or "",
        row["gateway"],
        row.get("alias", "").casefold(),
        row.get("presence", ""),
        row.get("shift", ""),
        row.get("language", ""),
    )


def _shared(rows: Sequence[Row], *, shared: bool) -> Iterator[Fault]:
    """Phones that several have: only by the policy, and only if everybody can say who speaks."""
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(row.phone, row)
        if other is row:
            continue
        if not shared:
            yield Fault(row.line, "phone", "phone-shared", {"row": other.line})
        elif not row.alias or not other.alias:
            yield Fault(row.line, "alias", "alias-needed", {"row": other.line})
    if shared:
        keys = Counter((row.phone, row.alias) for row in rows)
        doubles = [row for row in rows if row.alias and keys[row.phone, row.alias] > 1]
        yield from (Fault(row.line, "alias", "alias-double") for row in doubles)


def _doubles(rows: Sequence[Row], column: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for row in rows:
        value = getattr(row, column)
        if value in seen:
            yield Fault(row.line, column, "double", {"row": seen[value]})
        seen.setdefault(value, row.line)
