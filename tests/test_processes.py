"""The processes as they are started and stopped, with another modem and another database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from central import __main__ as central
from gateway import __main__ as gateway

from .other_modem import OtherModem
from .system import System, fetch, receipt_in
from .typed import typed
from .waiting import eventually

WIB = ZoneInfo("Asia/Jakarta")


def test_another_make_of_modem_works_as_well(tmp_path: Path) -> None:
    with System(tmp_path, device=str(tmp_path / "ttyUSB7")) as system, OtherModem(tmp_path / "ttyUSB7") as modem:
        system.start("broker", "central", "gateway")
        sent = datetime.now(WIB).replace(microsecond=0)
        modem.deliver(system.phones[0], "HADIR", sent)
        eventually(lambda: modem.sent, 60, "an answer")
        number, text = modem.sent[0]
        assert number == system.phones[0]
        assert datetime.fromisoformat(system.record_of(receipt_in(text))["at"]) == sent
        eventually(lambda: not modem.slots)
        stops(system)


def test_collector_pages_and_broker_may_run_apart_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with System(tmp_path, broker="mosquitto", database_url=postgres_url) as system:
        system.start("broker", "collector", "web", "modem", "gateway")
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        phone = system.phones[0]
        sent = datetime.fromisoformat(system.text(phone, "HADIR")["scts"])
        record = system.record_of(receipt_in(system.answered(phone)[0]))
        assert datetime.fromisoformat(record["at"]) == sent
        assert record["name"] == "Pegawai 0"
        stops(system)


def stops(system: System) -> None:
    """Each when it is told to, and says that it ended well."""
    for name in reversed(list(system.processes)):
        assert system.stop(name) == 0, name


@pytest.mark.parametrize(("program", "first_part", "command"), [
    (central, "_start_web", "web"),
    (gateway, "_start", "run"),
])  # fmt: skip
def test_what_comes_while_it_starts_stops_it_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: ModuleType, first_part: str, command: str
) -> None:
    System(tmp_path)  # writes the configuration
    monkeypatch.setattr(program, first_part, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(os, "_exit", sys.exit)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        name = program.__name__.partition(".")[0]
        assert typed(program.main, command, "--config", f"{tmp_path}/{name}.toml").returncode == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_second_gateway_is_kept_off_the_same_directory(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        system.start("gateway")
        eventually(lambda: fetch(system.url("gateway", "/healthz")))
        second = subprocess.run(system.commands["gateway"], capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 1
        assert "another gateway is running" in second.stderr
