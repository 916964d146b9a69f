"""Which of several modems sends a reply: the rule, two modems in memory, and two of libgammu's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import Core
from gateway.desk import Desk
from gateway.journal import Journal
from gateway.outbox import Unsent
from gateway.schema import STEPS
from gateway.store import JournalError
from gateway.web.server import create_app
from modem import operators
from modem.messages import ModemError, ModemStatus, OutgoingSms, Registration
from modem.operators import Operator
from modem.worker import ModemWorker
from tests.simulated import Simulator
from tests.waiting import eventually

from .factories import MORNING, OTHER, PHONE, desired, journal
from .fakes import FakeClock, FakeModem
from .test_web import SETTINGS

OPERATORS = operators.load()
TELKOMSEL, INDOSAT = OPERATORS[0], OPERATORS[1]


@dataclass
class Stand:
    name: str
    operator: Operator | None
    may_send: bool = True


@pytest.mark.parametrize(
    ("origin", "able", "sender"),
    [
        ("a", "abc", "a"),
        ("b", "abc", "b"),
        ("b", "ac", "c"),  # of the number's operator
        ("b", "a", "a"),
        ("b", "", "b"),  # nobody can: it waits for its own
        ("gone", "abc", "c"),
        ("gone", "", "a"),
    ],
)
def test_who_sends_it(origin: str, able: str, sender: str) -> None:
    desk = Desk(OPERATORS)
    for name, operator in (("a", INDOSAT), ("b", None), ("c", TELKOMSEL)):
        desk.join(Stand(name, operator, name in able))
    reply = Unsent(1, PHONE, "Hadir", MORNING, 0, origin)
    assert [name for name in "abc" if desk.is_for(name, reply)] == [sender]


def test_only_one_has_it_at_a_time() -> None:
    desk = Desk()
    assert desk.claim(1)
    assert not desk.claim(1)
    assert desk.claim(2)
    desk.release(1)
    assert desk.claim(1)


class Office:
    """A gateway with two modems."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = FakeModem(), FakeModem()
        self.clock = FakeClock()
        self.journal: Journal = journal(folder)
        self.journal.apply(desired())
        self.core = Core(
            self.first, self.journal, self.clock, folder, name="a", more={"b": self.second}, operators=OPERATORS
        )

    def run(self, *places: int, after: float = 0.0) -> None:
        now = self.clock.moment
        self.clock.moment = replace(now, wall=now.wall + timedelta(seconds=after), monotonic=now.monotonic + after)
        for place in places or (0, 1):
            with suppress(ModemError):
                while self.core.step_modem(place):
                    pass


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.journal.close()


def numbers(modem: FakeModem) -> list[str]:
    return [sms.number for sms in modem.sent]


def test_replies_leave_by_the_modem_that_got_the_message(office: Office) -> None:
    office.first.put(1, "HADIR", PHONE)
    office.second.put(1, "HADIR", OTHER)
    office.run()
    assert (numbers(office.first), numbers(office.second)) == ([PHONE], [OTHER])
    assert office.core.complete_until == MORNING


def test_a_dead_modem_holds_up_nobody_and_is_named(office: Office) -> None:
    office.core.step_modem(0)
    office.first.put(1, "HADIR", PHONE)
    office.core.step_modem(0)  # received, and not yet answered
    for name in ("receive", "send", "status"):
        office.first.fail[name] = ModemError("/dev/a does not exist", gone=True)
    office.second.put(1, "HADIR", OTHER)
    office.run(after=1)
    office.run(after=1)
    assert (numbers(office.first), sorted(numbers(office.second))) == ([], sorted([OTHER, PHONE]))
    assert office.journal.position().last == 2
    assert "modem" in {reason.code for reason in office.core.status().reasons}
    assert office.core.status().complete_until == MORNING  # what lies on the dead one's SIM is not here


def test_what_is_wrong_with_the_second_is_said_by_its_number(office: Office) -> None:
    office.second.registration = Registration.DENIED
    office.run()
    reasons = {reason.code: reason.text for reason in office.core.status().reasons}
    assert reasons["network-2"].startswith("Modem 2: Jaringan menolak kartu SIM")
    assert "network" not in reasons
    page = create_app(office.core, SETTINGS).test_client()
    assert "ditolak jaringan" in page.get("/").text
    assert 'gardu_gateway_problem{code="network-2"} 1.0' in page.get("/metrics").text


def test_one_reply_never_leaves_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second modem takes over, and the first one comes back while the second is still sending."""
    office.second.put(1, "HADIR", PHONE)
    office.core.step_modem(1)
    office.second.fail["receive"] = ModemError("no answer", gone=True)
    office.run(1)
    slow, go_on = threading.Event(), threading.Event()

    def send(sms: OutgoingSms) -> int:
        slow.set()
        assert go_on.wait(10)
        office.first.sent.append(sms)
        return 1

    monkeypatch.setattr(office.first, "send", send)
    thread = threading.Thread(target=office.run, args=(0,))
    thread.start()
    assert slow.wait(10)
    office.second.fail.clear()
    office.run(1)  # well again
    assert office.core.sides[1].may_send
    office.run(1)
    go_on.set()
    thread.join()
    office.run()
    assert (numbers(office.first), numbers(office.second)) == ([PHONE], [])


def test_a_journal_of_before_is_taken_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as old:
        old.execute("PRAGMA user_version = 3")
        old.executescript("".join((*STEPS[:3], "INSERT INTO meta VALUES ('journal', 'j'), ('delivered', '0');")))
    held = journal(tmp_path)
    office = Office(tmp_path)
    office.first.put(1, "HADIR", PHONE)
    office.run()
    assert numbers(office.first) == [PHONE]
    office.journal.close()
    held.close()


def works(core: Core, place: int) -> bool:
    try:
        core.step_modem(place)
    except (ModemError, JournalError):
        return False
    return core.sides[place].watch.status is not None


def test_two_modems_by_libgammu(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    held = journal(tmp_path)
    held.apply(desired())
    with Simulator(folders[0]) as first, Simulator(folders[1]) as second:
        modems = {str(each.device): ModemWorker(str(each.device)) for each in (first, second)}
        (name, modem), (other, spare) = modems.items()
        core = Core(modem, held, FakeClock(), tmp_path, name=name, more={other: spare}, operators=OPERATORS)
        for place in (0, 1):
            eventually(lambda place=place: works(core, place))  # type: ignore[misc]
        first.text(PHONE, "HADIR")
        eventually(lambda: core.step_modem(0))
        first.kill()
        with pytest.raises(ModemError):
            core.step_modem(0)
        eventually(lambda: core.step_modem(1))
        assert second.answers(PHONE)[0].startswith("Hadir tercatat")
        for worker in modems.values():
            worker.close()
    held.close()


def test_the_state_of_a_modem_tells_whether_it_can_send(office: Office) -> None:
    side = office.core.sides[0]
    assert side.operator is None
    office.run()
    assert side.may_send
    assert side.operator == TELKOMSEL
    side.watch.status = ModemStatus(Registration.SEARCHING)
    assert not side.may_send
