"""A modem that says what a transcript says, behind a pseudo terminal. There is neither SIM nor network behind it."""

from __future__ import annotations

import os
import re
import select
import threading
import tty
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

FOLDER = Path(__file__).with_name("transcripts")

# What any modem answers as far as the transcript does not say: 3GPP TS 27.005 and 27.007, nothing stored, at home.
USUAL = {
    "AT+CGMI": ["Nobody", "OK"],
    "AT+CGMM": ["Nothing", "OK"],
    "AT+CGMR": ["1", "OK"],
    "AT+CGSN": ["350000000000006", "OK"],
    "AT+CSCS?": ['+CSCS: "GSM"', "OK"],
    "AT+CSCS=?": ['+CSCS: ("GSM")', "OK"],
    "AT+CPIN?": ["+CPIN: READY", "OK"],
    "AT+CSQ": ["+CSQ: 17,99", "OK"],
    "AT+CREG?": ["+CREG: 0,1", "OK"],
    "AT+CGREG?": ["+CGREG: 0,1", "OK"],
    "AT+CGATT?": ["+CGATT: 1", "OK"],
    "AT+COPS?": ['+COPS: 0,2,"51010"', "OK"],
    "AT+CPMS=?": ['+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', "OK"],
    "AT+CMGL=4": ["OK"],
    "AT+CMGF=?": ["+CMGF: (0,1)", "OK"],
}
REFUSED = ("AT+MODE", "AT+CPROT", "AT+SYNCML", "AT$", "AT^")


@dataclass
class Dialogue:
    command: str
    before: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass
class Transcript:
    """What was said, and what the driver must make of it."""

    name: str
    dialogues: list[Dialogue]
    expected: dict[str, str]


def read(path: Path) -> Transcript:
    """As transcripts/README.txt describes it. AssertionError for a file that names no source or has no end."""
    text = path.read_text()
    assert "# Source: " in text, path
    dialogues: list[Dialogue] = []
    expected: dict[str, str] = {}
    for line in text.splitlines():
        sign, said = line[:1], line[2:]
        if sign == ">":
            dialogues.append(Dialogue(said))
        elif sign in "!<~":
            last = dialogues[-1]
            {"!": last.before, "<": last.answer, "~": last.after}[sign].append(said)
        elif sign == "=":
            name, _, value = said.partition(" ")
            expected[name] = value
    assert all(dialogue.answer for dialogue in dialogues), path
    return Transcript(path.stem, dialogues, expected)


TRANSCRIPTS = [read(path) for path in sorted(FOLDER.glob("*-*.txt"))]


class ScriptedModem:
    """Answers at `device` while it is entered; the same command has the same answer each time. `heard` keeps them."""

    def __init__(self, device: Path, dialogues: list[Dialogue], usual: Mapping[str, list[str]] = USUAL) -> None:
        self._device = device
        self._dialogues = {dialogue.command: dialogue for dialogue in dialogues}
        self._usual = usual
        self._line = b""
        self.heard: list[str] = []
        self._store, self._counts = "SM", "0,50"
        self._stop_read, self._stop_write = os.pipe()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        device.symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        os.close(self._stop_write)
        self._thread.join()
        self._device.unlink()
        for descriptor in (self._stop_read, self._master, self._slave):
            os.close(descriptor)

    def _serve(self) -> None:
        while True:
            readable, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in readable:
                return
            for octet in os.read(self._master, 1024):
                self._take(bytes([octet]))

    def _take(self, octet: bytes) -> None:
        if octet == b"\x1b":
            self._line = b""
        elif octet == b"\r":
            line, self._line = self._line.decode("latin-1"), b""
            if line:
                self._answer(line)
        else:
            self._line += octet

    def _answer(self, command: str) -> None:
        self.heard.append(command)
        said = self._said(command)
        if chosen := re.match(r'AT\+CPMS="(\w\w)"', command):
            counted = re.match(r"\+CPMS: (\d+,\d+)", said.answer[0])
            self._store, self._counts = chosen[1], counted[1] if counted else "0,50"
        before = "".join(f"\r\n{line}\r\n" for line in said.before)
        lines, result = said.answer[:-1], said.answer[-1]
        shown = "\r\n".join(lines)
        answer = (f"\r\n{shown}\r\n" if lines else "") + f"\r\n{result}\r\n"
        after = "".join(f"\r\n{line}\r\n" for line in said.after)
        os.write(self._master, f"{before}{command}\r{answer}{after}".encode("latin-1"))

    def _said(self, command: str) -> Dialogue:
        """What the transcript has for it; programs name one, two or three stores, and mean the first."""
        if command == "AT+CMGL=4" and self._counts.startswith("0,"):
            return Dialogue(command, answer=["OK"])
        if store := re.match(r'AT\+CPMS="\w\w"', command):
            command = next((each for each in self._dialogues if each.startswith(store[0])), command)
        known = self._dialogues.get(command)
        if known and known.answer[0].startswith("+CMGR: ") and self._counts.startswith("0,"):
            known = None  # it lies in the other store
        return known or Dialogue(command, answer=self._otherwise(command))

    def _otherwise(self, command: str) -> list[str]:
        if command in self._usual:
            return self._usual[command]
        if command == "AT+CPMS?":
            return ["+CPMS: " + ",".join([f'"{self._store}",{self._counts}'] * 3), "OK"]
        if command.startswith("AT+CPMS="):
            return ["+CPMS: 0,50,0,50,0,50", "OK"]
        if command.startswith("AT+CMGR="):
            return ["+CMS ERROR: 321"]
        return ["ERROR"] if command.startswith(REFUSED) else ["OK"]
