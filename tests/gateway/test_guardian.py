"""The guardian over a journal of its own: when it asks, what it keeps, and what people are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core import Core
from gateway.guardian import BUSY, RETRY, SETTLE, UNANSWERED, Guardian, SimSettings, busy
from gateway.health import rupiah
from gateway.journal import Journal
from modem import operators
from modem.driver import GammuModem
from modem.messages import ModemError, Registration, UssdAnswer, UssdStatus
from tests.simulated import Simulator

from .factories import PHONE, RULES, desired, journal
from .fakes import FakeClock, FakeModem

OPERATORS = operators.load()
NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 12:00 WIB
DAY = 86_400.0
NEXT = 27 * 3600.0  # the interval with all of its jitter, and not in a busy hour


class Bench:
    def __init__(self, folder: Path, settings: SimSettings | None = None) -> None:
        self.modem = FakeModem()
        self.clock = FakeClock(replace(FakeClock().moment, wall=NOON))
        self.journal: Journal = journal(folder)
        self.journal.apply(desired())
        self.folder = folder
        self.settings = settings or SimSettings()
        self.boot()

    def boot(self) -> None:
        self.core = Core(self.modem, self.journal, self.clock, self.folder)
        self.core.sides[0].guardian = Guardian(self.modem, self.journal, OPERATORS, self.settings)

    def step(self, after: float = 0.0) -> bool:
        now = self.clock.moment
        self.clock.moment = replace(now, wall=now.wall + timedelta(seconds=after), monotonic=now.monotonic + after)
        return self.core.step_modem()

    def run(self, after: float = 0.0) -> None:
        while self.step(after):
            after = 0.0

    def answer(self, text: str, status: UssdStatus = UssdStatus.DONE) -> None:
        self.modem.answer = UssdAnswer(status, text)

    def codes(self) -> set[str]:
        return {reason.code for reason in self.core.status().reasons} - {"link"}

    def text(self, code: str) -> str:
        return next(reason.text for reason in self.core.status().reasons if reason.code == code)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_it_asks_the_operator_of_the_sim_once_a_day(bench: Bench) -> None:
    bench.run()
    assert bench.modem.dialled == []  # the modem has just come up
    bench.run(SETTLE)
    assert bench.modem.dialled == [("*888#",)]
    bench.run(DAY - 1)
    assert len(bench.modem.dialled) == 1
    bench.run(NEXT - DAY)
    assert len(bench.modem.dialled) == 2
    report = bench.core.status().sim
    assert report
    assert (report.balance, report.valid_until, report.days_left) == (25_000, date(2027, 12, 31), 401)
    assert bench.codes() == set()


def test_a_restart_does_not_ask_again_and_knows_what_was_told(bench: Bench) -> None:
    bench.run()
    bench.run(SETTLE)
    bench.boot()
    bench.run()
    bench.run(2 * SETTLE)
    assert len(bench.modem.dialled) == 1
    assert bench.core.status().sim is not None
    bench.run(NEXT)
    assert len(bench.modem.dialled) == 2


def test_another_sim_is_another_matter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    bench.run(SETTLE)
    status = bench.modem.status
    monkeypatch.setattr(bench.modem, "status", lambda: replace(status(), imsi=""))
    bench.run(60)
    assert bench.core.status().sim is not None  # the modem only failed to say
    monkeypatch.setattr(bench.modem, "status", lambda: replace(status(), imsi="510890000000001"))
    bench.run(60)
    assert bench.core.status().sim is None
    bench.run(SETTLE)
    assert bench.modem.dialled == [("*888#",), ("*111#",)]


def test_it_waits_while_everybody_checks_in(bench: Bench) -> None:
    bench.clock.moment = replace(bench.clock.moment, wall=NOON.replace(hour=23, minute=35))  # 06:35 WIB
    bench.run()
    bench.run(SETTLE)
    bench.run(6000)  # 08:17
    assert bench.modem.dialled == []
    bench.run(800)
    assert len(bench.modem.dialled) == 1


@pytest.mark.parametrize(("local", "held"), [(BUSY[0][0], True), (BUSY[0][1], False), (BUSY[1][0], True)])
def test_the_busy_hours_are_local(local: object, held: bool) -> None:
    at = datetime.fromisoformat(f"2026-11-24T{local}+07:00").astimezone(UTC)
    assert busy(at, RULES.zone) is held


def test_it_waits_for_messages_and_replies(bench: Bench) -> None:
    bench.run()
    bench.modem.fail["send"] = ModemError("busy")
    bench.modem.put(1, "HADIR", PHONE)
    bench.run(SETTLE)
    assert bench.modem.dialled == []
    bench.modem.fail.clear()
    bench.run(700)
    assert len(bench.modem.sent) == 1
    assert len(bench.modem.dialled) == 1


@pytest.mark.parametrize("registration", [Registration.SEARCHING, Registration.DENIED])
def test_it_waits_for_the_network(bench: Bench, registration: Registration) -> None:
    bench.modem.registration = registration
    bench.run()
    bench.run(DAY)
    assert bench.modem.dialled == []


def test_settings_go_before_the_profile_and_zero_stands_for_never(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SimSettings(code="*123#", choices=("1", "2")))
    bench.run()
    bench.run(SETTLE)
    assert bench.modem.dialled == [("*123#", "1", "2")]
    bench.settings = SimSettings(every_hours=0)
    bench.boot()
    bench.run()
    bench.run(2 * DAY)
    assert len(bench.modem.dialled) == 1
    bench.journal.close()


def test_an_answer_that_is_not_understood_is_kept_and_shown(bench: Bench) -> None:
    bench.run()
    bench.answer("Sistem sedang sibuk")
    bench.run(SETTLE)
    assert bench.codes() == {"sim-unread"}
    assert "(Sistem sedang sibuk)" in bench.text("sim-unread")
    bench.answer("Sisa pulsa Rp 25.000")
    bench.run(NEXT)
    assert bench.codes() == set()


@pytest.mark.parametrize("refusal", [None, ModemError("dial *888#: +CME ERROR: 100")])
def test_no_answer_is_tried_again_and_told_after_a_while(bench: Bench, refusal: ModemError | None) -> None:
    bench.run()
    bench.answer("", UssdStatus.TIMEOUT)
    if refusal:
        bench.modem.fail["dial"] = refusal
    for asked in range(1, UNANSWERED + 1):
        assert bench.codes() == set()
        bench.run(SETTLE if asked == 1 else RETRY)
        assert bench.modem.called.count("dial") == asked
    assert (str(refusal) if refusal else "*888#: timeout") in bench.text("sim-unread")


def test_a_modem_that_is_gone_is_not_asked_at_once_again(bench: Bench) -> None:
    bench.run()
    bench.modem.fail["dial"] = ModemError("dial: no answer", gone=True)
    with suppress(ModemError):
        bench.run(SETTLE)
    assert bench.core.sides[0].watch.problem == "dial: no answer"
    bench.run(RETRY)
    assert bench.modem.called.count("dial") == 1
    bench.modem.fail.clear()
    bench.run(NEXT - RETRY)
    assert bench.core.status().sim is not None


@pytest.mark.parametrize(
    ("answer", "codes", "words"),
    [
        ("Pulsa Rp 4.500 s.d. 31/12/2027", {"sim-balance"}, "tinggal Rp 4.500;"),
        ("Pulsa Rp 50.000 s.d. 07/12/2026", {"sim-validity"}, "habis 13 hari lagi (07/12/2026); isi pulsa"),
        ("Pulsa Rp 50.000 s.d. 08/12/2026", set(), ""),
        ("Pulsa Rp 50.000 s.d. 30/11/2026", {"sim-validity"}, "habis 6 hari lagi (30/11/2026); segera isi pulsa"),
        ("Pulsa Rp 50.000 s.d. 24/11/2026", {"sim-validity"}, "habis hari ini"),
        ("Pulsa Rp 50.000 s.d. 23/11/2026", {"sim-validity"}, "habis sejak 23/11/2026"),
    ],
)
def test_people_are_told_before_it_ends(bench: Bench, answer: str, codes: set[str], words: str) -> None:
    bench.run()
    bench.answer(answer)
    bench.run(SETTLE)
    assert bench.codes() == codes
    assert all(words in bench.text(code) for code in codes)


def test_what_is_spent_tells_how_long_it_lasts(bench: Bench) -> None:
    bench.run()
    bench.answer("Pulsa Rp 90.000")
    bench.run(SETTLE)
    bench.answer("Pulsa Rp 50.000")
    bench.run(NEXT)
    report = bench.core.status().sim
    assert report
    assert report.days_left == 1
    assert "tinggal Rp 50.000, cukup sekitar 1 hari" in bench.text("sim-balance")


def test_rupiah() -> None:
    assert [rupiah(amount) for amount in (0, 950, 1_234_567)] == ["Rp 0", "Rp 950", "Rp 1.234.567"]


def test_by_libgammu_on_a_modem(tmp_path: Path) -> None:
    with Simulator(tmp_path) as simulator:
        simulator.sim(balance=7_500, valid_until="2026-12-01", encoding="ucs2", order="ended-first")
        modem = GammuModem(str(simulator.device))
        bench = Bench(tmp_path)
        bench.core = Core(modem, bench.journal, bench.clock, tmp_path)
        bench.core.sides[0].guardian = Guardian(modem, bench.journal, OPERATORS, SimSettings())
        bench.run()
        bench.run(SETTLE)
        report = bench.core.status().sim
        assert report
        assert (report.balance, report.valid_until, report.days_left) == (7_500, date(2026, 12, 1), 7)
        assert bench.codes() == {"sim-balance", "sim-validity"}
        modem.close()
        bench.journal.close()
