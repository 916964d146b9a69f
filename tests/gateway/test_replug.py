"""The modem is pulled out and put back while it sends and reads, with the real driver in its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway import sender
from gateway.clock import SystemClock
from gateway.core import Core
from gateway.outbox import Delivery
from gateway.store import JournalError
from modem.messages import ModemError
from modem.worker import ModemWorker
from mqtt_bridge.loop import Loop
from mqtt_bridge.records import Desired, Member, Policy
from tests.simulated import Simulator
from tests.waiting import eventually

from .factories import MORNING, journal

PHONES = [f"+62812345670{number:02}" for number in range(40)]
WAITS = (0.2, 0.4, 0.6, 0.8)  # in place of the production's minutes; as many


class Office:
    """A gateway as `gardu-gateway run` steps it, and its outbox as another process sees it."""

    def __init__(self, folder: Path, simulator: Simulator, policy: Policy) -> None:
        self._file = folder / "journal.db"
        self.simulator = simulator
        self.modem = ModemWorker(str(simulator.device), pause=0.2)
        self.journal = journal(folder)
        roster = tuple(Member(employee=f"e-{number}", phone=phone) for number, phone in enumerate(PHONES))
        self.journal.apply(Desired(gateway="dinkes-01", version=1, issued=MORNING, roster=roster, policy=policy))
        self.core = Core(self.modem, self.journal, SystemClock(), folder)
        self._loop = Loop("modem", self._step, 0.0, expected=(ModemError, JournalError))

    def _step(self) -> bool:
        return self.core.step_modem() or self.core.sides[0].wait(0.2)

    def start(self) -> None:
        self.modem.status()
        self._loop.start()

    def stop(self) -> None:
        self.modem.close()
        self._loop.stop(20)
        self.journal.close()

    def outbox(self) -> dict[str, tuple[Delivery, int]]:
        """Number → state and attempts."""
        with closing(sqlite3.connect(self._file)) as database:
            rows = database.execute("SELECT number, state, attempts FROM outbox").fetchall()
        return {number: (Delivery(state), attempts) for number, state, attempts in rows}

    def sending(self) -> bool:
        return any(state is Delivery.SENDING for state, _ in self.outbox().values())

    def replug(self) -> None:
        self.simulator.kill()
        eventually(lambda: self.core.status().modem.state == "absent")
        self.simulator.start()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path / "network") as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqtt_bridge.loop.BACKOFF", (0.2,))
    assert len(WAITS) == len(sender.RETRY_AFTER)
    monkeypatch.setattr(sender, "RETRY_AFTER", WAITS)


def test_replies_end_as_sent_or_failed_and_go_out_no_more_often_than_they_may(
    tmp_path: Path, simulator: Simulator
) -> None:
    office = Office(tmp_path, simulator, Policy())
    office.start()
    for phone in PHONES[:6]:
        simulator.text(phone, "HADIR")
    for _ in range(3):
        eventually(office.sending)
        office.replug()
    eventually(lambda: len(office.outbox()) == 6 and not office.journal.unsent(1), seconds=90)
    for phone, (state, attempts) in office.outbox().items():
        copies = len(simulator.answers(phone))
        assert attempts <= len(WAITS) + 1
        assert copies <= attempts
        assert state is Delivery.FAILED or copies >= 1, "said to be sent, and it was not"
    assert sum(attempts for _, attempts in office.outbox().values()) >= 6 + 2, "it was never in the middle of sending"
    assert office.journal.position().last == 6
    office.stop()


@pytest.mark.slow
def test_a_modem_that_never_comes_back_for_a_reply_costs_a_limited_number_of_copies(
    tmp_path: Path, simulator: Simulator
) -> None:
    """Pulled in the middle of each attempt: nobody knows whether it went out, so it is tried again, and given up."""
    office = Office(tmp_path, simulator, Policy())
    office.start()
    simulator.text(PHONES[0], "HADIR")
    eventually(office.outbox)
    pulled = 0
    while office.journal.unsent(1):
        if eventually(lambda: office.sending() or not office.journal.unsent(1)) and office.sending():
            office.replug()
            pulled += 1
    ((state, attempts),) = office.outbox().values()
    copies = len(simulator.answers(PHONES[0]))
    assert pulled >= 2, "it was never in the middle of sending"
    assert copies <= attempts <= len(WAITS) + 1
    assert state is Delivery.FAILED or copies >= 1
    office.stop()


def test_what_was_being_read_and_deleted_is_neither_lost_nor_doubled(tmp_path: Path, simulator: Simulator) -> None:
    office = Office(tmp_path, simulator, Policy(answers_per_day=0))
    office.modem.status()
    for number, phone in enumerate(PHONES):
        simulator.text(phone, "HADIR")
        simulator.text(phone, f"SANGGAH kemarin saya pulang jam {number}")
    eventually(lambda: simulator.state()["used"] >= 50)
    office.start()
    for done in (1, 30):
        eventually(lambda least=done: office.journal.position().last >= least)
        office.replug()
    eventually(lambda: office.journal.position().last == 2 * len(PHONES), seconds=60)
    eventually(simulator.taken)
    records = office.journal.records(0, 1000)
    assert len({record.fingerprint for record in records}) == len(records) == 2 * len(PHONES)
    office.stop()
