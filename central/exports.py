"""Records and employees as files: a workbook, CSV as an Indonesian Excel opens it, and CSV by RFC 4180 for programs.

Rows are fetched and written as they go, so that a year of a city takes no more memory than a day. The only file of
central that imports xlsxwriter.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import IO, Any
from zoneinfo import ZoneInfo

import xlsxwriter

from mqtt_bridge.phones import masked, spoken

from . import people, queries
from .database import Database
from .people import Employee
from .queries import Entry, Wanted
from .roster import FORMULA

PAGE = 500  # rows fetched at once
CHUNK = 65_536
SHEET_ROWS = 1_048_575  # below the titles; xlsxwriter drops what is beyond without a word


class Format(StrEnum):
    XLSX = "xlsx"
    EXCEL_CSV = "excel-csv"
    CSV = "csv"

    @property
    def mime(self) -> str:
        return XLSX_TYPE if self is Format.XLSX else "text/csv; charset=utf-8"

    @property
    def suffix(self) -> str:
        return "xlsx" if self is Format.XLSX else "csv"


XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Column:
    """`plain` is for programs, `title` and `shown` for people; both get the row."""

    name: str
    title: str
    plain: Callable[[Any], Any]
    shown: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: Sequence[Column]
    rows: Iterable[Any]


def masked_nip(nip: str) -> str:
    """Without date of birth and sex: `***************001`."""
    return "*" * 15 + nip[-3:] if len(nip) == 18 else "*" * len(nip)


def spoken_nip(nip: str) -> str:
    """As it is written, and as no spreadsheet takes it for a number: `19900101 201501 1 001`."""
    return f"{nip[:8]} {nip[8:14]} {nip[14]} {nip[15:]}" if len(nip) == 18 and nip.isdigit() else nip


def records(database: Database, wanted: Wanted, words: dict[str, str], *, full: bool) -> Table:
    """`words` are those for actions; `full` gives whole NIPs."""
    columns = (
        Column("at", "Waktu", lambda row: row[0].at),
        Column("nip", "NIP", *_nip(lambda row: row[1], full=full)),
        Column("name", "Nama", lambda row: row[0].name or _who(row[0])),
        Column("action", "Keterangan", *_in_words(words)),
        # Some of them would be numbers or dates to a spreadsheet: 7E24, 5MAR.
        Column("receipt", "Tanda terima", lambda row: row[0].receipt, lambda row: f"No. {row[0].receipt}"),
        Column("gateway", "Gateway", lambda row: row[0].gateway),
        Column("channel", "Lewat", lambda row: row[0].channel),
        Column("presence", "Bukti tempat", lambda row: row[0].presence),
        Column("flags", "Tanda", lambda row: " ".join(row[0].flags)),
        Column("stored", "Sampai di pusat", lambda row: row[0].stored),
        Column("employee", "Id", lambda row: _who(row[0])),
        Column("journal", "Jurnal", lambda row: row[0].journal),
        Column("seq", "No.", lambda row: row[0].seq),
    )
    return Table("presensi", columns, _records(database, wanted))


def roster(database: Database, offices: frozenset[str] | None, *, full: bool) -> Table:
    """`full` gives whole NIPs and phone numbers; as such it can be imported again."""
    phone = (lambda row: row.phone, lambda row: spoken(row.phone)) if full else (_masked_phone, _masked_phone)
    columns = (
        Column("nip", "NIP", *_nip(lambda row: row.nip, full=full)),
        Column("name", "Nama", lambda row: row.name),
        Column("phone", "HP", *phone),
        Column("gateway", "Gateway", lambda row: row.gateway),
        Column("alias", "Panggilan", lambda row: row.alias),
        Column("presence", "Kode", lambda row: row.presence),
        Column("shift", "Shift", lambda row: row.shift),
        Column("language", "Bahasa", lambda row: row.language),
    )
    return Table("pegawai", columns, _employees(database, offices))


def write(table: Table, format_: Format, zone: ZoneInfo) -> Iterator[bytes]:
    """The file, piece by piece."""
    if format_ is Format.XLSX:
        return _workbook(table, zone)
    return _csv(table, zone, for_excel=format_ is Format.EXCEL_CSV)


def _csv(table: Table, zone: ZoneInfo, *, for_excel: bool) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";" if for_excel else ",", lineterminator="\r\n")
    writer.writerow([column.title if for_excel else column.name for column in table.columns])
    if for_excel:
        yield b"\xef\xbb\xbf"  # without it, Excel takes UTF-8 for another code
    for row in table.rows:
        values = [_shown(column, row) if for_excel else column.plain(row) for column in table.columns]
        writer.writerow([_for_excel(value, zone) if for_excel else _for_programs(value) for value in values])
        if buffer.tell() > CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _workbook(table: Table, zone: ZoneInfo) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        _write_workbook(file, table, zone)
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece


def _write_workbook(file: IO[bytes], table: Table, zone: ZoneInfo) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        time = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        sheet = _sheet(book, table.name, table.columns)
        for number, row in enumerate(table.rows):
            if number and number % SHEET_ROWS == 0:
                sheet = _sheet(book, f"{table.name} {number // SHEET_ROWS + 1}", table.columns)
            for place, column in enumerate(table.columns):
                _write_cell(sheet, number % SHEET_ROWS + 1, place, _shown(column, row), zone, time)


def _sheet(book: Any, name: str, columns: Sequence[Column]) -> Any:
    sheet, bold = book.add_worksheet(name), book.add_format({"bold": True})
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.title, bold)
    sheet.set_column(0, len(columns) - 1, 18)
    sheet.freeze_panes(1, 0)
    return sheet


def _write_cell(sheet: Any, line: int, place: int, value: Any, zone: ZoneInfo, time: Any) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(line, place, value.astimezone(zone).replace(tzinfo=None), time)
    elif isinstance(value, int):
        sheet.write_number(line, place, value)
    else:
        sheet.write_string(line, place, str(value))


def _shown(column: Column, row: Any) -> Any:
    return (column.shown or column.plain)(row)


def _for_excel(value: Any, zone: ZoneInfo) -> str:
    """As text that stays text: what would begin a formula gets a ' before it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%d/%m/%Y %H:%M:%S}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _for_programs(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _nip(of: Callable[[Any], str], *, full: bool) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    if full:
        return of, lambda row: spoken_nip(of(row))
    return (lambda row: masked_nip(of(row))), (lambda row: masked_nip(of(row)))


def _in_words(words: dict[str, str]) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    return (lambda row: row[0].action), (lambda row: words.get(row[0].action, row[0].action))


def _masked_phone(row: Employee) -> str:
    return masked(row.phone)


def _who(entry: Entry) -> str:
    return masked(entry.employee) if entry.employee.startswith("+") else entry.employee


def _records(database: Database, wanted: Wanted) -> Iterator[tuple[Entry, str]]:
    """With the NIP of each, empty where nobody is known."""
    after = 0
    while True:
        page = queries.records(database, wanted.behind(after), PAGE)
        nips = people.nips(database, {entry.employee for entry in page})
        yield from ((entry, nips.get(entry.employee, "")) for entry in page)
        if len(page) < PAGE:
            return
        after = page[-1].id


def _employees(database: Database, offices: frozenset[str] | None) -> Iterator[Employee]:
    after = ""
    while True:
        page = people.by_id(database, after, PAGE, active=True, offices=offices)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id
