"""Modems that hang, lie or vanish between any two commands: each such fault, and what must happen."""

from __future__ import annotations

import pytest

from modem import line
from modem.worker import DEADLINES, ModemWorker
from mqtt_bridge.loop import BACKOFF
from tests.simulated import Simulator
from tests.waiting import eventually

from .office import Office

_OPENING = 5.0  # seconds that libgammu takes


def test_a_hang_is_over_within_a_minute() -> None:
    """The longest call and one opening, or an opening under way, the longest pause and another opening."""
    longest = max(seconds for doing, seconds in DEADLINES.items() if doing != "open")
    assert longest + BACKOFF[0] + 1 + _OPENING <= 60
    assert DEADLINES["open"] + BACKOFF[-1] + 1 + _OPENING <= 60


def test_row_3_a_crash_between_commit_and_delete_makes_one_record(office: Office, simulator: Simulator) -> None:
    simulator.text(office.phones[0], "HADIR")
    simulator.fault("silent", command="CMGD", times=1)
    office.until(lambda: office.problems)
    office.restart()
    assert len(office.records()) == 1
    office.settle()
    assert len(office.records()) == 1
    assert office.journal.log(1)[0].copies == 2
    assert len(simulator.answers(office.phones[0])) == 1


@pytest.mark.parametrize("kind", [pytest.param("silent", marks=pytest.mark.slow), "error"])
def test_row_4_a_slot_used_again_after_a_delete_that_seemed_to_fail_is_not_lost(
    office: Office, simulator: Simulator, kind: str
) -> None:
    simulator.fault("sim-full", slots=1)
    simulator.fault(kind, command="CMGD", done="yes", times=1)
    for phone in office.phones[:3]:  # the third comes into the slot of the first that is emptied
        simulator.text(phone, "HADIR")
    office.settle()
    assert {record.employee for record in office.records()} == set(office.phones[:3])


def test_row_10_a_modem_that_hangs_is_opened_again(office: Office, simulator: Simulator, modem: ModemWorker) -> None:
    child = modem.pid
    simulator.fault("silent", seconds=4)
    simulator.text(office.phones[0], "HADIR")
    office.until(lambda: office.problems)
    assert office.problems[0].gone
    assert (office.state(), office.codes() & {"modem"}) == ("hung", {"modem"})
    office.until(office.records, 60)
    assert modem.pid != child
    office.until(lambda: office.state() == "registered")


@pytest.mark.parametrize("answer", ["ok", "cms:500"])
def test_row_11_an_empty_list_is_not_believed_while_the_modem_counts_sms(
    office: Office, simulator: Simulator, answer: str
) -> None:
    office.step()
    simulator.text(office.phones[0], "HADIR")
    eventually(lambda: simulator.state()["used"])
    before = office.core.sides[0].receiver.complete_until
    for command in ("CMGL", "CMGR"):
        simulator.fault("error", command=command, answer=answer)
    office.step()
    assert "counts 1 SMS and shows none" in str(office.problems[0])
    assert office.codes() >= {"modem"}
    assert office.core.sides[0].receiver.complete_until == before
    simulator.mend()
    office.settle()
    assert len(office.records()) == 1


def test_row_11_a_list_that_fails_is_read_slot_by_slot(office: Office, simulator: Simulator) -> None:
    simulator.fault("error", command="CMGL")
    simulator.text(office.phones[0], "HADIR")
    office.settle()
    assert (len(office.records()), office.problems) == (1, [])


@pytest.mark.slow
def test_row_11_a_slot_that_never_shows_holds_up_nobody_for_long(
    office: Office, simulator: Simulator, modem: ModemWorker
) -> None:
    """libgammu takes a PDU without TPDU for an empty slot; a damaged SIM does the same to a modem."""
    simulator.fault("pdu", hex="00")
    office.until(lambda: office.problems and not office.problems[-1].gone, 60)
    child, before = modem.pid, office.core.sides[0].receiver.complete_until
    for phone in office.phones[:3]:
        simulator.text(phone, "HADIR")
    office.until(lambda: all(simulator.answers(phone) for phone in office.phones[:3]), 10)
    assert office.core.sides[0].receiver.complete_until == before
    assert (modem.pid, office.state()) == (child, "degraded")
    with line.opened(str(simulator.by_id)) as descriptor:
        for store in ("SM", "ME"):
            line.ask(descriptor, f'AT+CPMS="{store}"')
            line.ask(descriptor, "AT+CMGD=1,4")


@pytest.mark.parametrize("back", ["ttyUSB1", pytest.param("", marks=pytest.mark.slow)])
def test_row_31_a_modem_that_comes_back_under_another_name_is_found(
    office: Office, simulator: Simulator, back: str
) -> None:
    simulator.fault("unplug", back=back)
    simulator.text(office.phones[0], "HADIR")
    eventually(lambda: not simulator.by_id.exists())
    office.step()
    assert office.problems[0].absent
    assert (office.state(), office.codes() & {"modem"}) == ("absent", {"modem"})
    simulator.mend()
    office.until(office.records)
    office.until(lambda: office.state() == "registered")
    assert simulator.by_id.readlink().name == back or not back


def test_noise_on_the_line_loses_nothing(office: Office, simulator: Simulator) -> None:
    for number in range(3):
        simulator.text(office.phones[number], "HADIR")
    simulator.fault("garbage", octets=3, times=2)
    sent = set(office.phones[:3])
    # No checksum covers an SMS on a serial line: noise may add one that nobody sent, but it takes none away.
    office.until(lambda: sent <= {record.employee for record in office.records()}, 60)
    office.settle()
    assert sent <= {record.employee for record in office.records()}
