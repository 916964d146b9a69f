"""What one modem does for itself, also beside another: long messages, delivery reports, waking, word of a new SMS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.core import Core
from gateway.decision import Outcome
from gateway.journal import Journal
from gateway.poke import OUTAGE, TEXT
from gateway.sender import VALIDITY
from modem.messages import IncomingSms, Kind, ModemError, OutgoingSms, Part, Report
from modem.unfitted import Unfitted
from mqtt_bridge.records import Policy

from .factories import MORNING, OTHER, PHONE, RULES, desired, journal
from .fakes import FakeClock, FakeModem
from .test_parts import LONG, pieces

NUMBER = "+6281100009"
OTHERS = ("SANGGAH saya pulang ", "17.30 dan tidak ", "lebih awal")
POLICY = Policy(delivery_reports=True, poke_number=NUMBER)
ABSENT = ModemError("/dev/modem does not exist", absent=True)


class Office:
    def __init__(self, folder: Path) -> None:
        self.modems = {"a": FakeModem(), "b": FakeModem()}
        self.clock, self.journal = FakeClock(), journal(folder)
        self.journal.apply(msgspec.structs.replace(desired(), policy=POLICY))
        self.core = Core(self.modems["a"], self.journal, self.clock, folder, name="a", more={"b": self.modems["b"]})

    def run(self, after: float = 0.0) -> None:
        now = self.clock.moment
        self.clock.moment = replace(now, wall=now.wall + timedelta(seconds=after), monotonic=now.monotonic + after)
        for place in range(2):
            with suppress(ModemError):
                while self.core.step_modem(place):
                    pass

    def away(self, name: str, seconds: float) -> None:
        """That modem is away for so long, in which the other one works."""
        self.modems[name].fail = {"receive": ABSENT, "status": ABSENT}
        for _ in range(int(seconds / 30)):
            self.run(30)
        self.modems[name].fail = {}
        self.run(30)
        self.run(30)

    def pokes(self, name: str) -> int:
        return [sms.text for sms in self.modems[name].sent].count(TEXT)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    made.run()
    yield made
    made.journal.close()


def test_parts_of_two_modems_are_never_joined(tmp_path: Path) -> None:
    held = journal(tmp_path)
    one = [replace(part, modem="a") for part in pieces()]
    other = [replace(part, modem="b") for part in pieces(OTHERS)]
    mixed = [part for pair in zip(one, reversed(other), strict=True) for part in pair]
    assert held.admit(mixed, RULES).count(Outcome.RECORDED) == 2
    assert {entry.text for entry in held.log(10)} == {"".join(texts) for texts in (LONG, OTHERS)}
    held.close()


def test_each_modem_takes_parts_and_the_watermark_waits_for_both(office: Office) -> None:
    until = office.core.complete_until
    for number, text in ((2, " SANGGAH"), (1, "kemarin")):
        office.modems["b"].put(1, text, PHONE, part=Part(9, number, 2))
        office.run(1)
        assert (office.modems["b"].slots, bool(office.journal.parts_waiting())) == ({}, number == 2)
        if number == 2:
            assert office.core.complete_until == until
    office.run(1)
    assert office.core.complete_until == office.clock.moment.wall


def test_a_report_goes_with_what_its_own_modem_sent(office: Office) -> None:
    """Both modems count the SMS that they send, and so give the same references."""
    for name, at in (("a", MORNING), ("b", MORNING + timedelta(hours=9))):
        office.modems[name].put(1, "HADIR" if name == "a" else "PULANG", PHONE, at)
        office.run(1)
    assert [[sms.number for sms in modem.sent] for modem in office.modems.values()] == [[PHONE], [PHONE]]
    told = IncomingSms(1, PHONE, "", MORNING, kind=Kind.REPORT, report=Report(1, True, MORNING))
    office.modems["a"].slots[1] = told
    office.run(1)
    second, first = office.journal.log(10)
    assert (first.delivered, second.delivered) == (True, None)


def test_only_the_modem_that_was_away_wakes_its_sms_centre(office: Office) -> None:
    office.away("b", OUTAGE + 60)
    assert (office.pokes("a"), office.pokes("b")) == (0, 1)
    office.away("a", OUTAGE + 60)
    assert (office.pokes("a"), office.pokes("b")) == (1, 1)


def test_a_reply_that_is_given_up_wakes_nobody(office: Office) -> None:
    """After a day without network the replies are too late to go out: the SMS centre must hear of us all the same."""
    office.modems["b"].fail = {"send": ModemError("no network")}
    office.modems["b"].put(1, "HADIR", OTHER)
    office.run(1)
    for modem in office.modems.values():
        modem.fail = {"receive": ABSENT, "status": ABSENT}
    office.run(OUTAGE + 60)
    office.clock.moment = replace(office.clock.moment, wall=MORNING + VALIDITY + timedelta(hours=1))
    for modem in office.modems.values():
        modem.fail = {}
    office.run()
    assert office.journal.unsent(1) == []
    assert [[sms.text for sms in modem.sent] for modem in office.modems.values()] == [[TEXT], [TEXT]]


def test_word_of_an_sms_that_is_not_there_harms_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.modems["b"], "wait", lambda _: True)
    for _ in range(20):
        assert not office.core.step_modem(1)
        assert office.core.sides[1].wait(1.0)
    office.modems["b"].put(7, "HADIR", PHONE)
    office.run()
    assert office.journal.position().last == 1


def test_a_gateway_without_a_modem_waits_and_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: Journal = journal(tmp_path)
    held.apply(msgspec.structs.replace(desired(), policy=POLICY))
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    core = Core(Unfitted(), held, FakeClock(), tmp_path)
    assert not core.step_modem()
    assert not core.sides[0].wait(1.0)
    assert waited == [1.0]
    with pytest.raises(ModemError):
        Unfitted().send(OutgoingSms(PHONE, "x"))
    held.close()
