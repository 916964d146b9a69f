"""A person's text through real libgammu, real brokers and real databases to the collector's API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from central import bindings
from central.config import read
from central.parts import now, open_database, refresh, sealing_key

from .system import GATEWAY, System, fetch, receipt_in
from .waiting import eventually

WIB = ZoneInfo("Asia/Jakarta")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system for the tests that only text to it; each uses phones of its own."""
    with System(tmp_path_factory.mktemp("office"), employees=12) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_text_is_answered_with_its_time_and_counts_at_it(office: System) -> None:
    phone = office.phones[0]
    sent = at(office.text(phone, "HADIR")["scts"])
    (answer,) = office.answered(phone)
    assert f"{sent.astimezone(WIB):%H:%M:%S} WIB" in answer
    record = office.record_of(receipt_in(answer))
    assert at(record["at"]) == sent
    assert record["action"] == "in"
    assert record["gateway"] == GATEWAY
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)


def test_a_message_delayed_by_six_hours_shows_its_true_time(office: System) -> None:
    phone = office.phones[1]
    sent = at(office.text(phone, "HADIR", delay_seconds=6 * 3600)["scts"])
    assert timedelta(hours=5, minutes=59) < datetime.now(UTC) - sent < timedelta(hours=6, minutes=1)
    (answer,) = office.answered(phone)
    assert f"{sent.astimezone(WIB):%H:%M:%S} WIB" in answer
    record = office.record_of(receipt_in(answer))
    assert at(record["at"]) == sent
    assert record["flags"] == []


def test_what_the_network_delivers_twice_counts_once(office: System) -> None:
    phone = office.phones[2]
    office.text(phone, "HADIR", repeat=3)
    receipt = receipt_in(office.answered(phone)[0])
    office.text(phone, "hadir")
    again = office.answered(phone, 2)[1]
    assert "sudah tercatat" in again
    assert receipt_in(again) == receipt
    eventually(office.taken)
    assert Counter(each["receipt"] for each in office.records())[receipt] == 1


def test_the_same_text_next_day_counts_again(office: System) -> None:
    phone = office.phones[3]
    today = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for day in (today - timedelta(days=1), today):
        office.text(phone, "HADIR", scts=day.isoformat())
    first, second = (receipt_in(answer) for answer in office.answered(phone, 2))
    assert first != second
    assert {at(office.record_of(each)["at"]) for each in (first, second)} == {today - timedelta(days=1), today}


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

    eventually(
        lambda: all(reason in office.page("gateway", "/messages") for reason in reasons),
        what="every reason on the message log",
    )
    eventually(office.taken)
    employees = {record["employee"] for record in office.records()}
    office.text(phone, "HADIR")
    eventually(lambda: len({record["employee"] for record in office.records()} - employees) == 1)
    assert office.answers("TELKOMSEL") == []


def test_who_asks_for_a_number_hears_when_it_is_theirs(office: System) -> None:
    phone = "+6285211113333"
    nip = f"19900101{2010}011{len(office.phones) - 1:03}"  # of the last employee
    office.text(phone, f"DAFTAR {nip}")
    asked = office.answered(phone)[0]
    settings = read(office.folder / "central.toml", {})
    database, key = open_database(settings), sealing_key(settings)

    def waiting() -> list[int]:
        return [each.record for each in bindings.waiting(database, key) if each.number == phone]

    (record,) = eventually(waiting, what="the request at central")
    bindings.approve(database, key, record, "admin", now())
    refresh(settings, database)
    database.close()
    granted = office.answered(phone, 2)[1]
    assert "kini terdaftar" in granted
    assert receipt_in(granted) == receipt_in(asked)
    office.text(phone, "HADIR")
    assert "Hadir tercatat" in office.answered(phone, 3)[2]


def test_the_collector_knows_how_the_gateway_is(office: System) -> None:
    def gateways() -> list[tuple[str, str]]:
        found = fetch(office.url("central", "/api/v1/gateways"), token=office.token)["items"]
        return [(each["id"], each["state"]) for each in found]

    eventually(lambda: gateways() == [(GATEWAY, "up")])


def test_it_staff_ask_a_gateway_by_sms(office: System) -> None:
    number = "+6281299990001"
    office.text(number, "STATUS")
    (answer,) = office.answered(number)
    assert answer.startswith(f"{GATEWAY} ")
    assert "sinyal" in answer


def test_a_gateway_may_send_by_sms_where_the_city_has_a_number(office: System) -> None:
    assert office.status()["uplink"] == {"today": 0, "month": 0, "held": 0}


def test_a_damaged_message_is_kept_and_removed_and_holds_up_nobody(office: System) -> None:
    damaged = "0691261100000004" + "0C91261832547698" + "0000" + "62114270120582" + "05" + "C8203A2905" + "CA"
    office.text(office.phones[5], "", pdu=damaged)
    office.text(office.phones[6], "HADIR")
    assert "Hadir tercatat" in office.answered(office.phones[6])[0]
    eventually(office.taken)
    assert damaged in office.page("gateway", "/messages")
