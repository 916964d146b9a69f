"""The gateway's modem side over real libgammu and a modem with faults: what must happen, fault by fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.decide import Outcome
from gateway.journal import Journal
from modem.messages import ModemError
from modem.worker import DEADLINES, ModemWorker
from mqtt_bridge.loop import BACKOFF
from mqtt_bridge.records import Flag, Member, Record
from tests.simulated import Simulator
from tests.waiting import eventually

from .factories import desired

EMPLOYEES = 60
_OPENING = 5.0  # seconds that libgammu takes
_lives = itertools.count(1)


class Office:
    """A gateway without its collector. `restart` is what a power cut leaves; `problems` are what the modem said."""

    def __init__(self, folder: Path, simulator: Simulator, modem: ModemWorker) -> None:
        self.simulator = simulator
        self.modem = modem
        self.problems: list[ModemError] = []
        life = next(_lives)
        self.phones = [f"+62813{life:04}{number:04}" for number in range(EMPLOYEES)]
        self._folder = folder
        self._open()
        roster = tuple(Member(employee=phone, phone=phone) for phone in self.phones)
        self.journal.apply(msgspec.structs.replace(desired(), roster=roster))

    def _open(self) -> None:
        self.journal = Journal(self._folder / "journal.db", "dinkes-01")
        self.core = Core(self.modem, self.journal, SystemClock(synchronised=lambda: True), self._folder)

    def restart(self) -> None:
        self.journal.close()
        self._open()

    def step(self) -> bool:
        try:
            return self.core.step_modem()
        except ModemError as error:
            self.problems.append(error)
            return False

    def until(self, look: Callable[[], object], seconds: float = 30.0) -> None:
        """Step until it is true."""

        def step_and_look() -> object:
            self.step()
            return look()

        eventually(step_and_look, seconds)

    def settle(self) -> None:
        """Step until nothing is left to do: nothing on the way, nothing on the SIM, nothing to send."""
        self.until(lambda: not any(self.simulator.state()[name] for name in ("queued", "used")))
        self.until(lambda: not self.journal.unsent(1))

    def records(self) -> list[Record]:
        return self.journal.records(0, 1000)

    def outcomes(self) -> list[Outcome]:
        """Of all messages, oldest first."""
        return [entry.outcome for entry in reversed(self.journal.log(1000))]

    def codes(self) -> set[str]:
        return {reason.code for reason in self.core.status().reasons}

    def state(self) -> str:
        return self.core.status().modem.state


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator"), "--capacity", "10") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def modem(simulator: Simulator) -> Iterator[ModemWorker]:
    hurried = {"receive": 3.0, "read": 3.0, "delete": 3.0, "send": 4.0, "status": 3.0}
    worker = ModemWorker(str(simulator.by_id), deadlines=hurried, pause=0)
    yield worker
    worker.close()


@pytest.fixture
def office(tmp_path: Path, simulator: Simulator, modem: ModemWorker) -> Iterator[Office]:
    office = Office(tmp_path, simulator, modem)
    office.settle()
    office.problems.clear()
    yield office
    simulator.mend()
    office.settle()
    office.journal.close()


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


@pytest.mark.parametrize("kind", ["silent", "error"])
def test_row_4_a_slot_used_again_after_a_delete_that_seemed_to_fail_is_not_lost(
    office: Office, simulator: Simulator, kind: str
) -> None:
    simulator.fault("sim-full", slots=1)
    simulator.fault(kind, command="CMGD", done="yes", times=1)
    simulator.text(office.phones[0], "HADIR")
    simulator.text(office.phones[1], "HADIR")  # into the same slot, once it is empty
    office.settle()
    assert [record.employee for record in office.records()] == office.phones[:2]


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


@pytest.mark.parametrize("answer", ["ok", "cms:321", "cms:500"])
def test_row_11_an_empty_list_is_not_believed_while_the_modem_counts_sms(
    office: Office, simulator: Simulator, answer: str
) -> None:
    office.step()
    simulator.text(office.phones[0], "HADIR")
    eventually(lambda: simulator.state()["used"])
    before = office.core.receiver.complete_until
    for command in ("CMGL", "CMGR"):
        simulator.fault("error", command=command, answer=answer)
    office.step()
    assert "counts 1 SMS and shows none" in str(office.problems[0])
    assert office.codes() >= {"modem"}
    assert office.core.receiver.complete_until == before
    simulator.mend()
    office.settle()
    assert len(office.records()) == 1


def test_row_11_a_list_that_fails_is_read_slot_by_slot(office: Office, simulator: Simulator) -> None:
    simulator.fault("error", command="CMGL")
    simulator.text(office.phones[0], "HADIR")
    office.settle()
    assert (len(office.records()), office.problems) == (1, [])


def test_row_12_a_broken_pdu_hides_nobody_and_is_kept_and_removed(office: Office, simulator: Simulator) -> None:
    simulator.text(office.phones[0], "HADIR")
    simulator.fault("pdu")
    simulator.text(office.phones[1], "HADIR")
    eventually(lambda: simulator.state()["used"] == 3)
    office.settle()
    assert [record.employee for record in office.records()] == office.phones[:2]
    kept = [entry.text for entry in office.journal.log(10) if entry.outcome is Outcome.NOT_A_PHONE]
    assert kept == ["00040B911111111111F1000862114251940082030041"]


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
    eventually(lambda: simulator.state()["used"] == 3)
    status = office.modem.status()
    assert (status.used, status.capacity) == (3, 6)  # of both stores, and the SMS centre fills one
    office.until(lambda: len(office.records()) == EMPLOYEES)
    assert {record.employee for record in office.records()} == set(office.phones)
    assert office.outcomes() == [Outcome.RECORDED] * EMPLOYEES
    with suppress(ModemError):  # 60 answers would take most of a minute, and are not what this is about
        office.journal.reopen()
    for reply in office.journal.unsent(EMPLOYEES):
        office.journal.not_sent(reply.id, "not tested", give_up=True)


@pytest.mark.parametrize("back", ["", "ttyUSB1", "modem"])
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
def test_row_33_parts_of_a_long_message_are_kept_and_make_no_record(
    office: Office, simulator: Simulator, change: str
) -> None:
    simulator.fault("parts", change=change, times=1)
    simulator.text(office.phones[0], "HADIR " * 40)
    office.settle()
    assert office.records() == []
    assert office.outcomes() == [Outcome.TOO_LONG] * {"reversed": 2, "lost": 1, "doubled": 2}[change]


@pytest.mark.parametrize(
    "pdu",
    [
        "00440C91261832547698000062114251940082" + "05" + "FF00030101",  # a header longer than all
        "00440C91261832547698000062114251940082" + "0A" + "0500",  # it ends within its header
        "00040C91261832547698000862114251940082" + "03" + "004100",  # half a sign of UCS-2
        "00040C91261832547698000062114251940082" + "A0" + "C8",  # far shorter than it says
        "00",
        "FF",
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


def test_noise_on_the_line_loses_nothing(office: Office, simulator: Simulator) -> None:
    for number in range(3):
        simulator.text(office.phones[number], "HADIR")
    simulator.fault("garbage", octets=3, times=6)
    office.until(lambda: len(office.records()) >= 3, 60)
    office.settle()
    assert [record.employee for record in office.records()] == office.phones[:3]
