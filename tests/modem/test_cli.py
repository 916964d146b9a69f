"""The command line of `gardu-modem`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from modem import lock
from modem.__main__ import main
from tests.other_modem import OtherModem
from tests.simulated import Simulator
from tests.waiting import eventually

PHONE = "+6281234567890"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "command", [(), ("simulate",), ("text",), ("fault",), ("probe",), ("ussd",), ("signal",), ("inbox",)]
)
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Usage:" in out


def test_text(simulator: Simulator) -> None:
    code, out, _ = run("text", PHONE, "HADIR 482113", "--phone", simulator.url, "--delay", "6h", "--json")
    assert code == 0
    assert json.loads(out)["answers"] == []
    assert simulator.messages(PHONE)[-1]["text"] == "HADIR 482113"


def test_no_answer_is_a_failure(simulator: Simulator) -> None:
    code, _, error = run("text", PHONE, "HADIR", "--phone", simulator.url, "--wait", "1")
    assert (code, error) == (1, "error: no answer within 1 seconds\n")


def test_a_refused_number(simulator: Simulator) -> None:
    code, _, error = run("text", "??", "HADIR", "--phone", simulator.url)
    assert code == 1
    assert error.startswith("error: a number has")


def test_no_simulator() -> None:
    code, _, error = run("text", PHONE, "HADIR", "--phone", "http://127.0.0.1:9")
    assert code == 1
    assert error.startswith("error: the phone page does not answer")


@pytest.mark.parametrize(
    "arguments",
    [
        ("text", PHONE),
        ("text", PHONE, "x", "--delay", "soon"),
        ("simulate", "--phone", "nowhere"),
        ("simulate", "--peer", "x"),
    ],
)
def test_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_faults_are_set_listed_and_cleared(simulator: Simulator) -> None:
    code, out, _ = run("fault", "slow", "ms=250", "--for", "10m", "--times", "3", "--phone", simulator.url)
    assert (code, out) == (0, "slow holds, number 1\n")
    run("fault", "signal", "--phone", simulator.url)
    code, out, _ = run("fault", "--list", "--phone", simulator.url)
    assert out.splitlines()[0].startswith("  1 slow ms=250 for ")
    assert out.splitlines()[0].endswith(" s 3 times")
    assert "  error        command=CMGL answer=cms:500 done=no" in out.splitlines()
    assert run("fault", "slow", "--clear", "--phone", simulator.url)[1] == "1 cleared\n"
    assert [each["kind"] for each in simulator.faults()] == ["signal"]
    assert json.loads(run("fault", "--clear", "--json", "--phone", simulator.url)[1]) == {"cleared": 1}
    assert run("fault", "--list", "--phone", simulator.url)[1].startswith("Nothing is wrong.")


def test_a_fault_that_is_a_message_comes_at_once(simulator: Simulator) -> None:
    assert run("fault", "report", "from=+628999", "--phone", simulator.url)[:2] == (0, "report sent\n")
    assert len(simulator.messages("+628999")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sleepy",), 1, "there is no fault 'sleepy'; there are silent,"),
        (("sleepy", "--clear"), 1, "there is no fault 'sleepy'"),
        (("slow", "speed=1"), 1, "slow has no parameter 'speed'; it has ms"),
        (("slow", "ms=soon"), 1, "ms must be a whole number"),
        (("slow", "ms"), 2, "'ms' is no NAME=VALUE"),
        (("sim", "--times", "2"), 1, "can not be counted"),
        ((), 2, "name a KIND"),
        (("slow", "--list"), 2, "name a KIND"),
        (("--clear", "--for", "5"), 2, "take no parameters"),
    ],
)
def test_a_fault_that_is_not_meant(simulator: Simulator, arguments: tuple[str, ...], code: int, said: str) -> None:
    failed, _, error = run("fault", *arguments, "--phone", simulator.url)
    assert (failed, said in error) == (code, True)


def test_a_port_in_use_is_bad_configuration(simulator: Simulator, tmp_path: Path) -> None:
    device, port = tmp_path / "modem", simulator.url.rpartition(":")[2]
    code, _, error = run(
        "simulate", "--device", str(device), "--state", str(tmp_path / "db"), "--phone", f"127.0.0.1:{port}"
    )
    assert code == 78
    assert error.startswith("error: cannot start:")
    assert not device.is_symlink()


def test_a_state_that_can_not_be_kept_is_bad_configuration(tmp_path: Path) -> None:
    code, _, error = run("simulate", "--device", str(tmp_path / "modem"), "--state", str(tmp_path / "no" / "db"))
    assert code == 78
    assert error.startswith("error: cannot start:")


ROW = re.compile(r"(works|MISSING|without) +(.+?)  +(.*)")


def table(out: str) -> dict[str, tuple[str, str]]:
    rows = [ROW.fullmatch(line) for line in out.splitlines()]
    return {row[2]: (row[1], row[3]) for row in rows if row}


def test_probe(simulator: Simulator) -> None:
    code, out, _ = run("probe", str(simulator.device))
    assert code == 0
    found = table(out)
    assert found["network"] == ("works", "home, Gardu Seluler")
    assert found["signal"] == ("works", "-71 dBm")
    assert found["SIM"] == ("works", "ready, Telkomsel")
    assert found["storage ME"] == ("works", "0 of 50 slots used")
    assert found["SMS centre"] == ("works", "+6281100000")
    assert {mark for mark, _ in found.values()} == {"works"}
    assert len(found) == 13


def test_probing_a_modem_of_another_make(tmp_path: Path) -> None:
    with OtherModem(tmp_path / "other") as modem:
        modem.deliver("+6281234567890", "HADIR", datetime(2026, 11, 24, tzinfo=UTC))
        code, out, _ = run("probe", str(tmp_path / "other"), "--json")
        assert code == 0
        found = {row["function"]: row for row in json.loads(out)}
        assert found["storage ME"] == {
            "function": "storage ME", "works": False, "detail": "not offered", "needed": False
        }  # fmt: skip
        assert [row["function"] for row in found.values() if not row["works"]] == ["storage ME"]
        assert found["SIM"]["detail"] == "ready, Indosat Ooredoo"
        assert found["libgammu"]["detail"] == "reads 1 SMS"
        assert list(modem.slots) == [1]


def test_probing_nothing(tmp_path: Path) -> None:
    code, _, error = run("probe", str(tmp_path / "nothing"))
    assert code == 1
    assert error.endswith("does not exist\n")
    assert error.count("\n") == 1


def test_probing_what_is_no_modem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modem.line._SECONDS", 0.1)
    master, slave = os.openpty()
    assert run("probe", os.ttyname(slave))[::2] == (1, "error: AT: no answer\n")
    (tmp_path / "file").touch()
    assert run("probe", str(tmp_path / "file"))[0] == 1
    os.close(master)
    os.close(slave)


def test_a_modem_in_use_is_left_alone(simulator: Simulator) -> None:
    held = lock.hold(str(simulator.device))
    for command in (("probe",), ("signal", "--device"), ("inbox", "--device"), ("ussd", "*888#", "--device")):
        code, _, error = run(*command, str(simulator.device))
        assert code == 1
        assert re.fullmatch(rf"error: .* is in use by process {os.getpid()} \(.*\); stop that first\n", error)
    os.close(held)


def test_ussd(simulator: Simulator) -> None:
    simulator.sim(balance=15_250, valid_until="2026-12-31")
    code, out, _ = run("ussd", "*888#", "--device", str(simulator.device))
    assert code == 0
    assert out.splitlines() == [
        "Sisa pulsa Rp 15.250. Masa aktif s.d. 31-12-2026.",
        "understood: balance 15250, valid until 2026-12-31",
    ]
    code, out, _ = run("ussd", "*123#", "1", "--device", str(simulator.device), "--json")
    assert json.loads(out) == {
        "status": "done", "text": "Isi pulsa di gerai terdekat.", "balance": None, "valid_until": None
    }  # fmt: skip
    simulator.sim(status=4)
    code, out, _ = run("ussd", "*888#", "--device", str(simulator.device))
    assert (code, out) == (1, "no text: not-supported\n")
    simulator.sim(status=None)
    assert run("ussd", "halo", "--device", str(simulator.device))[0] == 2


def test_signal_and_inbox(simulator: Simulator) -> None:
    code, out, _ = run("signal", "--device", str(simulator.device))
    assert (code, out) == (0, "63 %     home, Gardu Seluler\n")
    number = "+6285566667777"
    simulator.text(number, "HADIR\n482113")
    eventually(lambda: simulator.state()["queued"] == 0)
    before = simulator.state()["used"]
    code, out, _ = run("inbox", "--device", str(simulator.device))
    assert code == 0
    assert re.search(r"\d  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \+0700 +\+6285566667777 +HADIR 482113\n", out)
    code, out, _ = run("inbox", "--device", str(simulator.device), "--json")
    assert [sms["text"] for sms in json.loads(out) if sms["number"] == number] == ["HADIR\n482113"]
    assert simulator.state()["used"] == before
