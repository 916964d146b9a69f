"""`gardu-central alerts` and `maintenance`."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from central import alerts, fleet
from central.alerting import Self, Sight, Terms
from central.database import Database, micros
from central.pulse import Pulse

from ..waiting import eventually
from .factories import GATEWAY, status
from .test_alert_watch import Receiver, receiver
from .test_cli import config, gardu

__all__ = ["config", "receiver"]


@pytest.fixture
def told(config: Path, receiver: Receiver) -> Path:
    """Settings with a channel."""
    text = f'\n[alerts]\ndigest = ""\ngroup_seconds = 0\n[[alerts.channels]]\nname = "grup"\nurl = "{receiver.url}"\n'
    config.write_text(config.read_text() + text)
    return config


def opened(config: Path) -> Database:
    folder = config.parent / "data"
    folder.mkdir(exist_ok=True)
    return Database(f"sqlite:///{folder}/central.db")


def break_down(database: Database) -> None:
    now = datetime.now(UTC)
    fleet.add(database, GATEWAY, now)
    for minutes in (10, 0):
        gone = {GATEWAY: Sight(GATEWAY, seen=now, status=status())}
        alerts.evaluate(database, gone, Self(), Terms(), now - timedelta(minutes=minutes))


def test_what_is_open_is_listed_and_taken(config: Path) -> None:
    assert gardu(config, "alerts", "list").stdout == "Nothing is open.\n"
    break_down(opened(config))
    assert "→ Periksa listrik" in gardu(config, "alerts", "list").stdout
    (alert,) = json.loads(gardu(config, "alerts", "list", "--json").stdout)
    assert (alert["rule"], alert["subject"], alert["state"]) == ("down", GATEWAY, "firing")
    assert gardu(config, "alerts", "ack", str(alert["id"]), "--note", "ke kantor").returncode == 0
    assert "ke kantor]" in gardu(config, "alerts", "list").stdout
    refused = gardu(config, "alerts", "ack", "99")
    assert (refused.returncode, refused.stderr) == (1, "Error: there is no alert 99 that could be acknowledged\n")
    assert "1 terbuka" in gardu(config, "alerts", "digest").stdout


def test_a_channel_is_tried(told: Path, receiver: Receiver) -> None:
    assert gardu(told, "alerts", "test", "grup").stdout == "grup took it.\n"
    assert receiver.heard[0]["title"] == "Gardu: pesan uji"
    receiver.status = 403
    failed = gardu(told, "alerts", "test", "grup")
    assert (failed.returncode, failed.stderr) == (1, "Error: grup did not take it: answered 403\n")
    assert "there is grup" in gardu(told, "alerts", "test", "group").stderr
    assert "grup                 json" in gardu(told, "alerts", "channels").stdout
    assert "rahasia" not in gardu(told, "alerts", "channels", "--json").stdout


def test_an_address_that_apprise_does_not_know_stops_it_at_once(config: Path) -> None:
    config.write_text(config.read_text() + '\n[[alerts.channels]]\nname = "grup"\nurl = "tgrm://rahasia"\n')
    for command in (("alerts", "run"), ("run",), ("web",), ("alerts", "test", "grup")):
        done = gardu(config, *command)
        assert done.returncode == 78
        assert "alerts.channels[0].url: apprise can not use an address that begins with tgrm://" in done.stderr
        assert "rahasia" not in done.stderr


def test_maintenance_by_command(config: Path) -> None:
    fleet.add(opened(config), GATEWAY, datetime.now(UTC))
    begun = gardu(config, "maintenance", "add", "--gateway", GATEWAY, "--for", "2h", "--why", "ganti modem")
    assert begun.stdout.startswith("Maintenance 1 until ")
    assert "ganti modem" in gardu(config, "maintenance", "list").stdout
    assert json.loads(gardu(config, "maintenance", "list", "--json").stdout)[0]["target"] == GATEWAY
    assert gardu(config, "maintenance", "end", "1").returncode == 0
    assert gardu(config, "maintenance", "list").stdout == ""
    for options, said in (
        (("--all", "--tag", "x"), "either --gateway, --tag or --all"), ((), "either --gateway"),
        (("--all", "--for", "2 hours"), "write it like 30m"), (("--all", "--from", "besok"), "2026-11-30T08:00"),
        (("--all", "--from", "2020-01-01T00:00"), "still to come"), (("--gateway", "x"), "no gateway x"),
    ):  # fmt: skip
        refused = gardu(config, "maintenance", "add", "--why", "uji", *options)
        assert refused.returncode == 1
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_as_a_process_of_its_own_killed_and_begun_again(told: Path, receiver: Receiver) -> None:
    """It sees that the collector stopped, tells it, and after a kill does not tell it again."""
    database = opened(told)
    Pulse(database).beat("", datetime.now(UTC) - timedelta(minutes=30))
    told.write_text(told.read_text() + "[alerts.rules.collector]\nafter_minutes = 0\n")
    command = [sys.executable, "-m", "central", "alerts", "run", "--config", str(told)]
    told_by_now = "SELECT COUNT(*) FROM alert_message WHERE sent IS NOT NULL"
    for count in (1, 2):
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            eventually(partial(lambda wanted: database.value(told_by_now) == wanted, count))
        finally:
            running.kill()
            running.wait()
        rows = [(micros(datetime.now(UTC)), "x", "10.0.0.1", "unknown token", "")] * 5
        database.insert_all("enrolment", ("at", "gateway", "origin", "outcome", "detail"), rows)
    assert [heard["title"] for heard in receiver.heard] == ["Gardu: 1 gawat (Pusat)", "Gardu: 1 peringatan (Pusat)"]
