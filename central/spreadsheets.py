"""Tables out of files that people upload: CSV in UTF-8, or the first sheet of an XLSX, XLS or ODS workbook."""

from __future__ import annotations

from . import workbooks
from .roster import BadRoster, Fault, lines_of
from .workbooks import BadWorkbook

MOST_LINES = 50_000
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


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
    """All lines, if there is anything in them."""
    try:
        lines = workbooks.read(data)
    except BadWorkbook as error:
        raise _unreadable(f"no workbook that can be read: {error}") from None
    return lines if any(any(line) for line in lines) else []


def _unreadable(problem: str) -> BadRoster:
    return BadRoster([Fault(None, "", "unreadable", {"problem": problem})])
