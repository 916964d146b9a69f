from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import it
from gateway.core import Core
from gateway.decision import Outcome
from gateway.journal import Journal
from modem.simulator import gsm7
from mqtt_bridge.records import ModemReport, Policy, Reason, Status, UplinkReport

from .factories import MORNING, OTHER, PHONE, desired
from .factories import journal as new_journal
from .fakes import FakeClock, FakeModem

IT = "+6281211112222"
WIB = ZoneInfo("Asia/Jakarta")
STATUS = Status(
    gateway="dinkes-01", journal="4d1c9f00a1b2c3d4", at=MORNING, started=MORNING, version="0.1.0", reasons=(),
    modem=ModemReport(state="home", signal=61, operator="TELKOMSEL"), last_seq=12, delivered=5, replies_waiting=0,
    complete_until=MORNING, desired=1, clock_trusted=True,
)  # fmt: skip


def summary(*reasons: str, **changes: object) -> str:
    given_ = tuple(Reason(code="x", text=text) for text in reasons)
    return it.summary(msgspec.structs.replace(STATUS, reasons=given_, **changes), WIB)


def test_a_gateway_that_is_well_says_so() -> None:
    assert summary() == "dinkes-01 24/11 07:21: baik. Antre 7, sinyal 61%."
    by_sms = UplinkReport(today=3, month=9, held=55)
    assert summary(uplink=by_sms) == "dinkes-01 24/11 07:21: baik. Antre 7, sinyal 61%, SMS ke pusat 3."


def test_what_is_wrong_is_said_without_its_remedy() -> None:
    link = "Broker pusat tidak bisa dijangkau; periksa jaringan data (timed out)"
    assert summary(link, "Memori SMS penuh: 50 dari 50") == (
        "dinkes-01 24/11 07:21: Broker pusat tidak bisa dijangkau; Memori SMS penuh: 50 dari 50. Antre 7, sinyal 61%."
    )


def test_what_does_not_fit_is_counted() -> None:
    text = summary("Modem tidak menjawab", *(f"Masalah yang ke-{number} dari banyak" for number in range(9)))
    assert text.startswith("dinkes-01 24/11 07:21: Modem tidak menjawab; Masalah yang ke-0 dari banyak;")
    assert "(+7 lagi). Antre" in text


@given(st.lists(st.text(max_size=200), max_size=12), st.integers(0, 2**53), st.none() | st.integers(0, 100))
def test_it_is_always_one_sms(reasons: list[str], last: int, signal: int | None) -> None:
    modem = ModemReport(state="home", signal=signal)
    text = summary(*reasons, gateway="x" * 64, last_seq=last, modem=modem)
    assert gsm7.fits(text)
    assert len(gsm7.septets(text)) <= 160


# Over the journal


class Bench:
    def __init__(self, folder: Path) -> None:
        self.modem, self.clock, self.journal = FakeModem(), FakeClock(), new_journal(folder)
        self.journal.apply(
            msgspec.structs.replace(desired(), policy=Policy(it_numbers=(IT, PHONE), answers_per_day=3))
        )
        self.core = Core(self.modem, self.journal, self.clock, folder)

    def text(self, number: str, text: str) -> Outcome:
        at = self.clock.moment.wall + timedelta(seconds=1)
        self.clock.moment = replace(self.clock.moment, wall=at)
        self.modem.put(1, text, number, at)
        while self.core.step_modem():
            pass
        return self.journal.log(1)[0].outcome


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


@pytest.mark.parametrize("text", ["STATUS", " status ", "Tes", "test"])
def test_who_is_of_it_may_ask(bench: Bench, text: str) -> None:
    assert bench.text(IT, text) is Outcome.IT
    (sms,) = bench.modem.sent
    assert sms.number == IT
    assert sms.text.startswith("dinkes-01 24/11 07:21: Belum tersambung ke pusat: kunci publik pusat belum dibaca.")


def test_nobody_else_may_ask(bench: Bench) -> None:
    assert bench.text(OTHER, "STATUS") is not Outcome.IT
    assert not any("dinkes-01" in sms.text for sms in bench.modem.sent)


def test_who_is_of_it_is_an_employee_too(bench: Bench) -> None:
    assert bench.text(PHONE, "HADIR") is Outcome.RECORDED
    assert bench.text(PHONE, "STATUS") is Outcome.IT
    assert bench.text(IT, "HADIR") is Outcome.UNKNOWN_SENDER


def test_two_machines_that_ask_each_other_stop(bench: Bench) -> None:
    for _ in range(5):
        assert bench.text(IT, "STATUS") is Outcome.IT
    assert len(bench.modem.sent) == 3


def test_a_question_before_the_first_roster_is_answered_with_it(tmp_path: Path) -> None:
    journal: Journal = new_journal(tmp_path)
    modem = FakeModem()
    core = Core(modem, journal, FakeClock(), tmp_path)
    modem.put(1, "STATUS", IT)
    assert core.step_modem()
    journal.apply(msgspec.structs.replace(desired(), policy=Policy(it_numbers=(IT,))))
    while core.step_modem():
        pass
    assert [sms.number for sms in modem.sent] == [IT]
    journal.close()
