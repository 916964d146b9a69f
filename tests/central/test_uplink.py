"""What comes by SMS to the city: who is believed, what is kept, when it is deleted, how it is answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from central import desired, fleet, numbering, orders
from central.database import Database, StorageError, moment
from central.ingest import Ingest
from central.provisional import complete_until
from central.uplink import ANSWER_AFTER, RETRY_AFTER, Uplink
from modem.clearing import ATTEMPTS, STUCK_SECONDS
from modem.messages import IncomingSms, Kind, ModemError, OutgoingSms
from mqtt_bridge.commands import CommandName, sms_text
from mqtt_bridge.records import Action, Policy, Record, UplinkTerms
from mqtt_bridge.sms_codec import Answer, Frame, Roster, as_text, from_text, pack, tag, unpack_answer
from mqtt_bridge.uplink_keys import uplink_keys
from tests.gateway.fakes import FakeModem

from .factories import CENTRAL_KEY, GATEWAY, JOURNAL, KEYS, NOW, OTHER, KnownKeys, batch, chain, envelope

NUMBER = "+6281100001"
WIB = ZoneInfo("Asia/Jakarta")
UP = {name: uplink_keys(KEYS[name], CENTRAL_KEY.public_key(), name) for name in (GATEWAY, OTHER)}
MADE = chain(60)
ROSTER = Roster(record.employee for record in MADE)


class City:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.modem = FakeModem()
        self.now, self.monotonic = NOW, 1000.0
        for gateway in (GATEWAY, OTHER):
            fleet.add(database, gateway, NOW)
        numbering.remember(database, GATEWAY, ROSTER.employees)
        self.ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]
        self.boot()

    def boot(self, answers_per_day: int = 50) -> None:
        keys: Any = KnownKeys()
        self.uplink = Uplink(self.modem, self.database, keys, CENTRAL_KEY, WIB, answers_per_day)

    def put(self, data: bytes, number: str = NUMBER) -> None:
        location = max(self.modem.slots, default=0) + 1
        self.modem.slots[location] = IncomingSms(location, number, data.hex(), NOW, kind=Kind.BINARY)

    def step(self, after: float = 0.0) -> bool:
        self.now += timedelta(seconds=after)
        self.monotonic += after
        return self.uplink.step(self.now, self.monotonic)

    def take(self, data: bytes, number: str = NUMBER) -> None:
        self.put(data, number)
        assert self.step()
        assert self.modem.slots == {}

    def answer(self) -> Answer:
        """The one that goes out now."""
        before = len(self.modem.sent)
        assert self.step(ANSWER_AFTER)
        (sms,) = self.modem.sent[before:]
        assert sms.number == NUMBER
        return unpack_answer(sms.data if sms.data is not None else from_text(sms.text), UP[GATEWAY].down)

    def deliver(self, first: int, last: int, made: list[Record] = MADE) -> None:
        self.ingest.take([envelope(batch(made, first, last))], self.now)

    def provisional(self) -> list[int]:
        return [seq for (seq,) in self.database.rows("SELECT seq FROM provisional ORDER BY seq")]

    def aside(self) -> list[tuple[str, str]]:
        return self.database.rows("SELECT gateway, reason FROM quarantine ORDER BY id")  # type: ignore[return-value]


@pytest.fixture
def city(database: Database) -> City:
    return City(database)


def sms(
    records: list[Record], counter: int = 1, *, gateway: str = GATEWAY, roster: Roster = ROSTER, **more: Any
) -> bytes:
    frame = Frame(tag(gateway), tag(JOURNAL), counter)
    data, count = pack(records, roster, frame, UP[gateway].up, **more)
    assert count == len(records)
    return data


# What is kept


def test_records_by_sms_are_kept_until_the_batch_brings_them(city: City) -> None:
    city.take(sms(MADE[:30]))
    assert city.provisional() == list(range(1, 31))
    (row,) = city.database.rows("SELECT employee, action, at, presence, flags, number FROM provisional WHERE seq = 3")
    assert (row[0], row[1], moment(row[2]), *row[3:]) == ("e-3", "in", MADE[2].at, "none", "clock-untrusted", NUMBER)
    city.deliver(1, 20)
    assert city.provisional() == list(range(21, 31))
    city.deliver(21, 60)
    assert city.provisional() == []
    assert city.aside() == []


def test_what_is_final_does_not_become_provisional_again(city: City) -> None:
    city.deliver(1, 20)
    city.take(sms(MADE[10:30]))
    assert city.provisional() == list(range(21, 31))
    assert city.aside() == []
    assert city.answer().runs == ((1, 30),)


def test_what_was_final_once_stays_so_although_it_is_not_kept_any_more(city: City) -> None:
    city.deliver(1, 20)
    city.database.run("DELETE FROM record")
    city.take(sms(MADE[10:30]))
    assert city.provisional() == list(range(21, 31))


def test_the_same_records_in_other_sms_count_once(city: City) -> None:
    city.take(sms(MADE[:20], 1))
    city.take(sms(MADE[10:30], 2))
    city.take(sms(MADE[:20], 3))
    assert city.provisional() == list(range(1, 31))
    assert city.aside() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"employee": "e-9"}, {"action": Action.OUT}, {"at": NOW}, {"flags": ()}, {"fingerprint": "0" * 64},
    ],
)  # fmt: skip
def test_a_record_that_is_another_than_its_sms_told_raises_an_alarm(city: City, changes: dict[str, Any]) -> None:
    other = chain(60)
    other[2] = msgspec.structs.replace(other[2], **changes)
    if "fingerprint" in changes:  # what does not travel is proved by the hash of the last record
        other = chain(30, **changes)
    city.take(sms(other[:30]))
    city.deliver(1, 60)
    ((gateway, reason),) = city.aside()
    assert gateway == GATEWAY
    assert reason == ("record 30" if "fingerprint" in changes else "record 3") + " is not what came by SMS"
    assert city.provisional() == []
    assert int(city.database.value("SELECT COUNT(*) FROM record")) == 60


def test_two_sms_that_contradict_each_other_raise_an_alarm_and_the_first_stays(city: City) -> None:
    other = chain(30, action=Action.OUT)
    city.take(sms(MADE[:20], 1))
    city.take(sms(other[:30], 2))
    assert city.aside() == [(GATEWAY, "record 1 by SMS is not what is held of it, nor are 19 more")]
    assert city.database.value("SELECT action FROM provisional WHERE seq = 5") == "in"
    assert city.provisional() == list(range(1, 31))


def test_an_sms_that_contradicts_a_final_record_raises_an_alarm(city: City) -> None:
    city.deliver(1, 20)
    city.take(sms(chain(20, action=Action.OUT)[:20]))
    assert city.aside()[0][1].startswith("record 1 by SMS is not what is held")


def test_how_far_an_office_is_complete_is_kept(city: City) -> None:
    city.take(sms(MADE[:20], 1, complete_until=NOW))
    city.take(sms(MADE[:10], 2, complete_until=NOW - timedelta(hours=1)))
    city.take(sms(MADE[20:30], 3))
    assert city.database.row("SELECT complete_seq, complete_until FROM uplink")[0] == 20  # type: ignore[index]
    assert complete_until(city.database, GATEWAY) == NOW


def test_an_office_of_which_something_is_missing_is_not_complete(city: City) -> None:
    city.take(sms(MADE[10:20], 1, complete_until=NOW))
    assert complete_until(city.database, GATEWAY) is None
    city.take(sms(MADE[:10], 2))
    assert complete_until(city.database, GATEWAY) == NOW
    assert complete_until(city.database, OTHER) is None


# Who is believed


def test_a_replayed_sms_is_no_news_and_has_no_answer(city: City) -> None:
    data = sms(MADE[:20])
    city.take(data)
    city.answer()
    for _ in range(3):
        city.take(data)
        assert not city.step(10 * ANSWER_AFTER)
    assert city.provisional() == list(range(1, 21))


def test_sms_in_any_order_are_believed(city: City) -> None:
    for counter, first in ((9, 40), (2, 0), (5, 20)):
        city.take(sms(MADE[first : first + 20], counter))
    assert city.provisional() == list(range(1, 61))
    assert city.answer().runs == ((1, 60),)


def test_nobody_else_is_believed_or_answered(city: City) -> None:
    good = sms(MADE[:20])
    flipped = bytes([*good[:20], good[20] ^ 1, *good[21:]])
    renamed = good[:1] + tag(OTHER) + good[3:]
    for data in (flipped, renamed, good[:-1], b"", b"\x10" * 140, b"x"):
        city.take(data)
    city.modem.slots[1] = IncomingSms(1, "TELKOMSEL", "Masa aktif kartu Anda habis", NOW)
    city.modem.slots[2] = IncomingSms(2, NUMBER, "", NOW, kind=Kind.REPORT)
    city.step()
    assert city.modem.slots == {}
    assert city.provisional() == []
    assert not city.step(10 * ANSWER_AFTER)
    assert all(gateway == "(unknown)" for gateway, _ in city.aside())
    assert any("altered" in reason for _, reason in city.aside())


def test_a_text_carries_the_same(city: City) -> None:
    data = sms(MADE[:10])
    city.modem.slots[1] = IncomingSms(1, NUMBER, as_text(data), NOW)
    city.step()
    assert city.provisional() == list(range(1, 11))
    assert city.step(ANSWER_AFTER)
    (answer,) = city.modem.sent
    assert answer.data is None
    assert unpack_answer(from_text(answer.text), UP[GATEWAY].down).runs == ((1, 10),)


def test_an_impossible_time_is_put_aside(city: City) -> None:
    far = [msgspec.structs.replace(MADE[0], at=datetime(9500, 1, 1, tzinfo=NOW.tzinfo))]
    city.take(sms(far))
    assert city.aside() == [(GATEWAY, "an SMS tells of an impossible time")]
    assert city.provisional() == []


def test_a_gateway_is_asked_for_names_when_its_roster_is_not_known(city: City) -> None:
    city.take(sms(MADE[:10], 1, roster=Roster(["e-1", "e-2"])))
    assert city.provisional() == []
    answer = city.answer()
    assert (answer.roster_known, answer.runs) == (False, ())
    city.take(sms(MADE[:10], 2, roster=Roster(())))
    assert city.provisional() == list(range(1, 11))
    assert city.answer().roster_known


def test_a_roster_of_long_ago_is_known(city: City) -> None:
    for count in range(5):
        numbering.remember(city.database, GATEWAY, [f"e-{count}-{place}" for place in range(9)])
    city.take(sms(MADE[:10]))
    assert city.provisional() == list(range(1, 11))


# When it is deleted


def test_nothing_leaves_the_sim_before_the_commit(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.put(sms(MADE[:10]))

    def full(*_: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(city.database, "insert_all", full)
    with pytest.raises(StorageError):
        city.step()
    assert city.modem.slots
    monkeypatch.undo()
    assert city.step()
    assert city.provisional() == list(range(1, 11))
    assert city.modem.slots == {}


def test_a_slot_that_holds_another_sms_by_now_is_not_emptied(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.put(sms(MADE[:10]))
    monkeypatch.setattr(city.modem, "read", lambda _: replace(city.modem.slots[1], text="00"))
    city.step()
    assert city.modem.deleted == []


def test_a_slot_that_can_not_be_emptied_stops_nobody(city: City) -> None:
    city.put(sms(MADE[:10]))
    city.modem.fail["delete"] = ModemError("delete: no")
    for _ in range(ATTEMPTS):
        assert city.step()
    assert city.answer().runs == ((1, 10),)
    city.modem.fail.clear()
    assert city.step(STUCK_SECONDS)
    assert city.modem.slots == {}


# How it is answered


def test_sms_that_come_together_have_one_answer(city: City) -> None:
    for counter in range(1, 4):
        city.put(sms(MADE[counter * 10 : counter * 10 + 10], counter))
        city.step(ANSWER_AFTER / 2)
    assert city.modem.sent == []
    assert city.answer().runs == ((11, 40),)
    assert not city.step(10 * ANSWER_AFTER)


def test_an_answer_names_the_gaps(city: City) -> None:
    city.deliver(1, 5)
    city.take(sms(MADE[10:20], 1))
    city.take(sms(MADE[30:35], 2))
    assert city.answer().runs == ((1, 5), (11, 20), (31, 35))


def test_answers_grow_also_after_a_restart(city: City) -> None:
    city.take(sms(MADE[:5], 1))
    first = city.answer().frame.counter
    city.take(sms(MADE[:10], 2))
    city.boot()
    assert city.answer().frame.counter > first


def test_an_answer_that_can_not_be_sent_is_tried_again_and_not_for_ever(city: City) -> None:
    city.take(sms(MADE[:5]))
    city.modem.fail["send"] = ModemError("no network")
    assert city.step(ANSWER_AFTER)
    for wait in RETRY_AFTER:
        assert not city.step(wait - 1)
        assert city.step(1)
    assert not city.step(100_000)
    assert city.modem.called.count("send") == len(RETRY_AFTER) + 1
    city.modem.fail.clear()
    city.take(sms(MADE[:6], 2))
    assert city.answer().runs == ((1, 6),)


def test_answers_are_capped_a_day(city: City) -> None:
    city.boot(answers_per_day=2)
    for counter in range(1, 5):
        city.take(sms(MADE[:5], counter))
        city.step(ANSWER_AFTER)
    assert len(city.modem.sent) == 2
    assert city.step(24 * 3600)
    assert len(city.modem.sent) == 3


@pytest.mark.parametrize("number", ["", "DINKES", "12345", "+14155550100", "081100001"])
def test_only_numbers_of_this_country_are_answered(city: City, number: str) -> None:
    city.take(sms(MADE[:5]), number)
    assert city.provisional() == [1, 2, 3, 4, 5]
    assert not city.step(ANSWER_AFTER)


def test_two_gateways_do_not_mix(city: City) -> None:
    made = chain(20, OTHER)
    numbering.remember(city.database, OTHER, ROSTER.employees)
    city.take(sms(MADE[:10]))
    city.take(sms(made[:15], gateway=OTHER), "+6281100002")
    assert city.provisional() == sorted([*range(1, 11), *range(1, 16)])
    assert city.answer().runs == ((1, 10),)
    assert city.step()
    assert unpack_answer(data_of(city.modem.sent[-1]), UP[OTHER].down).runs == ((1, 15),)


def data_of(sent: OutgoingSms) -> bytes:
    assert sent.data is not None
    return sent.data


def test_a_test_sms_is_none_that_is_put_aside(city: City) -> None:
    """It is noted when it was asked for from here, and odd when it was not."""
    desired.refresh(city.database, Policy(uplink=UplinkTerms(number=NUMBER)), NOW)
    asked = orders.ask(city.database, GATEWAY, CommandName.SMS, "central", "tina", NOW)
    for place, text in ((1, sms_text(asked)), (2, sms_text(msgspec.structs.replace(asked, id="made up")))):
        city.modem.slots[place] = IncomingSms(place, "+6281299990009", text, NOW)
    assert city.step(7.0)
    order = orders.one(city.database, GATEWAY, asked.id)
    assert order
    assert order.arrived == NOW + timedelta(seconds=7)
    assert city.modem.slots == {}
    assert city.database.value("SELECT COUNT(*) FROM quarantine") == 1
