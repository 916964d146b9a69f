from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import Now
from gateway.core import Core
from gateway.journal import Journal
from gateway.rulebook import RuleBook
from gateway.ussd import LONGEST, TIMEOUT, UssdDesk
from modem.unfitted import Unfitted
from mqtt_bridge.records import Action, Channel, Flag, Policy, PresenceRule
from mqtt_bridge.sealing import public_text, unseal_with
from tests.conversations.test_conversations import SEALING_KEY

from .factories import MORNING, OFFICE, PHONE, SECRET, STRANGER, desired, journal
from .fakes import FakeClock
from .test_decide import code


class Desk:
    """A desk with a clock in hand."""

    def __init__(self, folder: Path, rule: PresenceRule = PresenceRule.REQUIRED) -> None:
        self.journal: Journal = journal(folder)
        wanted = msgspec.structs.replace(
            desired(), policy=Policy(presence=rule), secrets={OFFICE: SECRET}, sealing_key=public_text(SEALING_KEY)
        )
        self.journal.apply(wanted)
        self.clock = FakeClock(Now(MORNING, 0.0))
        self.desk = UssdDesk(self.journal, RuleBook(self.journal), self.clock)

    def dial(self, typed: str = "", *, phone: str = PHONE, session: str = "s1", after: float = 0) -> str:
        wait = timedelta(seconds=after)
        self.clock.moment = replace(self.clock.moment, wall=self.clock.moment.wall + wait)
        return self.desk.answer(session, phone, typed)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.journal.close()


def test_a_check_in_counts_from_when_the_session_began(desk: Desk) -> None:
    assert desk.dial().startswith("CON 1 Hadir")
    assert desk.dial("1", after=20).startswith("CON Ketik kode")
    said = desk.dial(f"1*{code(MORNING + timedelta(seconds=50))}", after=30)
    assert said.startswith("END Hadir tercatat Sel 24 Nov 07:21:05 WIB")
    (record,) = desk.journal.records(0, 10)
    assert (record.at, record.channel, record.action) == (MORNING, Channel.USSD, Action.IN)
    assert record.flags == ()
    assert desk.journal.unsent_count() == 0, "it was told in the session, and costs no SMS"


def test_a_callback_that_is_repeated_hears_the_same_and_records_once(desk: Desk) -> None:
    desk.dial()
    typed = f"1*{code()}"
    said = desk.dial(typed)
    assert desk.dial(typed, after=5) == said
    desk.journal.keep_answer(desk.journal.session("s1", PHONE, MORNING), "1", "CON lost")  # as if cut off before
    assert desk.dial(typed, after=5) == said
    assert desk.journal.position().last == 1


def test_a_session_that_is_cut_off_records_nothing(desk: Desk) -> None:
    desk.dial()
    desk.dial("1")
    assert desk.journal.position().last == 0
    assert desk.dial(session="s2", after=60).startswith("CON 1 Hadir")


def test_a_session_that_lasts_too_long_is_over(desk: Desk) -> None:
    desk.dial()
    assert desk.dial("1", after=TIMEOUT.total_seconds() + 1).startswith("END Waktu habis")
    assert desk.journal.position().last == 0


def test_a_wrong_code_is_told_and_counts_as_a_guess(desk: Desk) -> None:
    desk.dial()
    assert desk.dial("1*000000").startswith("END Belum tercatat: kode salah")
    assert desk.journal.guesses(MORNING - timedelta(hours=1)).codes == 1


def test_one_that_is_not_known_can_ask_to_be_bound(desk: Desk) -> None:
    assert desk.dial(phone=STRANGER).startswith("CON Nomor ini belum terdaftar")
    assert desk.dial("1*199001012020121001", phone=STRANGER).startswith("END Permintaan daftar diterima")
    (record,) = desk.journal.records(0, 10)
    assert (record.action, record.employee) == (Action.REGISTER, STRANGER)
    assert unseal_with(SEALING_KEY, record.note) == "199001012020121001"
    file = Path(desk.journal._path)
    assert b"199001012020121001" not in file.read_bytes() + file.with_name(file.name + "-wal").read_bytes()


@pytest.mark.parametrize("phone", ["", "888", "TELKOMSEL", "+15551234567", "+"])
def test_what_is_no_phone(desk: Desk, phone: str) -> None:
    assert desk.dial(phone=phone).startswith("END Nomor ini belum terdaftar")


def test_a_number_without_its_plus_is_the_same(desk: Desk) -> None:
    assert desk.dial(phone=PHONE.removeprefix("+")).startswith("CON 1 Hadir")


def test_before_there_is_a_roster(tmp_path: Path) -> None:
    held = journal(tmp_path)
    desk = UssdDesk(held, RuleBook(held), FakeClock())
    assert desk.answer("s1", PHONE, "").startswith("END Layanan belum siap")
    held.close()


def test_an_untrusted_clock_is_flagged(desk: Desk) -> None:
    desk.clock.moment = replace(desk.clock.moment, synchronised=False)
    desk.dial()
    desk.dial(f"1*{code()}")
    assert desk.journal.records(0, 10)[0].flags == (Flag.CLOCK_UNTRUSTED,)


@given(st.text(max_size=40), st.sampled_from([PHONE, STRANGER]), st.integers(0, 99))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_gets_one_short_answer(desk: Desk, typed: str, phone: str, session: int) -> None:
    said = desk.dial(typed, phone=phone, session=f"{phone}{session}{typed!r}")
    assert said.startswith(("CON ", "END "))
    assert len(said) <= LONGEST


def test_a_gateway_without_a_modem_serves_it_and_is_well(tmp_path: Path) -> None:
    held = journal(tmp_path)
    held.apply(desired())
    core = Core(Unfitted(), held, FakeClock(), tmp_path)
    core.step_modem()
    assert core.ussd.answer("s1", PHONE, "1").startswith("END Hadir tercatat")
    status = core.status()
    assert status.modem.state == "unfitted"
    assert status.complete_until == MORNING
    assert {reason.code for reason in status.reasons} == {"link"}
    held.close()
