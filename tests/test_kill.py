"""A stream of SMS while one process after another is killed without a word."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from .system import WHOLE, System, fetch, receipt_in
from .waiting import eventually

# libgammu takes 0.7 s to send an SMS, so the answers of the long version (200 SMS, 20 kills) take minutes.
MESSAGES = int(os.environ.get("GARDU_KILL_MESSAGES", "20"))
KILLS = int(os.environ.get("GARDU_KILLS", "6"))


def test_any_process_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    """Every sender has an answer, every record is there once, the SIM is empty."""
    chance = random.Random()
    moments = sorted(chance.sample(range(MESSAGES), KILLS))
    with System(tmp_path, employees=MESSAGES) as system:
        system.start()
        eventually(lambda: fetch(system.url("phone", "/healthz")))
        for number, phone in enumerate(system.phones):
            system.text(phone, "HADIR")
            if number in moments:
                name = chance.choice(WHOLE)
                system.kill(name)
                time.sleep(chance.uniform(0, 1.5))  # how long it is away; nothing waits for this
                system.start(name)
        eventually(system.taken, 90, "the SIM being empty")
        eventually(lambda: len(system.records()) >= MESSAGES, 60, "every record")
        eventually(lambda: all(system.answers(phone) for phone in system.phones), 60 + MESSAGES * 2, "every answer")
        records = system.records()
        assert len(records) == MESSAGES
        assert len({record["employee"] for record in records}) == MESSAGES
        assert len({record["receipt"] for record in records}) == MESSAGES
        assert [record["seq"] for record in records] == list(range(1, MESSAGES + 1))
        by_receipt = {record["receipt"] for record in records}
        assert {receipt_in(system.answers(phone)[0]) for phone in system.phones} == by_receipt
        assert max(len(system.answers(phone)) for phone in system.phones) <= 5
