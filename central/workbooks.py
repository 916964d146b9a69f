"""The first sheet of an XLSX, XLS or ODS workbook, read by a process of its own under limits of memory and time.

A workbook of a few bytes can ask for more than the machine has, and the library then ends the process that it is in:
that must not be the collector. The only file of central that imports python_calamine.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook

LOST = "~"  # before a number that a spreadsheet does not know to its last digit
MEMORY = 512_000_000  # bytes of addresses; a list of 50,000 employees takes a quarter
SECONDS = 20
_EXACT = 2**53  # beyond, a spreadsheet's numbers have lost digits


class BadWorkbook(ValueError):
    """No workbook that can be read; the message says why."""


def read(data: bytes) -> list[list[str]]:
    """Its lines, with empty ones before the first cell, so that they are numbered as people see them.

    Raises `BadWorkbook`.
    """
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise BadWorkbook("it needs more memory or time than any list of employees") from None
    found = msgspec.json.decode(done.stdout, type=list[list[str]] | str)
    if isinstance(found, str):
        raise BadWorkbook(found)
    return found


def main() -> None:
    """In the process of its own: the lines, or as a mere text what is wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found: list[list[str]] | str
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        found = [[_text(cell) for cell in line] for line in sheet]
    except (CalamineError, OSError, ValueError, IndexError) as error:
        found = str(error)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _text(cell: Any) -> str:
    """As it was typed: 81234567890.0 was no fraction."""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, (int, float)) and cell == int(cell):
        return (LOST if abs(cell) > _EXACT else "") + str(int(cell))
    return str(cell)


if __name__ == "__main__":
    main()
