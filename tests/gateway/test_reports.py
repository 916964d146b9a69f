"""Delivery reports: they go with the reply that they mean, are never messages, and are never answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.core import Core
from gateway.decide import Outcome
from gateway.outbox import Delivery
from gateway.web.server import create_app
from modem.messages import IncomingSms, Kind, Report
from mqtt_bridge.records import Policy

from .factories import MORNING, OTHER, PHONE, desired, journal
from .fakes import FakeClock, FakeModem
from .test_web import SETTINGS

LATER = MORNING + timedelta(minutes=2)


class Desk:
    """A gateway that asks for reports."""

    def __init__(self, folder: Path, *, reports: bool = True) -> None:
        self.modem, self.clock, self.journal = FakeModem(), FakeClock(), journal(folder)
        wanted = msgspec.structs.replace(desired(), policy=Policy(delivery_reports=reports))
        self.journal.apply(wanted)
        self.core = Core(self.modem, self.journal, self.clock, folder)

    def run(self) -> None:
        while self.core.step_modem():
            pass

    def texts(self, text: str, number: str = PHONE, at: datetime = MORNING) -> int:
        """Somebody texts and is answered; returns the reference of the reply."""
        self.modem.put(1, text, number, at)
        self.run()
        return len(self.modem.sent)

    def report(
        self, reference: int, delivered: bool | None = True, number: str = PHONE, at: datetime = LATER
    ) -> None:
        report = Report(reference, delivered, at)
        self.modem.slots[1] = IncomingSms(1, number, "Delivered", MORNING, kind=Kind.REPORT, report=report)
        self.run()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.journal.close()


def test_a_report_goes_with_its_reply_and_is_no_message(desk: Desk) -> None:
    first, second = desk.texts("HADIR"), desk.texts("HADIR", OTHER)
    assert [sms.report for sms in desk.modem.sent] == [True, True]
    desk.report(first)
    desk.report(second, delivered=False, number=OTHER)
    other, mine = desk.journal.log(10)
    assert (mine.delivery, mine.delivered, mine.reported) == (Delivery.SENT, True, LATER)
    assert (other.delivered, other.reported) == (False, LATER)
    assert (desk.modem.slots, len(desk.modem.sent), desk.journal.position().last) == ({}, 2, 2)


def test_it_shows_in_the_message_log(desk: Desk) -> None:
    client = create_app(desk.core, SETTINGS).test_client()
    reference = desk.texts("HADIR")
    assert "sampai" not in client.get("/messages").text
    desk.report(reference, None)
    assert "Balasan terkirim, belum sampai 24/11 07:23:05 WIB:" in client.get("/messages").text
    desk.report(reference, delivered=False)
    assert "Balasan terkirim, tidak sampai 24/11 07:23:05 WIB:" in client.get("/messages").text
    desk.report(reference)
    assert "Balasan terkirim, sampai 24/11 07:23:05 WIB:" in client.get("/messages").text


def test_what_was_delivered_stays_so(desk: Desk) -> None:
    """Reports may overtake each other."""
    reference = desk.texts("HADIR")
    desk.report(reference)
    desk.report(reference, None, at=LATER + timedelta(minutes=1))
    assert desk.journal.log(1)[0].reported == LATER


def test_of_replies_with_the_same_reference_the_newest_is_meant(desk: Desk) -> None:
    reference = desk.texts("HADIR")
    desk.modem.sent.clear()  # the modem counts from the beginning again
    assert desk.texts("PULANG", at=MORNING + timedelta(hours=9)) == reference
    desk.report(reference)
    assert [entry.delivered for entry in desk.journal.log(10)] == [True, None]


def test_the_number_may_come_in_the_form_of_the_country(desk: Desk) -> None:
    desk.report(desk.texts("HADIR"), number=PHONE.replace("+62", "0"))
    assert desk.journal.log(1)[0].delivered


@pytest.mark.parametrize("number", [PHONE, OTHER, "TELKOMSEL", ""])
def test_a_report_of_no_reply_is_kept_and_changes_nothing(desk: Desk, number: str) -> None:
    reference = desk.texts("HADIR")
    desk.report(reference + 7, number=number)
    newest, mine = desk.journal.log(10)
    assert (newest.outcome, newest.reply, mine.delivered) == (Outcome.REPORT, None, None)
    assert (len(desk.modem.sent), desk.modem.slots) == (1, {})


def test_a_report_of_last_month_means_nothing_now(desk: Desk) -> None:
    reference = desk.texts("HADIR")
    now = desk.clock.moment
    desk.clock.moment = replace(now, wall=now.wall + timedelta(days=30))
    desk.report(reference)
    assert desk.journal.log(10)[1].delivered is None


def test_without_the_policy_nothing_is_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, reports=False)
    reference = desk.texts("HADIR")
    assert [sms.report for sms in desk.modem.sent] == [False]
    desk.report(reference)
    assert desk.journal.log(10)[1].delivered is None
    desk.journal.close()
