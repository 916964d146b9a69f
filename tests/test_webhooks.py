"""Gardu tells the example of Sinergi of new records, as processes that are killed and held up."""

from __future__ import annotations

import os
import runpy
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from central.__main__ import main as central
from central.database import Database
from central.ingest import Ingest
from mqtt_bridge.records import Record, chained, genesis

from .central.factories import GATEWAY, JOURNAL, KnownKeys, batch, envelope, record
from .typed import typed
from .waiting import eventually, free_ports

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PEOPLE, RECORDS = 15, 240
CONFIG = """\
[central]
data_dir = "{folder}/central"
[broker]
host = "127.0.0.1"
[webhooks]
allow_http = true
allow_local = true
timeout_seconds = 1
"""


class Town:
    """What tells and what is told, each a process; records are written as the collector would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (port,) = free_ports(1)
        self.listen = f"127.0.0.1:{port}"
        (folder / "central.toml").write_text(CONFIG.format(folder=folder))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        secret = self.gardu("webhook", "add", "sinergi", f"http://{self.listen}/gardu").strip()
        (folder / "secret").write_text(secret)
        self.database = Database(f"sqlite:///{folder}/central/central.db")
        self.records = self._made()

    @property
    def commands(self) -> dict[str, list[str]]:
        place = ["--secret-file", f"{self.folder}/secret", "--store", f"{self.folder}/sinergi.db"]
        return {
            "gardu": [f"{BIN}/gardu-central", "webhooks", "--config", f"{self.folder}/central.toml"],
            "sinergi": [sys.executable, f"{ROOT}/deploy/sinergi/receiver.py", *place, "--listen", self.listen],
        }

    def gardu(self, *arguments: str) -> str:
        done = typed(central, *arguments, "--config", f"{self.folder}/central.toml")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(self.commands[name], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def take(self, first: int, last: int) -> None:
        sealed = envelope(batch(self.records, first, last))
        Ingest(self.database, KnownKeys()).take([sealed], datetime.now(UTC))  # type: ignore[arg-type]

    def told(self) -> list[tuple[str, int]]:
        """Employee and seq, in the order in which Sinergi stored them."""
        if not (self.folder / "sinergi.db").exists():
            return []
        with sqlite3.connect(self.folder / "sinergi.db") as store:
            rows = store.execute("SELECT employee, body FROM event WHERE type = 'record.created' ORDER BY place")
            return [(employee, msgspec.json.decode(body)["data"]["seq"]) for employee, body in rows]

    @staticmethod
    def _made() -> list[Record]:
        made: list[Record] = []
        previous = genesis(GATEWAY, JOURNAL)
        for seq in range(1, RECORDS + 1):
            made.append(chained(previous, record(seq, employee=f"e-{seq % PEOPLE}")))
            previous = str(made[-1].hash)
        return made


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    for name in list(made.processes):
        made.kill(name)
    made.database.close()


def test_with_both_sides_killed_and_held_up_all_is_told_once_and_in_order(town: Town) -> None:
    town.start("sinergi")
    town.start("gardu")
    town.take(1, 80)
    eventually(lambda: len(town.told()) > 5, what="the first records")
    town.kill("sinergi")
    town.take(81, 160)
    town.start("sinergi")
    eventually(lambda: len(town.told()) > 90, what="those after the receiver was killed")
    town.kill("gardu")
    town.start("gardu")
    os.kill(town.processes["sinergi"].pid, signal.SIGSTOP)
    town.take(161, RECORDS)
    eventually(lambda: "no answer within 1 second" in town.gardu("webhook", "list"), what="the receiver being slow")
    os.kill(town.processes["sinergi"].pid, signal.SIGCONT)
    eventually(lambda: len(town.told()) >= RECORDS, 60, "all records")
    told = town.told()
    assert sorted(seq for _, seq in told) == list(range(1, RECORDS + 1))
    by_employee = defaultdict(list)
    for employee, seq in told:
        by_employee[employee].append(seq)
    assert all(seqs == sorted(seqs) for seqs in by_employee.values())
    assert eventually(lambda: "0 waiting      0 dead" in town.gardu("webhook", "list"))


def test_what_nobody_signed_is_not_taken(town: Town) -> None:
    town.start("sinergi")
    eventually(lambda: "took it" in _tried(town), what="the receiver")
    (town.folder / "secret").write_text("whsec_bm90IHRoZSBzZWNyZXQgb2YgYW55Ym9keQ==")
    town.kill("sinergi")
    town.start("sinergi")
    eventually(lambda: "answered 401" in _tried(town), what="the receiver with another secret")
    assert town.told() == []


def _tried(town: Town) -> str:
    command = [f"{BIN}/gardu-central", "webhook", "test", "sinergi", "--config", f"{town.folder}/central.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


def test_the_receiver_takes_no_body_that_fills_its_memory(tmp_path: Path) -> None:
    app = runpy.run_path(f"{ROOT}/deploy/sinergi/receiver.py")["create_app"](tmp_path / "store.db", [])
    assert app.test_client().post("/gardu", data=b"x" * 1_000_001).status_code == 413
