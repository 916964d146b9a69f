"""The driver: real libgammu on a real pseudo terminal."""

from __future__ import annotations

import os
import pty
import threading
import time
import tty
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import ClassVar

import pytest

from modem import line
from modem.driver import GammuModem
from modem.messages import IncomingSms, Kind, ModemError, OutgoingSms, Part, Registration, Report, Store
from modem.simulator.at import Engine, Refused, Slot
from modem.simulator.line import Line
from modem.simulator.network import Network
from tests.simulated import Simulator
from tests.waiting import eventually

WIB = timezone(timedelta(hours=7))
PHONE = "+6281234567890"
HEAD = "00040B911111111111F100"  # an SMS-DELIVER up to its coding scheme
TIME = "62114251940082"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator"), "--capacity", "20") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def opened(simulator: Simulator) -> Iterator[GammuModem]:
    modem = GammuModem(str(simulator.device))
    yield modem
    modem.close()


@pytest.fixture
def modem(opened: GammuModem) -> GammuModem:
    empty(opened)
    return opened


def empty(modem: GammuModem) -> None:
    for sms in modem.receive():
        modem.delete(sms.location)


def receive(modem: GammuModem, simulator: Simulator) -> list[IncomingSms]:
    """All that is on the way, once it is in the store."""
    eventually(lambda: simulator.state()["queued"] == 0)
    return modem.receive()


@pytest.mark.parametrize(
    "text",
    [
        "HADIR 482113",
        "@£é€^{x}[~]|\\ ÄÖ",
        "Hadir 😀 дa",
        "",
        "x" * 160,
        "€" * 80,
        "ж" * 70,
        "baris satu\nbaris dua",
        "ب\u200fاب",
    ],
)
def test_texts_arrive_as_they_were_typed(modem: GammuModem, simulator: Simulator, text: str) -> None:
    receipt = simulator.text(PHONE, text)
    (sms,) = receive(modem, simulator)
    expected = IncomingSms(sms.location, PHONE, text, datetime.fromisoformat(receipt["scts"]), "+6281100000")
    assert sms == expected
    assert sms.sent
    assert sms.sent.utcoffset() == timedelta(hours=7)
    assert modem.read(sms.location) == expected


def test_nothing_of_the_sms_before_is_left_in_a_text(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text(PHONE, "HADIR 482113 dan banyak lagi")
    simulator.text(PHONE, "^{}")
    assert [sms.text for sms in receive(modem, simulator)] == ["HADIR 482113 dan banyak lagi", "^{}"]


def test_a_delayed_text_keeps_its_time(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text(PHONE, "HADIR", scts="2026-11-24T01:12:00+09:00")
    (sms,) = receive(modem, simulator)
    assert sms.sent == datetime(2026, 11, 24, 1, 12, tzinfo=timezone(timedelta(hours=9)))


def test_data_is_no_text(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text(PHONE, binary="00ff41")
    (sms,) = receive(modem, simulator)
    assert (sms.kind, sms.text) == (Kind.BINARY, "00ff41")


def test_a_long_text_comes_in_parts(modem: GammuModem, simulator: Simulator) -> None:
    text = "abcdefghij" * 40
    simulator.text(PHONE, text)
    parts = receive(modem, simulator)
    assert "".join(sms.text for sms in parts) == text
    reference = parts[0].part and parts[0].part.reference
    assert reference is not None
    assert [sms.part for sms in parts] == [Part(reference, number, 3) for number in (1, 2, 3)]


def test_parts_that_do_not_add_up(modem: GammuModem, simulator: Simulator) -> None:
    parts = [(300, 3, 2), (7, 0, 0), (7, 2, 2)]
    order = [{"reference": r, "number": n, "total": t, "text": "x"} for r, n, t in parts]
    simulator.text(PHONE, parts=order)
    assert [sms.part for sms in receive(modem, simulator)] == [Part(*part) for part in parts]


def test_a_sender_in_letters(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text("TELKOMSEL", "Promo!")
    (sms,) = receive(modem, simulator)
    assert (sms.number, sms.text) == ("TELKOMSEL", "Promo!")


@pytest.mark.parametrize("scts", ["62514251940082", "00000000000000", "FFFFFFFFFFFFFF", "62200300000082"])
def test_an_impossible_time_is_none(modem: GammuModem, simulator: Simulator, scts: str) -> None:
    simulator.text("+6281", pdu=f"{HEAD}00{scts}02C834")
    (sms,) = receive(modem, simulator)
    assert (sms.text, sms.sent) == ("Hi", None)


def test_a_delivery_report_is_no_text(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text("+6281", pdu=f"0006010B911111111111F1{TIME}{TIME}00")
    (sms,) = receive(modem, simulator)
    assert sms.kind is Kind.REPORT


@pytest.mark.parametrize(
    ("status", "delivered"), [("00", True), ("01", True), ("20", None), ("46", False), ("63", False)]
)
def test_a_delivery_report_says_what_became_of_which_sms(
    modem: GammuModem, simulator: Simulator, status: str, delivered: bool | None
) -> None:
    simulator.text(PHONE, pdu=f"0006070D91261832547698F0{TIME}62114251950082{status}")
    (sms,) = receive(modem, simulator)
    at = datetime(2026, 11, 24, 15, 59, tzinfo=WIB)
    assert (sms.kind, sms.number, sms.report) == (Kind.REPORT, PHONE, Report(7, delivered, at))


def test_a_report_comes_for_who_asks(modem: GammuModem, simulator: Simulator) -> None:
    modem.send(OutgoingSms(PHONE, "Tercatat"))
    reference = modem.send(OutgoingSms(PHONE, "Tercatat", report=True))
    (sms,) = receive(modem, simulator)
    assert sms.number == PHONE
    assert sms.report
    assert (sms.report.reference, sms.report.delivered) == (reference, True)
    assert modem.erase([sms]).deleted == [sms.location]


def test_broken_slots_do_not_hide_the_others(modem: GammuModem, simulator: Simulator) -> None:
    broken = [f"{HEAD}08{TIME}03004100", "00040B", f"00440B911111111111F10000{TIME}0AFF0804FFFF000000AA"]
    simulator.text("+6281", pdu=broken[0])
    simulator.text(PHONE, "satu")
    simulator.text("+6281", pdu=broken[1])
    simulator.text("+6281", pdu=broken[2])
    simulator.text(PHONE, "dua")
    received = receive(modem, simulator)
    assert [sms.text for sms in received if sms.kind is Kind.TEXT] == ["satu", "dua"]
    assert [sms.text for sms in received if sms.kind is Kind.BINARY] == broken
    assert [modem.read(sms.location) for sms in received] == received
    modem.delete(received[1].location)  # a gap in front of a broken slot
    assert modem.receive() == [received[0], *received[2:]]
    empty(modem)
    assert modem.receive() == []


def test_a_full_sim_is_emptied_and_the_centre_flushes(modem: GammuModem, simulator: Simulator) -> None:
    for number in range(50):
        simulator.text(PHONE, f"HADIR {number}")
    texts: list[str] = []
    while len(texts) < 50:
        received = modem.receive()
        assert len(received) <= 40  # both stores
        texts += [sms.text for sms in received]
        for sms in received:
            modem.delete(sms.location)
    assert sorted(texts) == sorted(f"HADIR {number}" for number in range(50))
    assert simulator.state()["queued"] == 0


def test_what_was_listed_is_emptied_in_both_stores(modem: GammuModem, simulator: Simulator) -> None:
    for number in range(40):
        simulator.text(PHONE, f"HADIR {number}")
    while len(found := modem.receive()) < 40:
        pass
    erasure = modem.erase(found[:30])
    assert (sorted(erasure.deleted), erasure.changed) == ([sms.location for sms in found[:30]], [])
    assert [modem.read(sms.location) for sms in found[:30]] == [None] * 30
    assert [modem.read(sms.location) for sms in found[30:]] == found[30:]  # libgammu still knows what it has chosen
    assert modem.receive() == found[30:]
    assert sorted(modem.erase(found[30:]).deleted) == [sms.location for sms in found[30:]]
    assert modem.receive() == []


def test_a_slot_that_holds_another_sms_by_now_stays_as_it_is(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text(PHONE, "HADIR")
    simulator.text(PHONE, "PULANG")
    first, second = receive(modem, simulator)
    modem.delete(first.location)
    simulator.text(PHONE, "SAKIT")
    eventually(lambda: simulator.state()["queued"] == 0)
    erasure = modem.erase([first, second])
    assert (erasure.deleted, erasure.changed, erasure.failed) == ([second.location], [first.location], {})
    (left,) = modem.receive()
    assert (left.location, left.text) == (first.location, "SAKIT")
    assert modem.erase([first, second]).changed == [first.location, second.location]
    modem.receive()
    assert modem.erase([first]).changed == [first.location]  # also when it was listed as another since


def test_what_libgammu_can_not_decode_is_emptied_with_the_others(modem: GammuModem, simulator: Simulator) -> None:
    broken = f"{HEAD}08{TIME}03004100"
    for pdu in (broken, broken):
        simulator.text("+6281", pdu=pdu)
    simulator.text(PHONE, "HADIR")
    found = receive(modem, simulator)
    assert [sms.kind for sms in found] == [Kind.BINARY, Kind.BINARY, Kind.TEXT]
    erasure = modem.erase(found)
    assert sorted(erasure.deleted) == [sms.location for sms in found]
    assert modem.receive() == []


class Counting(Engine):
    """Counts the commands, refuses to delete the second slot, and speaks unasked after every deletion."""

    commands: ClassVar[list[str]] = []

    def _execute(self, line: str) -> bytes:
        self.commands.append(line)
        if line == "AT+CMGD=2":
            return b"\r\n+CMS ERROR: 500\r\n"
        return super()._execute(line) + (b'\r\n+CMTI: "SM",9\r\n' if "CMGD" in line else b"")


def test_a_message_costs_one_command_and_one_that_stays_holds_up_nobody(tmp_path: Path) -> None:
    network = Network(tmp_path / "state.db")
    engine = Counting(network)
    served = Line(tmp_path / "modem", engine, network)
    served.start()
    modem = GammuModem(str(tmp_path / "modem"))
    for text in ("satu", "dua", "tiga"):
        network.text(PHONE, text)
    served.wake()
    eventually(lambda: network.state().used == 3)
    found = modem.receive()
    engine.commands.clear()
    erasure = modem.erase(found)
    first, second, third = (sms.location for sms in found)
    assert (erasure.deleted, erasure.failed) == ([first, third], {second: "AT+CMGD=2: +CMS ERROR: 500"})
    assert len(engine.commands) == len(found) + 4  # and one list; the stores are chosen and chosen back
    assert modem.receive() == [found[1]]
    modem.close()
    served.stop()


def test_the_modem_gives_word_of_a_new_sms(modem: GammuModem, simulator: Simulator) -> None:
    modem.wait(0)  # what was said before
    assert not modem.wait(0.1)
    simulator.text(PHONE, "HADIR")
    assert modem.wait(10)
    assert [sms.text for sms in modem.receive()] == ["HADIR"]
    assert not modem.wait(0.1)


def test_half_a_line_that_is_said_unasked_is_in_nobodys_way() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)

    def speak() -> None:
        os.read(master, 100)
        os.write(master, b"\r\nOK\r\n\r\n+CMTI: ")
        time.sleep(0.02)
        os.write(master, b'"SM",3\r\n')

    speaker = threading.Thread(target=speak)
    speaker.start()
    line.ask(slave, "AT")
    speaker.join()
    assert not line.listen(slave, 0.05)
    os.close(master)
    os.close(slave)


class Choosy(Engine):
    """Knows these forms of announcing, and keeps what it was told."""

    knows = ""
    told: ClassVar[list[str]] = []

    def _execute(self, line: str) -> bytes:
        if line == "AT+CNMI=?":
            return f"\r\n+CNMI: {self.knows}\r\n\r\nOK\r\n".encode() if self.knows else b"\r\nERROR\r\n"
        if line.startswith("AT+CNMI="):
            self.told.append(line)
        return super()._execute(line)


@pytest.mark.parametrize(
    ("knows", "told", "announces"),
    [
        ("(0-3),(0-3),(0-3),(0,1),(0,1)", ["AT+CNMI=2,1"], True),
        ("(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)", ["AT+CNMI=2,1,0,2"], True),
        ("(1),(0-2),(0),(0),(1)", ["AT+CNMI=1,1"], True),
        ("(2),(0,2),(0),(0),(0)", ["AT+CNMI=2,0"], False),  # it would show new SMS, and not store them
        ("(2),(2),(0),(0),(0)", [], False),
        ("(0),(0,1),(0),(0),(0)", [], False),
        ("nonsense (x),(1),(1),(1)", [], False),
        ("", [], False),
    ],
)
def test_new_sms_are_stored_whatever_the_modem_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knows: str, told: list[str], announces: bool
) -> None:
    monkeypatch.setattr(Choosy, "knows", knows)
    monkeypatch.setattr(Choosy, "told", [])
    network = Network(tmp_path / "state.db")
    served = Line(tmp_path / "modem", Choosy(network), network)
    served.start()
    descriptor = line.open_device(str(tmp_path / "modem"))
    line.ask(descriptor, "AT+CMEE=1")
    assert line.announce(descriptor) is announces
    assert Choosy.told == told
    os.close(descriptor)
    served.stop()


def test_empty_and_impossible_slots(modem: GammuModem) -> None:
    for location in (1, 20, 21, 100_001, 100_020):
        assert modem.read(location) is None
        modem.delete(location)


@pytest.mark.parametrize(
    "text", ["Tercatat HADIR 07.12. Kode K7QF.", "x" * 160, "Terima kasih 😀", "é€^{}", "abcdefghij" * 35, "ж😀" * 60]
)
def test_replies_reach_the_phone_whole(modem: GammuModem, simulator: Simulator, text: str) -> None:
    number = f"+62812{len(text)}{ord(text[-1])}"
    assert 0 <= modem.send(OutgoingSms(number, text)) <= 255
    assert simulator.answers(number) == [text]


@pytest.mark.parametrize("data", [bytes(range(116, 256)), bytes(140), b"\x00\xff\x1a\x1b\r"])
def test_octets_reach_another_as_they_are(modem: GammuModem, simulator: Simulator, data: bytes) -> None:
    number = f"+62813{len(data)}{data[-1]}"
    modem.send(OutgoingSms(number, "", data))
    assert simulator.answers(number) == [data.hex(" ")]
    simulator.text(number, binary=data.hex())
    (sms,) = receive(modem, simulator)
    assert (sms.kind, bytes.fromhex(sms.text)) == (Kind.BINARY, data)


def test_more_octets_than_fit_are_refused(modem: GammuModem) -> None:
    with pytest.raises(ModemError, match="141 octets") as caught:
        modem.send(OutgoingSms("+6281234567890", "", bytes(141)))
    assert caught.value.permanent


def test_a_number_that_nobody_has(modem: GammuModem) -> None:
    with pytest.raises(ModemError) as caught:
        modem.send(OutgoingSms("12", "x"))
    assert (caught.value.permanent, caught.value.gone) == (True, False)


def test_how_it_is(modem: GammuModem, simulator: Simulator) -> None:
    simulator.text(PHONE, "HADIR")
    eventually(lambda: simulator.state()["used"] == 1)
    status = modem.status()
    assert (status.registration, status.signal, status.operator) == (Registration.HOME, 63, "Gardu Seluler")
    assert (status.used, status.capacity) == (1, 40)
    assert sorted(status.stores, key=lambda store: store.used) in (
        [Store("ME", 0, 20), Store("SM", 1, 20)],
        [Store("SM", 0, 20), Store("ME", 1, 20)],
    )
    assert (status.model, status.imei) == ("Gardu Simulator", "350000000000006")
    moment = modem.network_time()
    assert moment
    assert moment.utcoffset() == timedelta(hours=7)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ModemError, match="does not exist") as caught:
        GammuModem(str(tmp_path / "nothing"))
    assert caught.value.gone


@pytest.mark.parametrize("stores", [("SM",), ("ME",), ("SM", "ME")])
def test_sms_in_any_store_are_read_and_emptied(tmp_path: Path, stores: tuple[str, ...]) -> None:
    network = Network(tmp_path / "state.db", capacity=5)
    served = Line(tmp_path / "modem", Engine(network, stores=stores), network)
    served.start()
    modem = GammuModem(str(tmp_path / "modem"))
    texts = [f"{store} {number}" for store in stores for number in range(3)]
    for store in stores:  # where the modem puts them changes with what it was asked last
        for text in texts:
            if text.startswith(store):
                network.text(PHONE, text)
        network.deliver(store)
    assert [store.name for store in modem.status().stores] == list(stores)
    assert [store.used for store in modem.status().stores] == [3] * len(stores)
    found = modem.receive()
    assert sorted(sms.text for sms in found) == sorted(texts)
    assert len(modem._places) == len(found), "each is known by the modem's own count"
    assert sorted(modem.erase(found).deleted) == [sms.location for sms in found]
    assert modem.receive() == []
    assert network.state().used == 0
    modem.close()
    served.stop()


class Blind(Network):
    """A SIM that counts its SMS and gives none, as a half-dead modem does."""

    def slots(self, memory: str) -> list[Slot]:
        return []

    def slot(self, memory: str, location: int) -> Slot | None:
        raise Refused(310)

    def now(self) -> datetime:
        return datetime(1980, 1, 6, tzinfo=WIB)


def test_an_empty_list_is_not_believed_when_the_modem_counts_sms(tmp_path: Path) -> None:
    network = Blind(tmp_path / "state.db")
    served = Line(tmp_path / "modem", Engine(network), network)
    served.start()
    modem = GammuModem(str(tmp_path / "modem"))
    assert modem.receive() == []
    assert modem.network_time() is None
    network.text("+628111", "HADIR", sent=datetime(2026, 11, 24, tzinfo=WIB))
    served.wake()
    eventually(lambda: network.state().used)
    with pytest.raises(ModemError, match="counts 1 SMS and shows none") as caught:
        modem.receive()
    assert caught.value.gone
    with pytest.raises(ModemError, match="read"):  # not None: that slot is not known to be empty
        modem.read(100_001)
    modem.close()
    served.stop()


@pytest.mark.parametrize("damage", ["one octet too many", "one octet too few"])
def test_a_slot_that_can_not_be_decoded_can_be_emptied(modem: GammuModem, simulator: Simulator, damage: str) -> None:
    """libgammu reads a slot before it deletes it, and will not delete what it can not read."""
    good = "0691261100000004" + "0C91261832547698" + "0000" + "62114270120582" + "05" + "C8203A2905"
    simulator.text("+628123456789", pdu=good + "CA" if damage == "one octet too many" else good[:-2])
    (broken,) = receive(modem, simulator)
    modem.delete(broken.location)
    assert modem.receive() == []
    assert modem.read(broken.location) is None
