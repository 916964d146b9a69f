"""What is done about a modem that fails again and again."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from modem import line
from modem.messages import ModemError
from modem.recovery import Ladder, Step
from modem.worker import ModemWorker
from tests.simulated import Simulator
from tests.waiting import eventually

from .test_worker import works


def steps(ladder: Ladder, doing: str, failures: int) -> list[Step]:
    taken = []
    for _ in range(failures):
        ladder.failed(doing)
        taken.append(ladder.next())
    return taken


def test_open_then_reset_then_replug_and_again_much_later() -> None:
    ladder = Ladder()
    assert ladder.next() is Step.REOPEN
    taken = steps(ladder, "receive", 24)
    assert taken[:4] == [Step.REOPEN, Step.RESET, Step.REOPEN, Step.REPLUG]
    assert [number for number, step in enumerate(taken, 1) if step is not Step.REOPEN] == [2, 4, 22, 24]


def test_a_step_is_taken_once() -> None:
    ladder = Ladder()
    assert steps(ladder, "receive", 2) == [Step.REOPEN, Step.RESET]
    assert ladder.next() is Step.REOPEN


def test_what_works_is_forgiven_what_does_not_is_not() -> None:
    ladder = Ladder()
    steps(ladder, "send", 1)
    ladder.failed("open")
    ladder.worked("receive")
    assert steps(ladder, "send", 1) == [Step.RESET]
    ladder.worked("send")
    assert steps(ladder, "send", 2) == [Step.REOPEN, Step.RESET]


@pytest.mark.slow
def test_a_modem_that_lists_nothing_until_it_is_reset(tmp_path: Path) -> None:
    with Simulator(tmp_path) as simulator:
        simulator.text("+6281234567890", "HADIR")
        eventually(lambda: simulator.state()["used"])
        simulator.fault("silent", command="CMGL", cure="reset")
        worker = ModemWorker(str(simulator.device), deadlines={"receive": 0.5}, pause=0)
        for _ in range(2):
            with pytest.raises(ModemError, match="no answer within") as caught:
                worker.receive()
            assert caught.value.gone
        (sms,) = worker.receive()
        assert sms.text == "HADIR"
        assert simulator.faults() == []
        worker.close()


def test_a_modem_that_waits_for_a_pdu_is_reset(tmp_path: Path) -> None:
    with Simulator(tmp_path) as simulator:
        with line.opened(str(simulator.device)) as descriptor:
            os.write(descriptor, b"AT+CMGS=23\r0011")
        line.reset(str(simulator.device))
        worker = ModemWorker(str(simulator.device))
        assert works(worker)
        worker.close()


def test_a_modem_too_far_gone_for_a_reset_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_SECONDS", 0.1)
    master, slave = pty.openpty()
    with pytest.raises(ModemError, match="ATZ: no answer"):
        line.reset(os.ttyname(slave))
    command = [sys.executable, "-m", "modem.recovery", "replug", os.ttyname(slave)]
    assert subprocess.run(command, check=False).returncode == 1
    os.close(master)
    os.close(slave)
