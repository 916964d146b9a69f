"""SMS behaviour as dialogues that a clerk can read; each `.txt` beside this file is one.

    # what it shows
    +6281234567890 = e-ani              this number belongs to that employee
    +6281234567890 = e-ani alias=ani    … and so on, with any of a member's settings
    +6281234567890 = nobody             this number belongs to nobody any more
    policy presence = "required"        a rule that differs from the default, in JSON
    @ 2026-11-24 07:21:05 WIB           the SMS centre's clock from here on
    wait 3 minutes
    delayed 40 minutes                  so long the network carries the next text; its time is the one before that
    +6281234567890 > HADIR CODE         a phone texts the code on the screen (CODE-5: that of five minutes ago,
                                        CODE@pustu: that on the screen of another office)
    +6281234567890 >2/3 …               a phone sends the second of three parts of a long text
    < Hadir tercatat …, No. ****.       and gets this answer, with any receipt for ****
    <                                   and gets no answer
    = in 2026-11-24 07:21:05            a record was made of it, at that local time
    = in 2026-11-24 07:21:05 with code  … with the presence code, or `by code alone`, or `by menu`
    = sick 2026-11-24 07:21:05 "demam"  … with those words
    =                                   no record was made of it

`No. 1***` stands for the receipt of the first record of the dialogue, and so on. A line that begins with two spaces
goes on with the one before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from gateway.presence import shown
from gateway.receipts import receipt
from gateway.replies import LONGEST
from gateway.rules import Rules, by_number
from modem.messages import Part
from mqtt_bridge.records import Action, Channel, Flag, Member, Policy, Presence, Record
from mqtt_bridge.sealing import public_text
from tests.gateway.factories import OFFICE, SECRET

SECRETS = {OFFICE: SECRET, "pustu": SECRET[::-1]}
SEALING_KEY = X25519PrivateKey.generate()
ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
DIALOGUES = sorted(Path(__file__).parent.glob("*.txt"))


@dataclass
class Stage:
    """Where one dialogue is played."""

    journal: Journal
    roster: list[Member] = field(default_factory=list)
    zone: str = "Asia/Jakarta"
    clock: datetime = datetime(2026, 1, 5, 7, tzinfo=ZoneInfo("Asia/Jakarta"))
    policy: dict[str, object] = field(default_factory=dict)
    carried: timedelta = timedelta()
    before: int = 0
    asked: int = 0

    def play(self, line: str) -> None:
        if match := re.fullmatch(r"(\+\d+) = nobody", line):
            self.roster = [member for member in self.roster if member.phone != match[1]]
        elif match := re.fullmatch(r"(\+\d+) = (\S+)(.*)", line):
            options = dict(option.split("=") for option in match[3].split())
            self.roster.append(msgspec.convert({"employee": match[2], "phone": match[1], **options}, Member))
        elif match := re.fullmatch(r"policy (\w+) = (.+)", line, re.DOTALL):
            self.policy[match[1]] = json.loads(match[2])
        elif match := re.fullmatch(r"(\S+) >(\d)/(\d) (.*)", line, re.DOTALL):
            self.text(match[1], match[4], Part(7, int(match[2]), int(match[3])))
        elif match := re.fullmatch(r"(\S+) > ?(.*)", line, re.DOTALL):
            self.text(match[1], match[2])
        elif line.startswith("<"):
            self.expect_answer(line[1:].strip())
        elif line.startswith("="):
            self.expect_record(line[1:].strip())
        else:
            self.pass_time(line)

    def pass_time(self, line: str) -> None:
        if match := re.fullmatch(r"@ (.+) (WIB|WITA|WIT)", line):
            self.zone = ZONES[match[2]]
            self.clock = datetime.fromisoformat(match[1]).replace(tzinfo=ZoneInfo(self.zone))
        elif match := re.fullmatch(r"(wait|delayed) (\d+) (seconds|minutes|hours|days)", line):
            span = timedelta(**{match[3]: int(match[2])})
            if match[1] == "wait":
                self.clock += span
                self.give_up_parts()
            else:
                self.carried = span
        else:
            raise AssertionError(f"not a line of a dialogue: {line}")

    def give_up_parts(self) -> None:
        if self.journal.parts_waiting():
            self._begin()
            self.journal.give_up_parts(self.clock, self.rules())

    def _begin(self) -> None:
        self.before = self.journal.position().last
        self.asked = max((reply.id for reply in self.journal.unsent(1000)), default=0)

    def text(self, number: str, text: str, part: Part | None = None) -> None:
        self._begin()
        text = self._with_codes(text)
        sent, received = self.clock, self.clock + self.carried + timedelta(seconds=6)
        self.clock += self.carried + timedelta(seconds=1)  # stamps of one SMS centre to one recipient always differ
        self.carried = timedelta()
        message = IncomingMessage(
            channel=Channel.SMS, form=Form.PART if part else Form.TEXT, sender=number, text=text, sent=sent,
            received=received, clock_trusted=True, reference=f"{part}" if part else "", part=part,
        )  # fmt: skip
        self.journal.admit([message], self.rules())

    def rules(self) -> Rules:
        policy = msgspec.convert({"timezone": self.zone, **self.policy}, Policy)
        return Rules(by_number(self.roster), policy, OFFICE, SECRETS, public_text(SEALING_KEY))

    def _with_codes(self, text: str) -> str:
        """`CODE` is what the screen shows now, `CODE-5` what it showed five minutes ago."""

        def code(match: re.Match[str]) -> str:
            at = self.clock - timedelta(minutes=int(match[2] or 0))
            return shown(SECRETS[match[1] or OFFICE], at, self.rules().policy).code

        return re.sub(r"CODE(?:@([a-z]+))?(?:-(\d+))?", code, text)

    def expect_answer(self, expected: str) -> None:
        new = [reply.text for reply in self.journal.unsent(1000) if reply.id > self.asked]
        assert len(new) <= 1
        said = new[0] if new else ""
        assert len(said) <= LONGEST
        pattern = re.sub(r"(\d*)\\\*\\\*\\\*\\?\*?", self._receipt, re.escape(expected))
        assert re.fullmatch(pattern, said), f"said {said!r}"

    def expect_record(self, expected: str) -> None:
        new = self.journal.records(after=self.before, limit=10)
        assert len(new) <= 1
        assert "".join(described(each, ZoneInfo(self.zone)) for each in new) == expected

    def _receipt(self, match: re.Match[str]) -> str:
        return receipt(self.journal.id, int(match[1])) if match[1] else "[2-9A-Z]{4}"


def described(record: Record, zone: ZoneInfo) -> str:
    """The record as a dialogue tells of it."""
    parts = [f"{record.action} {record.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"]
    if Flag.INFERRED in record.flags:
        parts.append("by code alone")
    elif record.presence is Presence.CODE:
        parts.append("with code")
    if record.channel is Channel.MENU:
        parts.append("by menu")
    if record.note and record.action is not Action.REGISTER:  # there it is sealed
        parts.append(f'"{record.note}"')
    return " ".join(parts)


def lines(text: str) -> Iterator[tuple[int, str]]:
    """What counts of a dialogue, with the number of the line on which it begins."""
    whole: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("  ") and whole:
            whole[-1] = (whole[-1][0], f"{whole[-1][1]}\n{line[2:]}")
        elif line.strip() and not line.startswith("#"):
            whole.append((number, line))
    yield from whole


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_dialogue(path: Path, tmp_path: Path) -> None:
    stage = Stage(Journal(tmp_path / "journal.db", "dinkes-01"))
    for number, line in lines(path.read_text()):
        try:
            stage.play(line)
        except AssertionError as error:
            raise AssertionError(f"{path.name}:{number}: {line}\n{error}") from None
    stage.journal.close()


def test_there_are_dialogues() -> None:
    assert len(DIALOGUES) >= 120
