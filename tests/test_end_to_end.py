"""A person's text through real libgammu, real brokers and real databases to the collector's API."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.decide import Rules
from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from mqtt_bridge.records import Channel, Policy

from .other_modem import OtherModem
from .system import GATEWAY, System, eventually, fetch

WIB = ZoneInfo("Asia/Jakarta")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system for the tests that only text to it; each uses phones of its own."""
    with System(tmp_path_factory.mktemp("office"), employees=12) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


def record_of(system: System, receipt: str) -> dict[str, Any]:
    return eventually(lambda: next((each for each in system.records() if each["receipt"] == receipt), None))  # type: ignore[no-any-return]


def receipt_in(answer: str) -> str:
    match = re.search(r"No\. ([2-9A-Z]{4})\.", answer)
    assert match, answer
    return match[1]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def answers(system: System, phone: str, count: int = 1) -> list[str]:
    def enough() -> list[str]:
        found = system.answers(phone)
        return found if len(found) >= count else []

    return eventually(enough, what=f"answer {count}")  # type: ignore[no-any-return]


def test_a_text_is_answered_with_its_time_and_counts_at_it(office: System) -> None:
    phone = office.phones[0]
    sent = at(office.text(phone, "HADIR")["scts"])
    (answer,) = answers(office, phone)
    assert f"{sent.astimezone(WIB):%H:%M:%S} WIB" in answer
    record = record_of(office, receipt_in(answer))
    assert at(record["at"]) == sent
    assert record["action"] == "in"
    assert record["gateway"] == GATEWAY
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)


def test_a_message_delayed_by_six_hours_shows_its_true_time(office: System) -> None:
    phone = office.phones[1]
    sent = at(office.text(phone, "HADIR", delay_seconds=6 * 3600)["scts"])
    assert timedelta(hours=5, minutes=59) < datetime.now(UTC) - sent < timedelta(hours=6, minutes=1)
    (answer,) = answers(office, phone)
    assert f"{sent.astimezone(WIB):%H:%M:%S} WIB" in answer
    record = record_of(office, receipt_in(answer))
    assert at(record["at"]) == sent
    assert record["flags"] == []


def test_what_the_network_delivers_twice_counts_once(office: System) -> None:
    phone = office.phones[2]
    office.text(phone, "HADIR", repeat=3)
    receipt = receipt_in(answers(office, phone)[0])
    office.text(phone, "hadir")
    again = answers(office, phone, 2)[1]
    assert "sudah tercatat" in again
    assert receipt_in(again) == receipt
    eventually(lambda: office.sim()["used"] == 0)
    assert Counter(each["receipt"] for each in office.records())[receipt] == 1


def test_the_same_text_next_day_counts_again(office: System) -> None:
    phone = office.phones[3]
    today = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for day in (today - timedelta(days=1), today):
        office.text(phone, "HADIR", scts=day.isoformat())
    first, second = (receipt_in(answer) for answer in answers(office, phone, 2))
    assert first != second
    assert {at(record_of(office, each)["at"]) for each in (first, second)} == {today - timedelta(days=1), today}


def test_what_is_no_check_in_makes_no_record_and_shows_with_its_reason(office: System) -> None:
    phone, stranger = office.phones[4], "+6285211112222"
    office.text(stranger, "HADIR")
    office.text(phone, "Besok saya ada rapat dinas")
    office.text(phone, "")
    office.text(phone, "", binary="000102ff")
    office.text(phone, "HADIR " + "ya " * 40)
    office.text(phone, "HADIR, " + "dengan hormat saya sampaikan bahwa saya sudah datang " * 6)
    office.text("TELKOMSEL", "Promo! HADIR sekarang")
    reasons = ("Nomor tidak terdaftar", "Bukan perintah presensi", "Pesan kosong", "Bukan teks", "Terlalu panjang",
               "Bukan nomor ponsel")  # fmt: skip

    def log() -> str:
        import urllib.request

        with urllib.request.urlopen(office.url("gateway", "/messages"), timeout=10) as page:
            return str(page.read().decode())

    eventually(lambda: all(reason in log() for reason in reasons), what="every reason on the message log")
    eventually(lambda: office.sim()["used"] == 0)
    employees = {record["employee"] for record in office.records()}
    office.text(phone, "HADIR")
    eventually(lambda: len({record["employee"] for record in office.records()} - employees) == 1)
    assert office.answers("TELKOMSEL") == []


def test_the_collector_knows_how_the_gateway_is(office: System) -> None:
    (gateway,) = fetch(office.url("central", "/api/v1/gateways"), token=office.token)["items"]
    assert gateway["id"] == GATEWAY
    assert gateway["state"] == "up"


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_what_was_made_while_the_collector_was_away_arrives_in_order_and_once(tmp_path: Path, broker: str) -> None:
    made = 5000
    with System(tmp_path, employees=made, broker=broker) as system:
        system.start("broker", "central")
        eventually(lambda: fetch(system.url("central", "/healthz")))
        system.stop("central")
        fill(system, made)
        system.start("gateway")
        eventually(lambda: "no ack" in (tmp_path / "gateway.log").read_text(), 60, "a batch without an ack")
        # Whatever the broker had kept for the collector goes with it.
        system.kill("broker")
        system.start("broker", "central")
        eventually(lambda: system.status().get("delivered") == made, 60, "everything being acknowledged")
        arrived = system.records()
    assert [record["seq"] for record in arrived] == list(range(1, made + 1))


def fill(system: System, count: int) -> None:
    """Records in the gateway's journal as a long outage of the link leaves them: one of each employee."""
    (system.folder / "gateway").mkdir(exist_ok=True)
    journal = Journal(system.folder / "gateway" / "journal.db", GATEWAY)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    messages = [
        IncomingMessage(
            channel=Channel.SMS, form=Form.TEXT, sender=phone, text="HADIR", sent=start + timedelta(seconds=number),
            received=start + timedelta(seconds=number + 5), clock_trusted=True,
        )
        for number, phone in enumerate(system.phones)
    ]  # fmt: skip
    rules = Rules({phone: f"e-{number}" for number, phone in enumerate(system.phones)}, Policy(answers_per_day=0))
    journal.admit(messages, rules)
    assert journal.position().last == count
    journal.close()


def test_any_process_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    """200 SMS and 20 times `kill -9`: every sender has an answer, every record is there once, the SIM is empty."""
    chance = random.Random(time.time_ns())
    with System(tmp_path, employees=200) as system:
        system.start()
        eventually(lambda: fetch(system.url("phone", "/healthz")))
        for number, phone in enumerate(system.phones):
            system.text(phone, "HADIR")
            if number % 10 == 9:
                name = chance.choice(sorted(system.commands))
                system.kill(name)
                time.sleep(chance.uniform(0, 1.5))  # how long it is away; nothing waits for this
                system.start(name)
        eventually(lambda: system.sim().get("used") == system.sim().get("queued") == 0, 90, "the SIM being empty")
        eventually(lambda: len(system.records()) >= 200, 60, "200 records")
        eventually(lambda: all(system.answers(phone) for phone in system.phones), 90, "200 answers")
        records = system.records()
        assert len(records) == 200
        assert len({record["employee"] for record in records}) == 200
        assert len({record["receipt"] for record in records}) == 200
        assert [record["seq"] for record in records] == list(range(1, 201))
        by_receipt = {record["receipt"] for record in records}
        assert {receipt_in(system.answers(phone)[0]) for phone in system.phones} == by_receipt
        assert max(len(system.answers(phone)) for phone in system.phones) <= 5


def test_another_make_of_modem_works_as_well(tmp_path: Path) -> None:
    with System(tmp_path, device=str(tmp_path / "ttyUSB7")) as system, OtherModem(tmp_path / "ttyUSB7") as modem:
        system.start("broker", "central", "gateway")
        sent = datetime.now(WIB).replace(microsecond=0)
        modem.deliver(system.phones[0], "HADIR", sent)
        eventually(lambda: modem.sent, 60, "an answer")
        number, text = modem.sent[0]
        assert number == system.phones[0]
        assert at(record_of(system, receipt_in(text))["at"]) == sent
        eventually(lambda: not modem.slots)


def test_everything_stops_when_it_is_told_to(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60)
        for name in ("gateway", "central", "broker", "modem"):
            assert system.stop(name) == 0, name
