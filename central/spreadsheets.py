"""Tables out of files that people upload: CSV in UTF-8, or the first sheet of an XLSX, XLS or ODS workbook.

The only file of central that imports python_calamine.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from .roster import LOST, BadRoster, Fault, lines_of

LARGEST = 50_000_000  # bytes that a workbook may unpack to
MOST_LINES = 50_000
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_EXACT = 2**53  # beyond, a spreadsheet's numbers have lost digits


def read(data: bytes) -> list[list[str]]:
    """Raises `BadRoster`."""
    lines = _workbook(data) if data.startswith((_ZIP, _OLE)) else _csv(data)
    if len(lines) > MOST_LINES:
        raise _unreadable(f"more than {MOST_LINES} lines")
    return lines


def _csv(data: bytes) -> list[list[str]]:
    try:
        return lines_of(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _unreadable("not UTF-8; save it as CSV UTF-8, or as XLSX") from None


def _workbook(data: bytes) -> list[list[str]]:
    _check_size(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        # Empty rows and columns before the first cell stay, so that rows are numbered as people see them.
        sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise _unreadable(f"no workbook that can be read: {error}") from None
    return _from_first([[_text(cell) for cell in line] for line in sheet])


def _from_first(lines: Sequence[list[str]]) -> list[list[str]]:
    """All lines, if there is anything in them."""
    return list(lines) if any(any(line) for line in lines) else []


def _check_size(data: bytes) -> None:
    """Before anything is unpacked: a small file may unpack to more than there is memory."""
    if not data.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise _unreadable(f"no workbook that can be read: {error}") from None
    if size > LARGEST:
        raise _unreadable("it unpacks to more than any list of employees needs")


def _text(cell: Any) -> str:
    """As it was typed: 81234567890.0 was no fraction."""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, (int, float)) and cell == int(cell):
        return (LOST if abs(cell) > _EXACT else "") + str(int(cell))
    return str(cell)


def _unreadable(problem: str) -> BadRoster:
    return BadRoster([Fault(None, "", "unreadable", {"problem": problem})])
