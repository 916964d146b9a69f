"""A gateway's modem side over real libgammu and a simulated modem that can have faults, stepped by the test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.decision import Outcome
from gateway.journal import Journal
from modem.messages import ModemError
from modem.worker import ModemWorker
from mqtt_bridge.records import Member, Record
from tests.simulated import Simulator
from tests.waiting import eventually

from .factories import desired

EMPLOYEES = 60
_lives = itertools.count(1)


class Office:
    """A gateway without its collector. `restart` is what a power cut leaves; `problems` are what the modem said."""

    def __init__(self, folder: Path, simulator: Simulator, modem: ModemWorker) -> None:
        self.simulator = simulator
        self.modem = modem
        self.problems: list[ModemError] = []
        life = next(_lives)
        self.phones = [f"+62813{life:04}{number:04}" for number in range(EMPLOYEES)]
        self._folder = folder
        self._open()
        roster = tuple(Member(employee=phone, phone=phone) for phone in self.phones)
        self.journal.apply(msgspec.structs.replace(desired(), roster=roster))

    def _open(self) -> None:
        self.journal = Journal(self._folder / "journal.db", "dinkes-01")
        self.core = Core(self.modem, self.journal, SystemClock(synchronised=lambda: True), self._folder)

    def restart(self) -> None:
        self.journal.close()
        self._open()

    def step(self) -> bool:
        try:
            return self.core.step_modem()
        except ModemError as error:
            self.problems.append(error)
            return False

    def until(self, look: Callable[[], object], seconds: float = 30.0) -> None:
        """Step until it is true."""

        def step_and_look() -> object:
            self.step()
            return look()

        eventually(step_and_look, seconds)

    def settle(self) -> None:
        """Step until nothing is left to do: nothing on the way, nothing on the SIM, nothing to send."""
        self.until(lambda: not any(self.simulator.state()[name] for name in ("queued", "used")))
        self.until(lambda: not self.journal.unsent(1))

    def records(self) -> list[Record]:
        return self.journal.records(0, 1000)

    def outcomes(self) -> list[Outcome]:
        """Of all messages, oldest first."""
        return [entry.outcome for entry in reversed(self.journal.log(1000))]

    def codes(self) -> set[str]:
        return {reason.code for reason in self.core.status().reasons}

    def state(self) -> str:
        return self.core.status().modem.state


@contextmanager
def an_office(folder: Path, simulator: Simulator, modem: ModemWorker) -> Iterator[Office]:
    """One that begins and ends with a SIM that is empty and a modem that is well."""
    office = Office(folder, simulator, modem)
    office.settle()
    office.problems.clear()
    yield office
    simulator.mend()
    office.settle()
    office.journal.close()


def hurried(simulator: Simulator) -> ModemWorker:
    """A worker that loses patience soon."""
    deadlines = {"receive": 3.0, "read": 3.0, "delete": 3.0, "erase": 3.0, "send": 4.0, "status": 3.0}
    return ModemWorker(str(simulator.by_id), deadlines=deadlines, pause=0)
