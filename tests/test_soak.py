"""A day of a gateway in a few minutes: texts all along, a fault every few minutes of that day, real libgammu."""

from __future__ import annotations

import gc
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.journal import Journal
from gateway.store import JournalError
from modem.messages import ModemError
from modem.worker import DEADLINES, ModemWorker
from mqtt_bridge.loop import Loop
from mqtt_bridge.records import Member

from .gateway.factories import desired
from .simulated import Simulator
from .waiting import eventually

log = logging.getLogger(__name__)

# Seconds that the day takes; `make soak` gives it ten minutes.
SECONDS = float(os.environ.get("GARDU_SOAK_SECONDS", "6"))
SEED = int(os.environ.get("GARDU_SOAK_SEED", "0")) or random.randrange(1, 2**32)
LONG = SECONDS > 60
DAY = timedelta(hours=24)
EMPLOYEES = int(SECONDS / 3) + 2  # two texts each, and libgammu takes 0.7 seconds for an answer
FAULT_EVERY = 2.5  # seconds: six minutes of the day in the long run
GROWTH = 24_000_000  # bytes that a process may gain after the warm-up

# What may be wrong, with how often it comes. None of it may take a text away or put another name to it.
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("silent", {"seconds": 0.5}),
    ("silent", {"command": "CMGD", "done": "yes", "times": 1}),
    ("silent", {"command": "CMGL", "times": 1, "cure": "reset"}),
    ("silent", {"command": "CMGS", "done": "yes", "times": 1}),
    ("slow", {"ms": 40, "seconds": 2}),
    ("garbage", {"octets": 2, "times": 1}),
    ("error", {"command": "CMGL", "times": 2}),
    ("error", {"command": "CMGR", "times": 2}),
    ("error", {"command": "CMGD", "times": 2}),
    ("error", {"command": "CMGD", "done": "yes", "answer": "error", "times": 1}),
    ("error", {"command": "CPMS", "answer": "cms:302", "times": 1}),
    ("error", {"command": "CMGS", "answer": "cms:500", "times": 1}),
    ("no-send", {"times": 1}),
    ("sim-full", {"slots": 1, "seconds": 2}),
    ("unplug", {"seconds": 0.7, "back": "ttyUSB1"}),
    ("unplug", {"seconds": 0.7, "back": "ttyUSB0"}),
    ("sim", {"state": "pin", "seconds": 1}),
    ("sim", {"state": "absent", "seconds": 1}),
    ("registration", {"state": "searching", "seconds": 1}),
    ("registration", {"state": "denied", "seconds": 1}),
    ("signal", {"value": 99, "seconds": 2}),
    ("clock", {"seconds": 2}),
    ("duplicate", {"copies": 2, "times": 2}),
    ("pdu", {}),
    ("wap-push", {}),
    ("flash", {}),
    ("binary", {}),
    ("report", {}),
]
QUICK = [(kind, values) for kind, values in FAULTS if kind not in ("silent", "garbage", "unplug")]


@dataclass
class Size:
    """Memory (bytes) of what runs now, and open files of this process."""

    parts: dict[str, int]
    files: int


@dataclass
class Life:
    simulator: Simulator
    modem: ModemWorker
    journal: Journal
    core: Core
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def phones(self) -> list[str]:
        return [f"+62812{number:07}" for number in range(EMPLOYEES)]

    def plan(self) -> list[tuple[float, Callable[[], None]]]:
        """What happens, by seconds from now: everybody comes in the first half of the day, and goes in the second."""
        plan: list[tuple[float, Callable[[], None]]] = []
        for half, text in enumerate(("HADIR", "PULANG")):
            for phone in self.phones:
                at = self.chance.uniform(half, half + 0.95) / 2
                plan.append((at * SECONDS, self._texting(phone, text, at)))
        kinds = self.chance.sample(FAULTS, len(FAULTS)) if LONG else self.chance.sample(QUICK, 4)
        for number in range(max(1, int(SECONDS / FAULT_EVERY))):
            plan.append((FAULT_EVERY * (number + 0.5), self._harming(*kinds[number % len(kinds)])))
        if not LONG:
            plan.append((SECONDS / 2, self._harming("silent", {"command": "CMGD", "done": "yes", "times": 1})))
        return sorted(plan, key=lambda each: each[0])

    def _texting(self, phone: str, text: str, at: float) -> Callable[[], None]:
        moment = (datetime.now(UTC) - DAY + DAY * at).replace(microsecond=0)
        return lambda: void(self.simulator.text(phone, text, scts=moment.isoformat()))

    def _harming(self, kind: str, values: dict[str, Any]) -> Callable[[], None]:
        def harm() -> None:
            self.faults[kind] += 1
            self.simulator.fault(kind, **values)

        return harm

    def settled(self) -> bool:
        return self.simulator.taken() and not self.journal.unsent(1)

    def size(self) -> Size:
        gc.collect()
        processes = {"gateway": os.getpid(), "simulator": self.simulator.pid, "libgammu": self.modem.pid}
        parts = {name: psutil.Process(pid).memory_info().rss for name, pid in processes.items() if pid}
        return Size(parts, psutil.Process().num_fds())


def void(_: object) -> None: ...


@contextmanager
def a_life(folder: Path) -> Iterator[Life]:
    """The modem's side of a gateway as `gardu-gateway run` has it; whatever hangs is given up five times as soon."""
    with Simulator(folder, "--capacity", "20") as simulator:
        modem = ModemWorker(str(simulator.by_id), deadlines={doing: DEADLINES[doing] / 5 for doing in DEADLINES})
        journal = Journal(folder / "journal.db", "dinkes-01")
        core = Core(modem, journal, SystemClock(synchronised=lambda: True), folder)
        loop = Loop("modem", core.step_modem, 0.1, expected=(ModemError, JournalError))
        life = Life(simulator, modem, journal, core)
        roster = tuple(Member(employee=phone, phone=phone) for phone in life.phones)
        journal.apply(msgspec.structs.replace(desired(), roster=roster))
        loop.start()
        try:
            yield life
        finally:
            loop.stop(30)
            modem.close()
            journal.close()


def test_a_day_with_faults_loses_and_doubles_nothing_and_grows_not(tmp_path: Path) -> None:
    log.info("seed %d", SEED)
    with a_life(tmp_path) as life:
        eventually(lambda: life.core.sides[0].watch.status)
        begun, warm = time.monotonic(), None
        for moment, act in life.plan():
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            act()
            if warm is None and moment > SECONDS / 4:
                warm = life.size()
        life.simulator.mend()
        eventually(life.settled, 60 + SECONDS, f"everything being done (seed {SEED})")
        end = life.size()
        assert warm
        check(life, warm, end)


def check(life: Life, warm: Size, end: Size) -> None:
    records = life.journal.records(0, 10_000)
    expected = {(phone, action) for phone in life.phones for action in ("in", "out")}
    assert sorted((record.employee, str(record.action)) for record in records) == sorted(expected)
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for phone in life.phones:
        answers = life.simulator.answers(phone)
        receipts = {record.receipt for record in records if record.employee == phone}
        assert {receipt for receipt in receipts if any(f"No. {receipt}." in text for text in answers)} == receipts
    assert [child for child in psutil.Process().children(recursive=True) if child.status() == "zombie"] == []
    assert len(psutil.Process().children()) <= 2  # simulator and libgammu
    log.info("%d records, faults %s, from %s to %s", len(records), dict(life.faults), warm, end)
    assert {name for name, size in end.parts.items() if size > warm.parts.get(name, size) + GROWTH} == set()
    assert end.files <= warm.files + 5
