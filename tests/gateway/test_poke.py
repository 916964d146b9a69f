"""The SMS that makes the SMS centre bring what it kept: after an outage, rarely, and never answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.core import Core
from gateway.decide import Outcome
from gateway.poke import OUTAGE, OWN, PER_DAY, RETRY, TEXT
from gateway.replies import LONGEST
from gateway.store import JournalError
from modem.messages import ModemError, Registration
from mqtt_bridge.records import Policy

from .factories import MORNING, PHONE, desired, journal
from .fakes import FakeClock, FakeModem

NUMBER, OWN_NUMBER = "+6281100009", "+6281100001"
ABSENT = ModemError("/dev/modem does not exist", gone=True)


class Office:
    def __init__(self, folder: Path, poke_number: str = NUMBER) -> None:
        self.folder = folder
        self.modem, self.clock, self.journal = FakeModem(), FakeClock(), journal(folder)
        self.journal.apply(msgspec.structs.replace(desired(), policy=Policy(poke_number=poke_number)))
        self.boot()

    def boot(self) -> None:
        self.core = Core(self.modem, self.journal, self.clock, self.folder)
        self.core.sides[0].poker.own_number = OWN_NUMBER

    def pass_time(self, seconds: float) -> None:
        """Some rounds, half a minute apart."""
        end = self.clock.moment.monotonic + seconds
        while True:
            with suppress(ModemError, JournalError):
                while self.core.step_modem():
                    pass
            now = self.clock.moment
            if now.monotonic >= end:
                return
            step = min(30.0, end - now.monotonic)
            self.clock.moment = replace(now, wall=now.wall + timedelta(seconds=step), monotonic=now.monotonic + step)

    def absent(self, seconds: float) -> None:
        self.modem.fail["receive"] = self.modem.fail["status"] = ABSENT
        self.pass_time(seconds)
        self.modem.fail.clear()
        self.pass_time(60)

    @property
    def pokes(self) -> list[str]:
        return [sms.number for sms in self.modem.sent if sms.text == TEXT]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    made.pass_time(60)
    yield made
    made.journal.close()


def test_one_goes_out_when_the_modem_is_back(office: Office) -> None:
    office.absent(OUTAGE + 60)
    assert office.pokes == [NUMBER]
    office.pass_time(3600)
    assert office.pokes == [NUMBER]


def test_a_short_outage_needs_none(office: Office) -> None:
    office.absent(OUTAGE - 120)
    assert office.pokes == []


def test_also_after_a_time_without_network(office: Office) -> None:
    office.modem.registration = Registration.SEARCHING
    office.pass_time(OUTAGE + 60)
    assert office.pokes == []
    office.modem.registration = Registration.ROAMING
    office.pass_time(60)
    assert office.pokes == [NUMBER]


def test_also_after_a_time_in_which_a_store_was_full(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be kept, so nothing is deleted: the SIM is full until the disk has room again."""

    def full(*_: object) -> list[Outcome]:
        raise JournalError("journal.db: database or disk is full")

    monkeypatch.setattr(office.journal, "admit", full)
    for slot in range(20):
        office.modem.put(slot + 1, f"HADIR {slot}", "TELKOMSEL")
    office.pass_time(OUTAGE + 60)
    monkeypatch.undo()
    office.pass_time(60)
    assert office.modem.slots == {}
    assert office.pokes == [NUMBER]


def test_a_full_store_is_no_end_of_an_outage(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise ModemError("delete: Unknown error.")

    monkeypatch.setattr(office.modem, "delete", refuse)
    for slot in range(20):
        office.modem.put(slot + 1, f"Promo {slot}", "TELKOMSEL")
    office.pass_time(OUTAGE + 60)
    assert office.pokes == []
    monkeypatch.undo()
    office.pass_time(OUTAGE)
    assert office.pokes == [NUMBER]


def test_a_reply_does_it_as_well(office: Office) -> None:
    office.modem.put(1, "HADIR", PHONE)
    office.absent(OUTAGE + 60)
    assert [sms.number for sms in office.modem.sent] == [PHONE]


def test_so_many_a_day_and_no_more_also_over_restarts(office: Office) -> None:
    for _ in range(PER_DAY + 2):
        office.absent(OUTAGE + 60)
        office.boot()
        office.pass_time(60)
    assert office.pokes == [NUMBER] * PER_DAY
    office.clock.moment = replace(office.clock.moment, wall=MORNING + timedelta(days=1))
    office.absent(OUTAGE + 60)
    assert len(office.pokes) == PER_DAY + 1


def test_it_is_tried_again_and_not_for_ever(office: Office) -> None:
    office.modem.fail["send"] = ModemError("no network")
    office.modem.registration = Registration.NONE
    office.pass_time(OUTAGE + 60)
    office.modem.registration = Registration.HOME
    office.pass_time(10 * RETRY)
    assert office.modem.called.count("send") == PER_DAY


def test_to_the_own_number_and_what_comes_back_is_not_answered(tmp_path: Path) -> None:
    office = Office(tmp_path, OWN)
    office.pass_time(60)
    office.absent(OUTAGE + 60)
    assert office.pokes == [OWN_NUMBER]
    office.modem.put(1, TEXT, OWN_NUMBER, office.clock.moment.wall)
    office.pass_time(60)
    assert (office.modem.slots, len(office.modem.sent)) == ({}, 1)
    assert office.journal.log(1)[0].outcome is Outcome.POKE
    office.journal.close()


def test_never_unless_the_policy_names_a_number_that_is_known(tmp_path: Path) -> None:
    for place, number in (("off", ""), ("unknown", OWN)):
        (tmp_path / place).mkdir()
        office = Office(tmp_path / place, number)
        office.core.sides[0].poker.own_number = ""
        office.pass_time(60)
        office.absent(OUTAGE + 60)
        assert office.pokes == []
        office.journal.close()


def test_the_text_is_one_sms() -> None:
    assert len(TEXT) <= LONGEST
    assert TEXT.isascii()
