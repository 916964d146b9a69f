"""What the modem and its network may bring: each fault of messages, SIM and network, and what must happen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.decision import Outcome
from mqtt_bridge.records import Flag
from tests.simulated import Simulator
from tests.waiting import eventually

from .office import EMPLOYEES, Office


def test_row_12_a_broken_pdu_hides_nobody_and_is_kept_and_removed(office: Office, simulator: Simulator) -> None:
    simulator.text(office.phones[0], "HADIR")
    simulator.fault("pdu")
    simulator.text(office.phones[1], "HADIR")
    eventually(lambda: simulator.state()["used"] == 3)
    office.settle()
    assert [record.employee for record in office.records()] == office.phones[:2]
    kept = [entry.text for entry in office.journal.log(10) if entry.outcome is Outcome.NOT_A_PHONE]
    assert kept == ["00040B911111111111F100086211425194008203004100"]


def test_row_15_a_delayed_sms_has_its_true_time(office: Office, simulator: Simulator) -> None:
    receipt = simulator.text(office.phones[0], "HADIR", delay_seconds=21_600)
    office.settle()
    (record,) = office.records()
    assert record.at == datetime.fromisoformat(receipt["scts"])
    assert record.received - record.at > timedelta(hours=5, minutes=59)
    assert record.flags == ()


@pytest.mark.parametrize("value", ["month-15", "missing", "clock-2004", "future"])
def test_row_16_without_a_time_that_can_be_true_the_receipt_counts(
    office: Office, simulator: Simulator, value: str
) -> None:
    simulator.fault("stamp", value=value, times=1)
    simulator.text(office.phones[0], "HADIR")
    office.settle()
    (record,) = office.records()
    assert record.at == record.received
    assert record.flags == (Flag.CLOCK_UNTRUSTED,)


def test_row_16_a_modem_with_a_wrong_clock_changes_nothing(office: Office, simulator: Simulator) -> None:
    simulator.fault("clock")
    simulator.text(office.phones[0], "HADIR")
    office.settle()
    assert office.records()[0].flags == ()
    assert office.modem.network_time() is None


def test_row_17_a_message_that_is_delivered_twice_counts_once(office: Office, simulator: Simulator) -> None:
    simulator.fault("duplicate", copies=3, times=1)
    simulator.text(office.phones[0], "HADIR")
    office.settle()
    assert len(office.records()) == 1
    assert len(simulator.answers(office.phones[0])) == 1


def test_row_30_a_full_sim_is_emptied_and_the_rest_follows(office: Office, simulator: Simulator) -> None:
    simulator.fault("sim-full", slots=3)
    for phone in office.phones:
        simulator.text(phone, "HADIR")
    eventually(lambda: simulator.state()["used"] >= 3)
    assert simulator.state()["queued"] > EMPLOYEES / 2
    office.until(lambda: len(office.records()) == EMPLOYEES)
    assert {record.employee for record in office.records()} == set(office.phones)
    assert office.outcomes() == [Outcome.RECORDED] * EMPLOYEES
    for reply in office.journal.unsent(EMPLOYEES):
        office.journal.not_sent(reply.id, "would take most of a minute", give_up=True)


@pytest.mark.parametrize(
    ("kind", "values", "state", "code"),
    [
        ("sim", {"state": "pin"}, "pin", "sim"),
        ("sim", {"state": "puk"}, "puk", "sim"),
        ("sim", {"state": "absent"}, "no-sim", "sim"),
        ("registration", {"state": "searching"}, "searching", "network"),
        ("registration", {"state": "denied"}, "denied", "network"),
        ("registration", {"state": "none"}, "none", "network"),
        ("signal", {"value": 2}, "degraded", "modem"),
    ],
)
def test_row_32_what_keeps_it_off_the_network_is_named(
    office: Office, simulator: Simulator, kind: str, values: dict[str, object], state: str, code: str
) -> None:
    simulator.fault(kind, **values)
    office.restart()
    office.until(lambda: office.state() == state)
    assert office.codes() >= {code}
    simulator.mend()
    office.restart()
    office.until(lambda: office.state() == "registered")
    assert not office.codes() & {code}


def test_row_32_a_sim_that_may_only_receive_is_named(
    office: Office, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sender.RETRY_AFTER", (0.0, 0.0, 0.0, 0.0))
    simulator.fault("no-send", answer="cms:8")  # operator determined barring
    simulator.text(office.phones[0], "HADIR")
    office.until(lambda: office.state() == "degraded")
    (reason,) = [reason for reason in office.core.status().reasons if reason.code == "modem"]
    assert "cause 8" in reason.text
    assert len(office.records()) == 1
    simulator.mend()
    simulator.text(office.phones[1], "HADIR")
    office.until(lambda: simulator.answers(office.phones[1]))
    office.until(lambda: office.state() == "registered")


@pytest.mark.parametrize("change", ["reversed", "lost", "doubled"])
def test_row_33_parts_of_a_long_message_are_one_or_wait_for_the_others(
    office: Office, simulator: Simulator, change: str
) -> None:
    simulator.fault("parts", change=change, times=1)
    simulator.text(office.phones[0], "HADIR " * 40)
    office.settle()
    assert office.records() == []
    assert office.outcomes() == ([] if change == "lost" else [Outcome.TOO_LONG])
    assert bool(office.journal.parts_waiting()) == (change == "lost")


@pytest.mark.parametrize(
    "pdu",
    [
        "00440C91261832547698000062114251940082" + "05" + "FF00030101",  # a header longer than all
        "00440C91261832547698000062114251940082" + "0A" + "0500",  # it ends within its header
        "00040C91261832547698000862114251940082" + "03" + "004100",  # half a sign of UCS-2
        "00040C91261832547698000062114251940082" + "A0" + "C8",  # far shorter than it says
        "FF",
        "0004",
    ],
)
def test_row_34_octets_that_are_no_sms_harm_nobody(office: Office, simulator: Simulator, pdu: str) -> None:
    simulator.fault("pdu", hex=pdu)
    simulator.text(office.phones[0], "HADIR")
    eventually(lambda: simulator.state()["used"] == 2)
    office.settle()
    assert [record.employee for record in office.records()] == office.phones[:1]
    assert len(office.outcomes()) == 2


@pytest.mark.parametrize("kind", ["wap-push", "flash", "binary"])
def test_row_35_what_no_person_typed_does_not_count(office: Office, simulator: Simulator, kind: str) -> None:
    simulator.fault(kind, **{"from": office.phones[0]})
    office.until(office.outcomes)
    assert office.outcomes() == [Outcome.BINARY]
    assert office.records() == []


def test_row_36_reports_and_senders_without_number_do_not_count(office: Office, simulator: Simulator) -> None:
    simulator.fault("report", **{"from": office.phones[0]})
    simulator.fault("sender", name="", times=1)
    simulator.text(office.phones[0], "HADIR")
    simulator.fault("sender", name="INFO", times=1)
    simulator.text(office.phones[0], "HADIR")
    eventually(lambda: simulator.state()["queued"] == 0)
    office.settle()
    assert sorted(office.outcomes()) == sorted([Outcome.REPORT, Outcome.NOT_A_PHONE, Outcome.NOT_A_PHONE])
    assert office.records() == []
