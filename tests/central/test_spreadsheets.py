"""Lists of employees as people keep them: workbooks and CSV of all kinds, and what is wrong with them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
import xlsxwriter

from central.roster import FAULTS, BadRoster, rows_of
from central.spreadsheets import MOST_LINES, read
from central.web import words

HEAD = ("NIP", "Nama", "HP", "Gateway")
ANI = ("199001012015011001", "Ani Contoh", "081234567890", "dinkes-01")


def workbook(*lines: Sequence[Any], first: int = 0, column: int = 0) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate(lines, first):
            sheet.write_row(number, column, line)
        book.add_worksheet("second").write_row(0, 0, ("nothing",))
    return file.getvalue()


def rows(data: bytes) -> list[tuple[str, ...]]:
    found = rows_of(read(data), {"dinkes-01"})
    return [(row.nip, row.name, row.phone, row.gateway) for row in found]


def faults(data: bytes) -> list[str]:
    with pytest.raises(BadRoster) as caught:
        rows_of(read(data), {"dinkes-01"})
    assert all(words.fault_said(fault) for fault in caught.value.found)
    return caught.value.faults


GOOD = [("199001012015011001", "Ani Contoh", "+6281234567890", "dinkes-01")]


@pytest.mark.parametrize(
    "data",
    [
        workbook(HEAD, ANI),
        workbook(HEAD, (ANI[0], ANI[1], 81234567890, ANI[3])),
        workbook(HEAD, ("19900101 201501 1 001", " Ani\tContoh ", "0812-3456-7890", ANI[3]), (), ("", "", "", "")),
        ("\ufeff" + ";".join(HEAD) + "\r\n" + ";".join(ANI) + "\r\n").encode(),
        (",".join(HEAD) + "\n" + ",".join(ANI)).encode(),
    ],
    ids=["text", "phone as number", "spaced", "Excel's CSV", "CSV"],
)
def test_the_same_list_in_its_forms(data: bytes) -> None:
    assert rows(data) == GOOD


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    assert faults(workbook(HEAD, ANI, (), ("1", "Budi", "08129876543", "dinkes-01"))) == [
        "row 4, nip: 18 digits are needed"
    ]


def test_a_nip_that_lost_its_end_is_said_and_not_taken() -> None:
    (fault,) = faults(workbook(HEAD, (199001012015011001, *ANI[1:])))
    assert fault.startswith("row 2, nip: the spreadsheet took it for a number")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (workbook(), "the file is empty"),
        (workbook(HEAD[:2], ANI[:2]), "row 1: no column phone, gateway"),
        (b"PK\x03\x04garbage", "no workbook that can be read"),
        (b"\xd0\xcf\x11\xe0garbage", "no workbook that can be read"),
        (workbook(HEAD, ANI)[:-100], "no workbook that can be read"),
        ("nip,nama\n1,é".encode("latin-1"), "not UTF-8"),
        (b'nip,nama\n"' + b"x" * 200_000, "row 2: field larger"),
        (b"nip\n" * 50_001, "more than 50000 lines"),
    ],
)
def test_what_can_not_be_read_is_one_fault(data: bytes, said: str) -> None:
    (fault,) = faults(data)
    assert fault.startswith(said)


def rewritten(data: bytes, change: dict[bytes, bytes]) -> bytes:
    """The workbook with other bytes in its first sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            body = before.read(name)
            for old, new in change.items() if name.endswith("sheet1.xml") else ():
                assert old in body
                body = body.replace(old, new)
            after.writestr(name, body)
    return file.getvalue()


LAST_CORNER = {b'r="D2"': b'r="XFD1048576"', b'<row r="2"': b'<row r="1048576"'}


def test_a_cell_in_the_last_corner_ends_nothing_but_its_reading() -> None:
    asks_too_much(LAST_CORNER)


@pytest.mark.slow
def test_a_cell_of_600_mb_ends_nothing_but_its_reading() -> None:
    asks_too_much({b"<v>0</v>": b"<v>" + b"0" * 600_000_000 + b"</v>"})


def asks_too_much(change: dict[bytes, bytes]) -> None:
    """A small file that would take more memory than there is."""
    data = rewritten(workbook(HEAD, ANI), change)
    assert len(data) < 1_000_000
    assert "more memory or time" in faults(data)[0]


@pytest.mark.slow
def test_a_list_as_long_as_may_be_is_read() -> None:
    lines = [HEAD, *(ANI for _ in range(MOST_LINES - 1))]
    assert len(read(workbook(*lines))) == MOST_LINES


def test_every_fault_has_its_words() -> None:
    assert set(FAULTS) == set(words.FAULTS)
