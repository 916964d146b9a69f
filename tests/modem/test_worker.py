"""The worker against modems that hang, vanish and come back."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modem.messages import ModemError, OutgoingSms
from modem.worker import ModemWorker, _attempt
from tests.simulated import Simulator
from tests.waiting import eventually

PHONE = "+6281234567890"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def silent() -> Iterator[str]:
    """A device at which nobody answers."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def works(worker: ModemWorker) -> bool:
    try:
        return bool(worker.status())
    except ModemError:
        return False


def test_the_whole_way_and_back(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device))
    simulator.text(PHONE, "HADIR 482113")
    (sms,) = eventually(worker.receive)
    assert worker.read(sms.location) == sms
    worker.delete(sms.location)
    assert worker.read(sms.location) is None
    worker.send(OutgoingSms(sms.number, "Tercatat"))
    assert simulator.answers(PHONE) == ["Tercatat"]
    with pytest.raises(ModemError) as caught:
        worker.send(OutgoingSms("12", "x"))
    assert (caught.value.permanent, caught.value.gone) == (True, False)
    pid = worker.pid
    assert pid
    worker.close()
    assert not alive(pid)
    assert "gammu" not in sys.modules or "modem.driver" in sys.modules


def test_many_slots_are_emptied_in_several_calls(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modem.worker._ERASED_AT_ONCE", 2)
    worker = ModemWorker(str(simulator.device))
    for text in ("satu", "dua", "tiga", "empat", "lima"):
        simulator.text(PHONE, text)
    eventually(lambda: simulator.state()["used"] == 5)
    found = worker.receive()
    worker.delete(found[2].location)
    erasure = worker.erase(found)
    assert erasure.changed == [found[2].location]
    assert sorted(erasure.deleted) == [sms.location for sms in found if sms is not found[2]]
    assert worker.receive() == []
    worker.close()


def test_the_child_is_killed_and_opened_again(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device))
    worker.status()
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ModemError, match="ended") as caught:
        worker.receive()
    assert caught.value.gone
    eventually(lambda: works(worker))
    assert worker.pid != pid
    assert not alive(pid)
    worker.close()


def test_a_modem_that_comes_back_on_another_terminal(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device))
    simulator.text(PHONE, "HADIR")
    received = eventually(worker.receive)
    simulator.kill()
    with pytest.raises(ModemError, match="does not exist") as caught:
        worker.receive()
    assert caught.value.gone
    assert worker.pid is None
    taken = pty.openpty()  # the number of the old terminal may be in use now
    simulator.start()
    eventually(lambda: works(worker))
    assert worker.receive()[0].text == received[0].text
    worker.close()
    for descriptor in taken:
        os.close(descriptor)


@pytest.mark.slow
def test_a_modem_that_hangs_and_recovers(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device), deadlines={"receive": 0.5}, pause=0)
    worker.receive()
    pid = worker.pid
    assert pid
    os.kill(simulator.pid, signal.SIGSTOP)
    with pytest.raises(ModemError, match=r"no answer within 0\.5 seconds") as caught:
        worker.receive()
    assert caught.value.gone
    assert not alive(pid)
    os.kill(simulator.pid, signal.SIGCONT)
    eventually(lambda: works(worker))
    worker.close()


def killed_meanwhile(simulator: Simulator, call: Callable[[], object]) -> ModemError:
    """What a call ends in that is under way when the modem goes."""
    failed: list[ModemError] = []

    def attempt() -> None:
        try:
            call()
        except ModemError as error:
            failed.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    simulator.kill()
    thread.join(timeout=30)
    return failed[0]


def test_a_modem_that_vanishes_in_the_middle_of_a_call(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device))
    worker.status()
    os.kill(simulator.pid, signal.SIGSTOP)  # the call hangs first, so that it is surely under way
    failed = killed_meanwhile(simulator, worker.receive)
    assert failed.gone
    assert worker.pid is None
    worker.close()


def test_a_modem_that_is_gone_before_it_is_missed_is_absent_and_not_hung(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child hears the line end while the parent does not look."""
    worker = ModemWorker(str(simulator.device))
    worker.status()
    monkeypatch.setattr("modem.worker._GLANCE", 60.0)
    failed = killed_meanwhile(simulator, lambda: worker.wait(60))
    assert (failed.gone, failed.absent) == (True, True)
    worker.close()


@pytest.mark.parametrize("marks", [{"permanent": True}, {"gone": True}, {"absent": True}, {}])
def test_an_error_comes_through_the_pipe_as_it_was(marks: dict[str, bool]) -> None:
    thrown = ModemError("so it is", **marks)

    def fail() -> None:
        raise thrown

    _, error = _attempt("send", fail)
    assert error
    assert vars(ModemError(**error)) == vars(thrown)


def test_waiting_ends_with_word_of_an_sms_or_with_the_modem(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device), deadlines={"wait": 1.0})
    assert not worker.wait(0.2)
    simulator.text(PHONE, "HADIR")
    assert worker.wait(20)
    assert worker.receive()
    failed = killed_meanwhile(simulator, lambda: worker.wait(60))
    assert failed.gone
    worker.close()


def test_no_device_is_said_at_once(tmp_path: Path) -> None:
    worker = ModemWorker(str(tmp_path / "nothing"))
    with pytest.raises(ModemError, match="nothing does not exist") as caught:
        worker.receive()
    assert caught.value.gone
    assert worker.pid is None
    worker.close()


def test_a_device_where_nobody_answers(silent: str) -> None:
    worker = ModemWorker(silent, deadlines={"open": 0.5})
    with pytest.raises(ModemError, match="open: no answer within") as caught:
        worker.receive()
    assert caught.value.gone
    assert worker.pid is None
    worker.close()


def test_closing_ends_a_running_call(silent: str) -> None:
    worker = ModemWorker(silent)
    failed: list[str] = []

    def call() -> None:
        try:
            worker.receive()
        except ModemError as error:
            failed.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    eventually(lambda: worker.pid)
    worker.close()
    thread.join(timeout=10)
    assert failed == ["open: the modem's process ended"]
    with pytest.raises(ModemError, match="was closed"):
        worker.receive()


def test_the_child_dies_with_its_parent(silent: str) -> None:
    program = (
        "import sys, threading; from modem.worker import ModemWorker\n"
        "worker = ModemWorker(sys.argv[1]); threading.Thread(target=worker.receive).start()\n"
        "while not worker.pid: pass\n"
        "print(worker.pid, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, silent], stdout=subprocess.PIPE)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    eventually(lambda: not alive(child))
    parent.stdout.close()


def test_a_restart_on_demand(simulator: Simulator) -> None:
    """The modem is opened anew, by another child, and works."""
    worker = ModemWorker(str(simulator.device), pause=0)
    assert works(worker)
    before = worker.pid
    worker.restart()
    assert worker.pid is None
    assert before
    assert not alive(before)
    eventually(lambda: works(worker))
    worker.close()


def test_a_restart_that_nobody_takes(silent: str, tmp_path: Path) -> None:
    with pytest.raises(ModemError, match="did not take it"):
        ModemWorker(silent).restart()
    with pytest.raises(ModemError) as gone:
        ModemWorker(str(tmp_path / "none")).restart()
    assert gone.value.absent


def test_what_is_sent_to_its_own_number_comes_back(simulator: Simulator) -> None:
    worker = ModemWorker(str(simulator.device))
    worker.send(OutgoingSms(simulator.number, "Gardu uji"))
    (sms,) = eventually(worker.receive)
    assert (sms.number, sms.text) == (simulator.number, "Gardu uji")
    worker.close()
