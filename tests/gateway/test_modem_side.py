"""Receiver and sender over a journal of their own: save, then delete; inbound before outbound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.core import Core
from gateway.decision import Outcome
from gateway.outbox import Delivery
from gateway.sender import RETRY_AFTER, VALIDITY, Limits
from gateway.store import JournalError
from modem.clearing import ATTEMPTS, STUCK_SECONDS
from modem.messages import IncomingSms, ModemError, Registration, Sim
from mqtt_bridge.records import Channel, Policy

from .factories import MORNING, OTHER, PHONE, STRANGER, desired, journal
from .fakes import FakeClock, FakeModem


class Bench:
    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.modem = FakeModem()
        self.clock = FakeClock()
        self.journal = journal(folder)
        self.core = Core(self.modem, self.journal, self.clock, folder, limits=limits)

    def step(self, after: float = 0.0) -> bool:
        now = self.clock.moment
        self.clock.moment = replace(now, wall=now.wall + timedelta(seconds=after), monotonic=now.monotonic + after)
        return self.core.step_modem()

    def run(self) -> None:
        while self.step():
            pass


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.journal.apply(desired())
    yield made
    made.journal.close()


def test_messages_become_records_and_leave_the_sim(bench: Bench) -> None:
    bench.modem.put(3, "HADIR", PHONE)
    bench.modem.put(7, "PULANG", OTHER)
    bench.run()
    assert [record.employee for record in bench.journal.records(0, 10)] == ["e-ani", "e-budi"]
    assert bench.modem.slots == {}
    assert [sms.number for sms in bench.modem.sent] == [PHONE, OTHER]
    assert bench.journal.unsent(10) == []


def test_everything_in_comes_before_anything_out(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.step()
    bench.modem.put(2, "HADIR", OTHER)
    bench.step()
    assert bench.modem.sent == []
    bench.step()
    assert len(bench.modem.sent) == 1


def test_nothing_is_deleted_when_the_journal_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.modem.put(1, "HADIR", PHONE)

    def full(*_: object) -> list[Outcome]:
        raise JournalError("journal.db: database or disk is full")

    monkeypatch.setattr(bench.journal, "admit", full)
    with pytest.raises(JournalError):
        bench.step()
    assert bench.modem.slots
    assert next(reason.code for reason in bench.core.status().reasons) == "journal"
    monkeypatch.undo()
    bench.run()
    assert bench.journal.position().last == 1
    assert "journal" not in {reason.code for reason in bench.core.status().reasons}


def test_a_slot_that_holds_another_message_by_now_is_not_deleted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    other = IncomingSms(1, OTHER, "HADIR", MORNING)
    monkeypatch.setattr(bench.modem, "read", lambda _: other)
    bench.step()
    assert bench.modem.deleted == []


def test_a_message_read_again_after_a_failed_delete_counts_once(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    for error in (ModemError("no answer"), ModemError("no answer", gone=True)):
        bench.modem.fail["delete"] = error
        with suppress(ModemError):
            bench.step()
    bench.modem.fail.clear()
    bench.run()
    assert bench.journal.position().last == 1
    assert len(bench.modem.sent) == 1
    assert bench.modem.slots == {}


def test_a_slot_that_can_not_be_emptied_holds_up_nobody_and_shows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = bench.modem.delete

    def refuse_first(location: int) -> None:
        if location == 1:
            raise ModemError("delete: Unknown error.")
        delete(location)

    monkeypatch.setattr(bench.modem, "delete", refuse_first)
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.put(2, "HADIR", OTHER)
    bench.run()
    assert list(bench.modem.slots) == [1]
    assert [sms.number for sms in bench.modem.sent] == [PHONE, OTHER]
    assert bench.journal.log(10)[1].copies == ATTEMPTS
    assert "sim-stuck" in {reason.code for reason in bench.core.status().reasons}
    bench.modem.put(1, "PULANG", OTHER)  # another message in that slot is another matter
    bench.run()
    assert bench.journal.position().last == 3
    monkeypatch.undo()
    bench.step(after=STUCK_SECONDS)
    bench.run()
    assert bench.modem.slots == {}
    assert "sim-stuck" not in {reason.code for reason in bench.core.status().reasons}


def test_replies_go_out_although_the_list_of_messages_can_not_be_had(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.step()
    bench.modem.fail["receive"] = ModemError("the modem counts 1 SMS and shows none", gone=True)
    for _ in range(4):
        with suppress(ModemError):
            bench.step()
    assert len(bench.modem.sent) == 1


@pytest.mark.parametrize("registration", [Registration.SEARCHING, Registration.DENIED, Registration.NONE])
def test_no_attempt_is_wasted_while_there_is_no_network(bench: Bench, registration: Registration) -> None:
    bench.modem.registration = registration
    bench.modem.put(1, "HADIR", PHONE)
    bench.run()
    assert bench.modem.called.count("send") == 0
    bench.modem.registration = Registration.HOME
    bench.step(after=60)
    bench.run()
    assert len(bench.modem.sent) == 1


def test_a_stamp_from_the_future_shows_that_we_are_behind_and_counts(bench: Bench) -> None:
    bench.clock.moment = replace(bench.clock.moment, synchronised=False)
    bench.modem.put(1, "HADIR", PHONE, MORNING + timedelta(days=1))
    bench.run()
    assert bench.journal.records(0, 1)[0].at == MORNING + timedelta(days=1)
    assert "clock" in {reason.code for reason in bench.core.status().reasons}


def test_messages_without_a_roster_wait_in_the_journal_not_on_the_sim(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.put(2, "HADIR", STRANGER)
    bench.run()
    assert bench.modem.slots == {}
    assert "no-roster" in {reason.code for reason in bench.core.status().reasons}
    bench.journal.apply(desired())
    bench.run()
    assert bench.journal.position().last == 1
    assert len(bench.modem.sent) == 2
    bench.journal.close()


def test_a_newer_roster_holds_from_the_next_message_on(bench: Bench) -> None:
    bench.run()
    bench.journal.apply(msgspec.structs.replace(desired(2), roster=desired().roster[1:]))
    bench.modem.put(1, "HADIR", PHONE)
    bench.run()
    assert bench.journal.position().last == 0


def test_a_reply_that_fails_is_tried_again_later_and_not_for_ever(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.fail["send"] = ModemError("no network")
    bench.run()
    for wait in RETRY_AFTER:
        assert not bench.step(after=wait - 0.1)
        assert bench.step(after=0.1)
    assert not bench.step(after=10_000)
    assert bench.modem.called.count("send") == len(RETRY_AFTER) + 1
    assert bench.journal.log(1)[0].delivery is Delivery.FAILED


def test_a_reply_that_no_network_takes_is_given_up_at_once(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.fail["send"] = ModemError("invalid number", permanent=True)
    bench.run()
    assert bench.modem.called.count("send") == 1
    assert bench.journal.log(1)[0].delivery is Delivery.FAILED


def test_one_reply_that_waits_does_not_hold_up_the_next(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.fail["send"] = ModemError("no network")
    bench.run()
    bench.modem.fail.clear()
    bench.modem.put(2, "HADIR", OTHER)
    bench.run()
    assert [sms.number for sms in bench.modem.sent] == [OTHER]


def test_a_modem_that_is_gone_is_named_and_costs_no_attempts(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.step()
    bench.modem.fail["receive"] = ModemError("/dev/modem does not exist", absent=True)
    for _ in range(10):
        with pytest.raises(ModemError):
            bench.step(after=1000)
    status = bench.core.status()
    assert status.modem.state == "absent"
    assert "/dev/modem does not exist" in status.reasons[0].text
    bench.modem.fail.clear()
    bench.run()
    assert len(bench.modem.sent) == 1
    assert bench.core.status().modem.state == "registered"


def test_a_modem_that_sends_nothing_is_named_until_it_does(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.fail["send"] = ModemError("send: refused (cause 38)")
    bench.run()
    bench.step(after=RETRY_AFTER[0])
    assert bench.core.status().modem.state == "registered"
    bench.step(after=RETRY_AFTER[1])
    status = bench.core.status()
    assert status.modem.state == "degraded"
    assert "cause 38" in status.reasons[0].text
    bench.modem.fail.clear()
    bench.step(after=RETRY_AFTER[2])
    assert bench.core.status().modem.state == "registered"


def test_a_locked_sim_is_named_although_it_can_not_be_read(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.step()
    bench.modem.sim = Sim.PIN
    bench.modem.fail["receive"] = ModemError("receive: Security error. Maybe no PIN?")
    for _ in range(4):
        with suppress(ModemError):
            bench.step(after=20)
    status = bench.core.status()
    assert (status.modem.state, status.reasons[0].code) == ("pin", "sim")
    assert bench.modem.called.count("send") == 0


def test_a_modem_that_is_gone_while_it_is_waited_for_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    assert not bench.core.sides[0].wait(1.0)

    def vanish(_: float) -> bool:
        raise ModemError("/dev/modem is gone", absent=True)

    monkeypatch.setattr(bench.modem, "wait", vanish)
    with pytest.raises(ModemError):
        bench.core.sides[0].wait(1.0)
    assert bench.core.status().modem.state == "absent"


def test_a_reply_that_comes_too_late_for_anybody_is_not_sent(bench: Bench) -> None:
    bench.modem.put(1, "HADIR", PHONE)
    bench.step()
    bench.step(after=VALIDITY.total_seconds() + 60)
    assert bench.modem.sent == []
    assert bench.journal.unsent(10) == []


def test_the_watermark_follows_what_was_read(bench: Bench) -> None:
    assert bench.core.status().complete_until is None
    bench.step()
    assert bench.core.status().complete_until == bench.clock.moment.wall
    bench.clock.moment = replace(bench.clock.moment, wall=MORNING + timedelta(minutes=1), trusted=False)
    bench.step()
    assert bench.core.status().complete_until == MORNING


@pytest.mark.parametrize("limits", [Limits(per_day=1), Limits(per_month=1)])
def test_replies_stop_at_a_limit_and_records_do_not(tmp_path: Path, limits: Limits) -> None:
    bench = Bench(tmp_path, limits)
    bench.journal.apply(desired())
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.put(2, "HADIR", OTHER)
    bench.run()
    assert (bench.journal.position().last, len(bench.modem.sent)) == (2, 1)
    assert bench.journal.log(1)[0].delivery is Delivery.FAILED
    assert "sms-limit" in {reason.code for reason in bench.core.status().reasons}
    assert bench.journal.failed_in_a_row() == 0  # it was not tried
    bench.step(after=86_400)
    bench.modem.put(1, "HADIR", PHONE, MORNING + timedelta(days=1))
    bench.run()
    assert len(bench.modem.sent) == (2 if limits.per_day == 1 else 1)
    assert ("sms-limit" in {reason.code for reason in bench.core.status().reasons}) is (limits.per_month == 1)
    bench.step(after=7 * 86_400)  # the next month
    bench.modem.put(1, "HADIR", PHONE, MORNING + timedelta(days=8))
    bench.run()
    assert bench.modem.sent[-1].text.startswith("Hadir tercatat Rab 2 Des")
    bench.journal.close()


def test_every_attempt_counts_for_the_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(per_day=2))
    bench.journal.apply(desired())
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.fail["send"] = ModemError("no network")
    bench.run()
    for wait in RETRY_AFTER:
        bench.step(after=wait)
    assert bench.modem.called.count("send") == 2
    bench.journal.close()


def test_an_own_number_is_never_answered(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(own_numbers=(PHONE,)))
    bench.journal.apply(desired())
    bench.modem.put(1, "HADIR", PHONE)
    bench.modem.put(2, "HADIR", OTHER)
    bench.run()
    assert [sms.number for sms in bench.modem.sent] == [OTHER]
    assert bench.journal.unsent(10) == []
    bench.journal.close()


def test_a_sim_that_receives_and_can_not_send_is_named(bench: Bench) -> None:
    bench.modem.fail["send"] = ModemError("send: Unknown error. (cause 8)", permanent=True)
    for place, text in enumerate(("HADIR", "PULANG", "apa", "HADIR"), 1):
        assert ("sim-cannot-send" in {reason.code for reason in bench.core.status().reasons}) is (place > 3)
        bench.modem.put(place, text, PHONE if place < 4 else OTHER)
        bench.run()
    bench.modem.fail.clear()
    bench.modem.put(1, "PULANG", OTHER)
    bench.run()
    assert "sim-cannot-send" not in {reason.code for reason in bench.core.status().reasons}


@pytest.fixture
def called(tmp_path: Path) -> Iterator[Bench]:
    """A gateway that takes calls for check-ins."""
    made = Bench(tmp_path)
    made.journal.apply(desired(policy=Policy(missed_calls=True)))
    yield made
    made.journal.close()


def test_calls_are_no_matter_where_the_policy_does_not_want_them(bench: Bench) -> None:
    bench.modem.ringing = [PHONE]
    bench.run()
    assert "calls" not in bench.modem.called
    assert bench.journal.log(10) == []


def test_a_call_is_kept_once_in_ten_minutes(called: Bench) -> None:
    called.modem.ringing = ["081234567890", PHONE, OTHER]
    called.run()
    assert [(entry.channel, entry.sender) for entry in called.journal.log(10)] == [
        (Channel.CALL, OTHER), (Channel.CALL, PHONE),
    ]  # fmt: skip
    for after, kept in ((595.0, 2), (10.0, 3)):
        called.modem.ringing = [PHONE]
        called.step(after)
        called.run()
        assert len(called.journal.log(10)) == kept


def test_a_modem_that_can_not_tell_who_calls_still_takes_sms(called: Bench) -> None:
    called.modem.fail["calls"] = ModemError("calls: Unknown error.")
    called.modem.put(1, "HADIR", PHONE)
    called.run()
    assert called.journal.position().last == 1
    assert "calls" in {reason.code for reason in called.core.status().reasons}
    called.modem.fail["calls"] = ModemError("calls: no answer", gone=True)
    with pytest.raises(ModemError):
        called.step()
