"""Both sides over a real broker and a line that is slow, loses acks, or goes deaf without a word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from central.collector import Collector
from central.database import Database, sqlite_url
from central.keys import GatewayKeys
from gateway import forwarder
from gateway.clock import Now
from gateway.downlink import Downlink
from gateway.forwarder import Forwarder
from gateway.journal import Journal
from mqtt_bridge import client
from mqtt_bridge.broker import EmbeddedBroker
from mqtt_bridge.client import MqttLink
from mqtt_bridge.keys import load_or_make
from mqtt_bridge.records import Policy
from mqtt_bridge.topics import UPLINK, downlink
from mqtt_bridge.trouble import Trouble

from .gateway.factories import MORNING, message, rules
from .gateway.fakes import FakeClock
from .waiting import eventually, free_ports
from .weak_link import WeakLink

GATEWAY = "dinkes-01"
PHONES = {f"+62812{1000000 + number}": f"e-{number}" for number in range(120)}


@dataclass
class Line:
    """A gateway with records that wait, a collector, and the weak link between the gateway and the broker."""

    weak: WeakLink
    up: MqttLink
    forwarder: Forwarder
    downlink: Downlink
    journal: Journal
    collector: Collector
    database: Database

    def step(self) -> int:
        """Both sides do what is to be done; how many records are acknowledged."""
        self.forwarder.step(Now(datetime.now(UTC), time.monotonic()))
        self.collector.step(datetime.now(UTC))
        self.downlink.step()
        return self.journal.position().delivered

    def held(self) -> list[int]:
        return [seq for (seq,) in self.database.rows("SELECT seq FROM record ORDER BY id")]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    (port,) = free_ports(1)
    key, central_key = load_or_make(tmp_path / f"{GATEWAY}.key"), load_or_make(tmp_path / "central.key")
    journal, database = Journal(tmp_path / "journal.db", GATEWAY), Database(sqlite_url(tmp_path / "central.db"))
    sent = [message(sender=phone, sent=MORNING + timedelta(seconds=n)) for n, phone in enumerate(PHONES)]
    journal.admit(sent, rules(PHONES, Policy(answers_per_day=0)))
    with EmbeddedBroker("127.0.0.1", port), WeakLink(port) as weak:
        up = MqttLink("127.0.0.1", weak.port, GATEWAY, [downlink(GATEWAY)])
        down = MqttLink("127.0.0.1", port, "central", UPLINK)
        eventually(lambda: up.connected and down.connected)
        sender = Forwarder(up, journal, key)
        listener = Downlink(up, journal, sender, central_key.public_key(), FakeClock())
        collector = Collector(down, database, GatewayKeys(tmp_path, database), central_key)
        yield Line(weak, up, sender, listener, journal, collector, database)
        up.close()
        down.close()
    journal.close()
    database.close()


def test_lost_acks_make_no_second_records(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "FIRST_TIMEOUT", 0.2)
    line.forwarder._timeout = 0.2
    line.weak.loses = lambda packet: b'"kind":"ack"' in packet
    eventually(lambda: line.step() == 0 and line.weak.lost >= 3)
    assert line.held() == list(range(1, len(line.held()) + 1)), "the first batch, once"
    line.weak.loses = lambda packet: False
    eventually(lambda: line.step() == len(PHONES))
    assert line.held() == list(range(1, len(PHONES) + 1))


def test_a_slow_line_that_loses_a_third_drains(line: Line) -> None:
    line.weak.rate, line.weak.loss = 8_000, 0.3  # 64 kbit/s
    eventually(lambda: line.step() == len(PHONES), 60)
    assert line.held() == list(range(1, len(PHONES) + 1))


def test_a_line_that_went_deaf_is_noticed_within_one_and_a_half_keepalives(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    keepalive = 2
    monkeypatch.setattr(client, "KEEPALIVE_SECONDS", keepalive)
    with WeakLink(line.weak._target) as weak:
        deaf = MqttLink("127.0.0.1", weak.port, "deaf", [])
        eventually(lambda: deaf.connected)
        time.sleep(0.1)
        weak.freeze()
        eventually(lambda: not deaf.connected, 1.5 * keepalive + 1, "noticing")
        assert deaf.problem
        assert deaf.problem.trouble is Trouble.ENDED
        weak.thaw()
        eventually(lambda: deaf.connected and deaf.session == 2)
        deaf.close()
