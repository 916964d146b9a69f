from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands import (
    BareCode,
    Choice,
    Dispute,
    Fault,
    Help,
    Menu,
    Mistake,
    Query,
    Register,
    Scope,
    Silence,
    Statement,
)
from gateway.grammar import parse
from mqtt_bridge.records import Action


def acts(text: str) -> Action | None:
    """Whether it comes or goes."""
    command = parse(text)
    return command.action if isinstance(command, Statement) else None


@pytest.mark.parametrize(
    "text",
    ["HADIR", "hadir", " Hadir. ", "HADIR!", "Masuk", "absen masuk", "HADIR 482913", "482913 hadir", "hadir-482913",
     "Saya hadir pak", "HADIR\n", "hadir/482913", "ＨＡＤＩＲ", "hadir 👍", "absensi: HADIR", "masuk kerja"],
)  # fmt: skip
def test_understands_coming(text: str) -> None:
    assert acts(text) is Action.IN


@pytest.mark.parametrize("text", ["PULANG", "pulang.", "Absen pulang", "pulang 482913", "PULANG, pak"])
def test_understands_going(text: str) -> None:
    assert acts(text) is Action.OUT


@pytest.mark.parametrize(
    "text",
    ["", " ", "Besok saya ada rapat dinas", "besok saya hadir", "hadir rapat besok", "tidak hadir", "hadir?",
     "hadir pulang", "masuk 12", "hadir 1234567", "hadir 4821 9912", "482913", "jangan pulang dulu", "hadirlah",
     "Promo! masuk ke situs kami", "OTP 482913 jangan berikan", "hadir дом", "hadir " * 20, "pulang jam 4"],
)  # fmt: skip
def test_chatter_is_nothing(text: str) -> None:
    assert acts(text) is None


WELL_MEANT = {
    "hadir": Statement(Action.IN), "Masuk, pak": Statement(Action.IN), "check in": Statement(Action.IN),
    "haidr 482913": Statement(Action.IN, "482913"), "HADIR482913": Statement(Action.IN, "482913"),
    "482913hadir": Statement(Action.IN, "482913"), "hadir:48291O": Statement(Action.IN, "482910"),
    "PULNAG 48-29-13": Statement(Action.OUT, "482913"), "pulang l2345o": Statement(Action.OUT, "123450"),
    "hadir 482913 482913": Statement(Action.IN, "482913"), "482 913": BareCode("482913"),
    "482913": BareCode("482913"),
    "Selamat pagi Bu, saya hadir. Kode 482913, terima kasih": Statement(Action.IN, "482913"),
    "sakit": Statement(Action.SICK), "SAKIT gigi": Statement(Action.SICK, note="gigi"),
    "ijin tidak masuk, anak sakit": Statement(Action.LEAVE, note="tidak masuk, anak sakit"),
    "DL ke kecamatan": Statement(Action.DUTY, note="ke kecamatan"), "dinas luar": Statement(Action.DUTY),
    "CEK": Query(Scope.DAY), "cek bulan ini": Query(Scope.MONTH), "BANTU": Help(), "?": Help(), "menu": Menu(),
    "7": Choice(7), "0": Choice(0), "STOP": Silence(on=True), "mulai": Silence(on=False),
    "SANGGAH kemarin pulang 16.05": Dispute("kemarin pulang 16.05"),
    "daftar 19900101 202012 1 001": Register("199001012020121001"),
    "daftar nip 199OO1O12O2O121OO1": Register("199001012020121001"),
    "hadir pulang 482913": Mistake(Fault.BOTH_WAYS), "hadir 12345": Mistake(Fault.CODE_LENGTH, Action.IN),
    "48291": Mistake(Fault.CODE_LENGTH), "hadir 482913 482914": Mistake(Fault.TWO_CODES, Action.IN),
    "daftar 123": Mistake(Fault.NO_NIP), "daftar": Mistake(Fault.NO_NIP), "sanggah": Mistake(Fault.NO_TEXT),
    "hadir telat macet": Mistake(Fault.UNSURE, Action.IN), "izin bertanya pak": Mistake(Fault.UNSURE, Action.LEAVE),
}  # fmt: skip


@pytest.mark.parametrize("text", WELL_MEANT)
def test_what_is_meant(text: str) -> None:
    assert parse(text) == WELL_MEANT[text]


@pytest.mark.parametrize(
    "text",
    ["Kode OTP Anda 482913", "24/11/26", "07:30:15", "daftar hadir rapat", "cek ongkir", "sakit hati aku mas",
     "saya hadir di rapat 482913 orang", "kadir", "mabuk", "tulang", "stok 482913", "2026", "12345678", "٤٨٢٩١٣"],
)  # fmt: skip
def test_chatter_asks_for_nothing(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=400))
def test_no_text_is_too_strange(text: str) -> None:
    parse(text)


@given(
    st.sampled_from(["hadir 482913", "pulang", "482913", "sakit"]),
    st.text("\u200b\u200e\u202d\x00\x07 \n", max_size=5),
)
def test_what_can_not_be_seen_changes_nothing(text: str, hidden: str) -> None:
    assert parse(hidden + text + hidden) == parse(text)


@given(st.sampled_from(["HADIR 482913", "Pulang", "sakit gigi", "CEK BULAN", "daftar 199001012020121001"]))
def test_case_changes_nothing(text: str) -> None:
    assert parse(text.lower()) == parse(text.upper())


LETTERS = "abcdefghijklmnopqrstuvwxyz"


@given(st.sampled_from(["hadir", "masuk", "pulang"]), st.integers(0, 6), st.sampled_from(LETTERS), st.integers(0, 3))
def test_no_slip_of_the_finger_turns_coming_into_going(keyword: str, place: int, letter: str, kind: int) -> None:
    head, tail = keyword[:place], keyword[place:]
    slips = [head + letter + tail, head + tail[1:], head + letter + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]]
    assert acts(slips[kind]) in {None, acts(keyword)}


def test_a_long_text_takes_no_time() -> None:
    assert parse("hadir " * 5000) is None
    assert parse("9" * 10_000) is None
