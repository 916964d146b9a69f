"""SIM, SMS centre and phones, also over the sudden end of their process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modem.simulator.at import Refused
from modem.simulator.network import Network
from modem.simulator.pdu import encode_address
from modem.simulator.peers import carrier
from tests.simulated import Simulator
from tests.waiting import eventually

SIX_HOURS = timedelta(hours=6)


def test_the_time_stamp_is_set_when_the_phone_hands_over(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 24, 0, 12, tzinfo=UTC)
    network = Network(tmp_path / "state.db", now=lambda: moment)
    message = network.text("+628111", "HADIR")
    assert message.moment.isoformat() == "2026-11-24T07:12:00+07:00"
    late = network.text("+628111", "HADIR", sent=network.now() - SIX_HOURS)
    assert late.moment.isoformat() == "2026-11-24T01:12:00+07:00"


def test_a_full_sim_leaves_the_rest_with_the_centre(tmp_path: Path) -> None:
    network = Network(tmp_path / "state.db", capacity=2)
    for text in "abc":
        network.text("+628111", text)
    assert network.deliver("SM") == [1, 2]
    assert (network.state().used, network.state().queued, network.state().delivered) == (2, 1, 2)
    assert network.deliver("SM") == []
    network.delete("SM", [1])
    assert network.deliver("SM") == [1]
    assert network.state().queued == 0


def test_what_is_held_back_comes_when_it_is_due(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    network = Network(tmp_path / "state.db", now=lambda: moment)
    network.text("+628111", "HADIR", hold=SIX_HOURS)
    assert network.deliver("SM") == []
    moment += SIX_HOURS
    assert network.deliver("SM") == [1]


def test_repeated_delivery_is_the_same_pdu(tmp_path: Path) -> None:
    network = Network(tmp_path / "state.db")
    network.text("+628111", "HADIR", repeat=3)
    network.deliver("SM")
    assert len({slot.pdu for slot in network.slots("SM")}) == 1
    assert len(network.slots("SM")) == 3


def test_a_power_cut_loses_no_sms(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path, "--capacity", "3").start()
    for number in range(5):
        simulator.text("+628111", f"HADIR {number}")
    eventually(lambda: simulator.state()["used"] == 3)
    simulator.kill()
    assert not simulator.device.exists()
    with simulator:
        eventually(lambda: simulator.state()["used"] == 3)
        assert simulator.state() == {"used": 3, "capacity": 6, "queued": 2, "sent": 5, "delivered": 3, "answers": 0}
        assert len(simulator.messages("+628111")) == 5
    assert not simulator.device.is_symlink()


def submitted(number: str, scheme: int, data: bytes) -> bytes:
    """An SMS-SUBMIT as a modem is given it."""
    return b"\x00\x01\x00" + encode_address(number) + bytes([0, scheme, len(data)]) + data


def test_an_sms_to_another_modem_comes_to_it(tmp_path: Path) -> None:
    other = Simulator(tmp_path / "other", number="+6281100002")
    network = Network(tmp_path / "state.db", peers={other.number: carrier("+6281100001", other.url)})
    with pytest.raises(Refused) as caught:  # nobody is there: the modem hears of it and can try again
        network.submit(submitted(other.number, 4, b"\x00\xff"))
    assert caught.value.code == 38
    with other:
        network.submit(submitted(other.number, 4, b"\x00\xff"))
        network.submit(submitted(other.number, 8, "é?".encode("utf-16-be")))
        assert [message["text"] for message in other.messages("+6281100001")] == ["00 ff", "é?"]
        eventually(lambda: other.state()["used"] == 2)
    network.close()
