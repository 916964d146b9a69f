"""SMS behaviour as dialogues that a clerk can read; each `.txt` beside this file is one.

    # what it shows
    +6281234567890 = e-ani              this number belongs to that employee
    @ 2026-11-24 07:21:05 WIB           the SMS centre's clock from here on
    +6281234567890 > HADIR              a phone texts
    < Hadir tercatat …, No. ****.       and gets this answer, with any receipt for ****
    <                                   and gets no answer
    = in 2026-11-24 07:21:05            a record was made of it, at that local time
    =                                   no record was made of it

`No. 1***` stands for the receipt of the first record of the dialogue, and so on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.decide import Rules
from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from gateway.receipts import receipt
from mqtt_bridge.records import Channel, Policy

ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
DIALOGUES = sorted(Path(__file__).parent.glob("*.txt"))


@dataclass
class Stage:
    """Where one dialogue is played."""

    journal: Journal
    employees: dict[str, str] = field(default_factory=dict)
    zone: str = "Asia/Jakarta"
    clock: datetime = datetime(2026, 1, 5, 7, tzinfo=ZoneInfo("Asia/Jakarta"))
    before: int = 0
    asked: int = 0

    def play(self, line: str) -> None:
        if match := re.fullmatch(r"(\+\d+) = (\S+)", line):
            self.employees[match[1]] = match[2]
        elif match := re.fullmatch(r"@ (.+) (WIB|WITA|WIT)", line):
            self.zone = ZONES[match[2]]
            self.clock = datetime.fromisoformat(match[1]).replace(tzinfo=ZoneInfo(self.zone))
        elif match := re.fullmatch(r"(\S+) > ?(.*)", line):
            self.text(match[1], match[2])
        elif line.startswith("<"):
            self.expect_answer(line[1:].strip())
        elif line.startswith("="):
            self.expect_record(line[1:].strip())
        else:
            raise AssertionError(f"not a line of a dialogue: {line}")

    def text(self, number: str, text: str) -> None:
        self.before = self.journal.position().last
        self.asked = max((reply.id for reply in self.journal.unsent(1000)), default=0)
        self.clock += timedelta(seconds=1)  # stamps of one SMS centre to one recipient always differ
        message = IncomingMessage(
            channel=Channel.SMS, form=Form.TEXT, sender=number, text=text, sent=self.clock - timedelta(seconds=1),
            received=self.clock + timedelta(seconds=5), clock_trusted=True,
        )  # fmt: skip
        self.journal.admit([message], Rules(self.employees, Policy(timezone=self.zone)))

    def expect_answer(self, expected: str) -> None:
        new = [reply.text for reply in self.journal.unsent(1000) if reply.id > self.asked]
        assert len(new) <= 1
        said = new[0] if new else ""
        pattern = re.sub(r"(\d?)\\\*\\\*\\\*\\?\*?", self._receipt, re.escape(expected))
        assert re.fullmatch(pattern, said), f"said {said!r}"

    def expect_record(self, expected: str) -> None:
        new = self.journal.records(after=self.before, limit=10)
        assert len(new) <= 1
        zone = ZoneInfo(self.zone)
        assert "".join(f"{each.action} {each.at.astimezone(zone):%Y-%m-%d %H:%M:%S}" for each in new) == expected

    def _receipt(self, match: re.Match[str]) -> str:
        return receipt(self.journal.id, int(match[1])) if match[1] else "[2-9A-Z]{4}"


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_dialogue(path: Path, tmp_path: Path) -> None:
    stage = Stage(Journal(tmp_path / "journal.db", "dinkes-01"))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            stage.play(line)
        except AssertionError as error:
            raise AssertionError(f"{path.name}:{number}: {line}\n{error}") from None
    stage.journal.close()


def test_there_are_dialogues() -> None:
    assert len(DIALOGUES) >= 10
