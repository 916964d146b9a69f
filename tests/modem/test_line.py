"""The line of the simulated modem: what a program sees that has its device open."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modem.simulator.at import Engine
from modem.simulator.faults import parse
from modem.simulator.line import Line
from modem.simulator.network import Network
from tests.waiting import eventually


@dataclass
class Desk:
    line: Line
    engine: Engine
    device: Path
    by_id: Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    network = Network(tmp_path / "state.db")
    engine = Engine(network, faults=network.faults)
    line = Line(tmp_path / "ttyUSB0", engine, network, tmp_path / "by-id")
    network.faults.changed = line.wake
    line.start()
    (by_id,) = (tmp_path / "by-id").iterdir()
    yield Desk(line, engine, tmp_path / "ttyUSB0", by_id)
    line.stop()
    assert not by_id.is_symlink()
    network.close()


@pytest.fixture
def opened(desk: Desk) -> Iterator[int]:
    descriptor = os.open(desk.device, os.O_RDWR | os.O_NOCTTY)
    yield descriptor
    os.close(descriptor)


def ask(descriptor: int, command: bytes) -> bytes:
    os.write(descriptor, command + b"\r")
    heard = b""
    while b"OK\r\n" not in heard and select.select([descriptor], [], [], 3)[0]:
        heard += os.read(descriptor, 4096)
    return heard


def test_a_slow_modem_answers_later(desk: Desk, opened: int) -> None:
    desk.engine.faults.set(parse("slow", {"ms": 300}, None, 1))
    begun = time.monotonic()
    assert ask(opened, b"AT") == b"AT\r\r\nOK\r\n"
    assert time.monotonic() - begun >= 0.3
    begun = time.monotonic()
    ask(opened, b"AT")
    assert time.monotonic() - begun < 0.3


def test_noise_comes_with_the_answer(desk: Desk, opened: int) -> None:
    desk.engine.faults.set(parse("garbage", {"octets": 5}, None, 1))
    ask(opened, b"ATE0")
    desk.engine.faults.set(parse("garbage", {"octets": 5}, None, 1))
    assert len(ask(opened, b"AT+CSQ")) == len(ask(opened, b"AT+CSQ")) + 5


def test_an_unplugged_modem_hangs_up_and_comes_back_under_another_name(desk: Desk, opened: int) -> None:
    ask(opened, b"ATE0")
    assert desk.by_id.resolve() == desk.device.resolve()
    desk.engine.faults.set(parse("unplug", {"back": "ttyUSB1"}))
    eventually(lambda: not desk.by_id.is_symlink())
    assert not desk.device.is_symlink()
    with pytest.raises(OSError, match="Input/output") as caught:
        os.write(opened, b"AT\r")
    assert caught.value.errno == errno.EIO
    desk.engine.faults.clear()
    eventually(desk.by_id.exists)
    assert desk.by_id.readlink() == Path("../ttyUSB1")
    assert not desk.device.is_symlink()
    again = os.open(desk.by_id, os.O_RDWR | os.O_NOCTTY)
    assert ask(again, b"AT") == b"AT\r\r\nOK\r\n"  # it was without power: it echoes again
    os.close(again)


def test_a_modem_without_network_gets_nothing(desk: Desk) -> None:
    network = desk.line._network
    desk.engine.faults.set(parse("registration"))
    network.text("+628111", "HADIR")
    desk.line.wake()
    time.sleep(0.3)
    assert network.state().queued == 1
    desk.engine.faults.clear()
    eventually(lambda: network.state().used)
