"""From a full SIM into the durable journal, beside bare libgammu, which keeps nothing, and gammu-smsd."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gammu
import structlog

from gateway.clock import Now
from gateway.journal import Journal
from gateway.receiver import Receiver
from gateway.rulebook import RuleBook
from modem.worker import ModemWorker
from mqtt_bridge.records import Desired, Member, Policy
from tests.simulated import Simulator

from . import smsd
from .report import compare

MESSAGES = 500
PHONES = [f"+62812{1000000 + number}" for number in range(MESSAGES)]
SLOTS = 50  # of each of the two stores


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with ExitStack() as parts:
        modems = [parts.enter_context(_simulator(Path(parts.enter_context(_folder())))) for _ in range(3)]
        peers = {"bare libgammu": _bare(modems[1], parts)}
        if problem := smsd.missing():
            print(f"gammu-smsd is left out: {problem}")
        else:
            peers |= {f"gammu-smsd, {backend}": _smsd(modems[2], backend) for backend in ("files", "SQLite")}
        compare(f"Reading, deciding, keeping and deleting {MESSAGES} SMS", "SMS/s", _ours(modems[0], parts), peers)


def _ours(simulator: Simulator, parts: ExitStack) -> Callable[[], float]:
    """As in a gateway, with libgammu in a process of its own."""
    modem = ModemWorker(str(simulator.device))
    parts.callback(modem.close)
    modem.status()

    def run() -> float:
        with _folder() as place:
            journal = Journal(Path(place) / "journal.db", "bench-01")
            roster = tuple(Member(employee=f"e-{n}", phone=phone) for n, phone in enumerate(PHONES))
            now = datetime.now(UTC)
            journal.apply(Desired(gateway="bench-01", version=1, issued=now, roster=roster, policy=Policy()))
            receiver = Receiver(modem, journal, RuleBook(journal))
            receiver.step(Now(now, 0.0))
            fill(simulator)
            start = time.perf_counter()
            while receiver.step(Now(now, 0.0)):
                pass
            took = time.perf_counter() - start
            assert journal.position().last == MESSAGES
            journal.close()
        return MESSAGES / took

    return run


def _bare(simulator: Simulator, parts: ExitStack) -> Callable[[], float]:
    """libgammu alone, in this very process: it lists and deletes, and looks at nothing twice."""
    machine = gammu.StateMachine()
    machine.SetConfig(0, {"Device": str(simulator.device), "Connection": "at", "SyncTime": "no", "StartInfo": "no"})
    machine.Init()
    parts.callback(machine.Terminate)

    def run() -> float:
        fill(simulator)
        start = time.perf_counter()
        count = 0
        while locations := list(_listed(machine)):
            count += len(locations)
            for location in locations:
                machine.DeleteSMS(Folder=0, Location=location)
        took = time.perf_counter() - start
        assert count == MESSAGES
        return MESSAGES / took

    return run


def _listed(machine: gammu.StateMachine) -> Iterator[int]:
    position: dict[str, Any] = {"Start": True}
    while True:
        try:
            location = machine.GetNextSMS(Folder=0, **position)[0]["Location"]
        except gammu.ERR_EMPTY:
            return
        yield location
        position = {"Location": location}


def _smsd(simulator: Simulator, backend: str) -> Callable[[], float]:
    def left() -> int:
        state = simulator.state()
        return state["used"] + state["queued"]

    def run() -> float:
        fill(simulator)
        with _folder() as place:
            return smsd.rate(backend, simulator.device, Path(place), left)

    return run


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _simulator(folder: Path) -> Simulator:
    return Simulator(folder, "--capacity", str(SLOTS))


def fill(simulator: Simulator) -> None:
    for phone in PHONES:
        simulator.text(phone, "HADIR")
    while simulator.state()["used"] < SLOTS:  # the rest follows as soon as the modem is asked for both stores
        time.sleep(0.05)


if __name__ == "__main__":
    main()
