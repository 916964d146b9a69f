"""Files to take along: whole, harmless in a spreadsheet, readable by programs, with no more than was asked for."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from central import exports, fleet
from central.database import Database
from central.exports import Format
from central.ingest import Ingest
from central.queries import Wanted
from central.roster import Row, rows_of, store
from central.spreadsheets import read
from mqtt_bridge.records import Action

from .factories import GATEWAY, NOW, OTHER, KnownKeys, batch, chain, envelope

WIB = ZoneInfo("Asia/Jakarta")
NIP = "199001012015011001"
ODD = ['=HYPERLINK("http://evil.example","x")', "+62 SUM(1)", "-2+3", "@cmd", 'A; "B", C', "Ä ñ 王"]
WORDS = {"in": "Hadir"}


@pytest.fixture
def filled(database: Database) -> Database:
    for gateway in (GATEWAY, OTHER):
        fleet.add(database, gateway, NOW)
    rows = [Row(n, f"{int(NIP) + n}", name, f"+6281234567{n:03}", GATEWAY) for n, name in enumerate(ODD)]
    store(database, rows, now=NOW)
    ids = [id_ for (id_,) in database.rows("SELECT id FROM employee ORDER BY nip")]
    for place, id_ in enumerate(ids):
        made = chain(2, journal=f"j{place}", employee=id_, messages=f"{place}", receipt="7E24")
        Ingest(database, KnownKeys()).take([envelope(batch(made, 1, 2, journal=f"j{place}"))], NOW)  # type: ignore[arg-type]
    return database


def records(database: Database, format_: Format, *, full: bool = False, **wanted: Any) -> bytes:
    table = exports.records(database, Wanted(**wanted), WORDS, full=full)
    return b"".join(exports.write(table, format_, WIB))


def roster(database: Database, format_: Format, *, full: bool = False, only: str = "") -> bytes:
    offices = frozenset({only}) if only else None
    return b"".join(exports.write(exports.roster(database, offices, full=full), format_, WIB))


def cells(data: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()


def excel(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_for_programs_as_rfc_4180_says(filled: Database) -> None:
    data = records(filled, Format.CSV, full=True)
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == 13
    found = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [row["name"] for row in found[::2]] == ODD
    assert (found[0]["nip"], found[0]["at"], found[0]["action"]) == (NIP, "2026-11-24T00:01:00Z", "in")
    assert datetime.fromisoformat(found[0]["stored"]) == NOW


def test_for_an_indonesian_excel_nothing_begins_a_formula_or_becomes_a_number(filled: Database) -> None:
    for data in (records(filled, Format.EXCEL_CSV, full=True), roster(filled, Format.EXCEL_CSV, full=True)):
        assert data.startswith(b"\xef\xbb\xbf")
        head, *lines = excel(data)
        assert "Nama" in head
        for line in lines:
            for title, cell in zip(head, line, strict=True):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (title, cell)
                assert title == "No." or not cell.replace(".", "").replace("E", "").isdigit(), (title, cell)
    first = dict(zip(*excel(records(filled, Format.EXCEL_CSV, full=True))[:2], strict=True))
    assert first["Nama"] == f"'{ODD[0]}"
    assert (first["Waktu"], first["NIP"], first["Keterangan"]) == (
        "24/11/2026 07:01:00",
        "19900101 201501 1 001",
        "Hadir",
    )
    assert first["Tanda terima"] == "No. 7E24"


def test_a_workbook_holds_text_as_text_and_times_as_times(filled: Database) -> None:
    head, *lines = cells(records(filled, Format.XLSX, full=True))
    assert [line[head.index("Nama")] for line in lines[::2]] == ODD
    assert lines[0][0] == datetime(2026, 11, 24, 7, 1)  # noqa: DTZ001 - a spreadsheet's times have no zone
    assert lines[0][head.index("NIP")] == "19900101 201501 1 001"
    assert lines[0][head.index("No.")] == 1


def test_what_one_sheet_does_not_take_is_on_the_next(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "SHEET_ROWS", 5)
    book = CalamineWorkbook.from_filelike(io.BytesIO(records(filled, Format.XLSX)))
    sheets = [book.get_sheet_by_name(name).to_python() for name in ("presensi", "presensi 2", "presensi 3")]
    assert [len(sheet) for sheet in sheets] == [6, 6, 3]
    assert sheets[0][0] == sheets[2][0]


@pytest.mark.parametrize("format_", Format)
def test_nips_and_numbers_are_masked_unless_they_are_asked_for(filled: Database, format_: Format) -> None:
    def text(data: bytes) -> str:
        return str(cells(data)) if format_ is Format.XLSX else data.decode()

    for data in (text(records(filled, format_)), text(roster(filled, format_))):
        assert NIP[:8] not in data
        assert "***************001" in data
        assert "81234567" not in data.replace("-", "")
    whole = text(roster(filled, format_, full=True)).replace("-", "").replace(" ", "")
    assert NIP in whole
    assert "81234567000" in whole


@pytest.mark.parametrize("format_", Format)
def test_a_whole_list_can_be_imported_again(database: Database, format_: Format) -> None:
    fleet.add(database, GATEWAY, NOW)
    rows = [
        Row(n, f"{int(NIP) + n}", f"Nama {n}", f"+6281234567{n:03}", GATEWAY, "ani", "off", "pagi", "en")
        for n in range(3)
    ]
    store(database, rows, now=NOW)
    again = rows_of(read(roster(database, format_, full=True)), {GATEWAY})
    assert sorted(
        (row.nip, row.name, row.phone, row.alias, row.presence, row.shift, row.language) for row in again
    ) == [(row.nip, row.name, row.phone, row.alias, row.presence, row.shift, row.language) for row in rows]


def test_only_what_is_wanted(filled: Database) -> None:
    def count(**wanted: Any) -> int:
        return len(excel(records(filled, Format.EXCEL_CSV, **wanted))) - 1

    assert count() == 12
    assert count(gateway=OTHER) == 0
    assert count(start=NOW - timedelta(minutes=58)) == 6
    assert count(offices=frozenset({OTHER})) == count(offices=frozenset()) == 0
    assert count(offices=frozenset({GATEWAY})) == 12
    assert len(excel(roster(filled, Format.EXCEL_CSV, only=OTHER))) == 1


def test_numbers_that_are_bound_to_nobody_are_masked(database: Database) -> None:
    made = chain(1, employee="+6281234567890", action=Action.REGISTER)
    Ingest(database, KnownKeys()).take([envelope(batch(made, 1, 1))], NOW)  # type: ignore[arg-type]
    assert b"81234567890" not in records(database, Format.CSV, full=True)


def test_a_year_takes_no_more_memory_than_a_day(tmp_path: Path) -> None:
    """Pages of records are fetched and written as they go."""
    database = Database(f"sqlite:///{tmp_path}/central.db")
    columns = "gateway journal seq employee action at received channel presence flags receipt fingerprint hash stored"
    rest = ("in", 1, 1, "sms", "none", "", "K7QF", "", "", 1)
    for start in range(0, 6000, 1000):
        rows = [(GATEWAY, "j", start + n, f"e-{n}", *rest) for n in range(1000)]
        database.insert_all("record", columns.split(), rows)
    for format_ in Format:
        table = exports.records(database, Wanted(), WORDS, full=False)
        pieces: Iterator[bytes] = exports.write(table, format_, WIB)
        tracemalloc.start()
        size = sum(len(piece) for piece in pieces)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size > 200_000
        assert peak < 3_000_000, (format_, peak)
    database.close()
