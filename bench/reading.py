"""From a full SIM into the durable journal, beside bare libgammu that reads and deletes and keeps nothing."""

from __future__ import annotations

import logging
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import structlog

from gateway.clock import Now
from gateway.journal import Journal
from gateway.receiver import Receiver
from gateway.rulebook import RuleBook
from modem.driver import GammuModem
from modem.messages import Modem
from mqtt_bridge.records import Desired, Member, Policy
from tests.simulated import Simulator

from .report import compare

MESSAGES = 500
SLOTS = 255  # of each of the two stores


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder), "--capacity", str(SLOTS)) as simulator:
        modem = GammuModem(str(simulator.device))
        phones = [f"+62812{1000000 + number}" for number in range(MESSAGES)]

        def ours() -> float:
            with tempfile.TemporaryDirectory() as place:
                journal = Journal(Path(place) / "journal.db", "bench-01")
                roster = tuple(Member(employee=f"e-{n}", phone=phone) for n, phone in enumerate(phones))
                now = datetime.now(UTC)
                journal.apply(Desired(gateway="bench-01", version=1, issued=now, roster=roster, policy=Policy()))
                receiver = Receiver(cast("Modem", modem), journal, RuleBook(journal))  # it is never restarted here
                fill(simulator, phones)
                start = time.perf_counter()
                while receiver.step(Now(now, 0.0)):
                    pass
                took = time.perf_counter() - start
                assert journal.position().last == MESSAGES
                journal.close()
            return MESSAGES / took

        def bare() -> float:
            fill(simulator, phones)
            start = time.perf_counter()
            read = 0
            while found := modem.receive():
                read += len(found)
                for sms in found:
                    modem.delete(sms.location)
            took = time.perf_counter() - start
            assert read == MESSAGES
            return MESSAGES / took

        compare("Reading, deciding, keeping and deleting 500 SMS", "SMS/s", ours, bare, "bare libgammu")
        modem.close()


def fill(simulator: Simulator, phones: list[str]) -> None:
    for phone in phones:
        simulator.text(phone, "HADIR")
    while simulator.state()["used"] < SLOTS:  # the rest follows as soon as the modem is asked for both stores
        time.sleep(0.05)


if __name__ == "__main__":
    main()
