"""USSD and calls by the driver: real libgammu has the device open, and goes on as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from modem import line
from modem.driver import GammuModem
from modem.messages import IncomingCall, ModemError, UssdAnswer, UssdStatus
from tests.simulated import Simulator
from tests.waiting import eventually

PHONE = "+6281234567890"
PLAIN: dict[str, Any] = {
    "balance": 15_250, "valid_until": "2026-12-31", "price": 0, "status": None, "encoding": "plain",
    "order": "after", "delay": 0, "scheme": True, "takes_packed": False,
}  # fmt: skip
MENU = "Pulsa Utama Rp.15.250. Aktif s/d 31-12-2026\n1. Isi pulsa\n2. Paket"
BALANCE = "Sisa pulsa Rp 15.250. Masa aktif s.d. 31-12-2026."


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def modem(simulator: Simulator) -> Iterator[GammuModem]:
    modem = GammuModem(str(simulator.device))
    yield modem
    modem.close()


@pytest.fixture(autouse=True)
def good_manners(simulator: Simulator) -> None:
    simulator.sim(**PLAIN)


@pytest.mark.parametrize(
    "manners",
    [
        {},
        {"encoding": "packed"},
        {"encoding": "hex"},
        {"encoding": "ucs2"},
        {"scheme": False},
        {"encoding": "ucs2", "scheme": False},
        {"order": "before"},
        {"order": "ended-first"},
        {"delay": 1.5},
        {"status": 2},
        {"takes_packed": True},
    ],
)
def test_the_balance_whatever_the_manners(modem: GammuModem, simulator: Simulator, manners: dict[str, Any]) -> None:
    simulator.sim(**manners)
    answer = modem.dial("*888#")
    assert answer.text == BALANCE
    assert answer.status is (UssdStatus.ENDED if manners.get("status") == 2 else UssdStatus.DONE)
    assert modem.status().signal == 63


def test_a_menu_is_whole_and_its_choices_lead_on(modem: GammuModem) -> None:
    assert modem.dial("*123#") == UssdAnswer(UssdStatus.MENU, MENU)
    assert modem.dial("*123#", "1").text == "Isi pulsa di gerai terdekat."
    assert modem.dial("1").text == "Kode tidak dikenal."  # the menu is closed


@pytest.mark.parametrize(("status", "meaning"), [(4, UssdStatus.NOT_SUPPORTED), (5, UssdStatus.TIMEOUT)])
def test_a_refusal_without_text(modem: GammuModem, simulator: Simulator, status: int, meaning: UssdStatus) -> None:
    simulator.sim(status=status)
    assert modem.dial("*888#") == UssdAnswer(meaning)


def test_a_network_that_does_not_answer(
    modem: GammuModem, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modem.dialling.SECONDS", 2.0)
    simulator.sim(order="never")
    assert modem.dial("*888#") == UssdAnswer(UssdStatus.TIMEOUT)
    simulator.sim(order="after")
    assert modem.dial("*888#").text == BALANCE


def test_what_the_network_says_unasked_is_no_answer(modem: GammuModem, simulator: Simulator) -> None:
    modem.dial("*888#")
    simulator.push("Promo!\nKuota 5GB Rp 1.000")
    assert modem.status().signal == 63  # a line break in there would hang libgammu
    assert modem.dial("*888#").text == BALANCE


@pytest.mark.parametrize("code", ["", "halo", '*1#",15\rAT+CMGD=1,4\r', "*1#;"])
def test_what_is_no_code_is_not_dialled(modem: GammuModem, code: str) -> None:
    with pytest.raises(ModemError, match="is no code") as caught:
        modem.dial(code)
    assert (caught.value.permanent, caught.value.gone) == (True, False)


def test_an_sms_meanwhile_is_not_missed(modem: GammuModem, simulator: Simulator) -> None:
    simulator.sim(delay=0.5)
    simulator.text(PHONE, "HADIR")
    modem.dial("*888#")
    received = eventually(modem.receive)
    assert [sms.text for sms in received] == ["HADIR"]
    modem.delete(received[0].location)


def test_callers_are_known_and_hung_up(modem: GammuModem, simulator: Simulator) -> None:
    modem.calls()
    for number in (PHONE, "", "081234567890"):
        simulator.call(number)
        assert eventually(modem.calls) == [IncomingCall(number)]
        eventually(lambda: simulator.calls()[-1][1] != "ringing")
        assert simulator.calls()[-1] == (number, "hung-up")
    assert modem.calls() == []


def test_a_call_while_something_else_is_done(modem: GammuModem, simulator: Simulator) -> None:
    modem.calls()
    simulator.call(PHONE)
    eventually(lambda: modem.receive() == [] and modem._callers)
    assert modem.calls() == [IncomingCall(PHONE)]
    simulator.sim(delay=1)
    simulator.call(PHONE)
    modem.dial("*888#")
    assert modem.calls() == [IncomingCall(PHONE)]


def test_who_rings_once_before_slots_are_emptied_is_heard(modem: GammuModem, simulator: Simulator) -> None:
    modem.calls()
    simulator.text(PHONE, "HADIR")
    received = eventually(modem.receive)
    simulator.call(PHONE, rings=1)
    assert line.listen(modem._line, 10), "it rang, and nobody has looked yet"
    time.sleep(0.1)  # for the number that follows
    assert modem.erase(received).deleted == [received[0].location]
    assert modem.calls() == [IncomingCall(PHONE)]


def test_the_sim_is_named(modem: GammuModem, simulator: Simulator) -> None:
    assert modem.status().imsi == "510100000000001"
    assert simulator.sim()["valid_until"] == date(2026, 12, 31).isoformat()
