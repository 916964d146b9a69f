"""How soon a text is in the journal once the network has it: polled every second, and with the modem's word of it."""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import structlog

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.journal import Journal
from modem.worker import ModemWorker
from mqtt_bridge.loop import Loop
from mqtt_bridge.records import Desired, Member, Policy
from tests.simulated import Simulator

TEXTS = 30
POLL = 1.0  # seconds, as in deploy/gateway.toml
_GLANCE = 0.002


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"From a phone to the journal, {TEXTS} texts at random moments")
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as simulator:
        modem = ModemWorker(str(simulator.device))
        modem.status()
        for name, listening in ((f"polled every {POLL:g} s", False), ("with the modem's word of it", True)):
            took = delays(simulator, modem, listening=listening)
            print(f"  {name:28} median {median(took) * 1000:.0f} ms, slowest {max(took) * 1000:.0f} ms")
        modem.close()


def delays(simulator: Simulator, modem: ModemWorker, *, listening: bool) -> list[float]:
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "journal.db", "bench-01")
        phones = [f"+62812{1000000 + number}" for number in range(TEXTS)]
        roster = tuple(Member(employee=f"e-{number}", phone=phone) for number, phone in enumerate(phones))
        policy = Policy(answers_per_day=0)  # nothing is sent, which would keep the modem busy
        wanted = Desired(gateway="bench-01", version=1, issued=datetime.now(UTC), roster=roster, policy=policy)
        journal.apply(wanted)
        core = Core(modem, journal, SystemClock(), Path(place))

        def step() -> bool:
            return core.step_modem() or (listening and core.sides[0].wait(POLL))

        loop = Loop("modem", step, 0.0 if listening else POLL, expected=())
        loop.start()
        took = [
            _delay(journal, number, partial(simulator.text, phone, "HADIR")) for number, phone in enumerate(phones)
        ]
        loop.stop(10)
        journal.close()
    return took


def _delay(journal: Journal, before: int, text: Callable[[], object]) -> float:
    time.sleep(random.uniform(0.2, 0.2 + POLL))
    start = time.perf_counter()
    text()
    while journal.position().last == before:
        time.sleep(_GLANCE)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
