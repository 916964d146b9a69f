"""The PDU codec against published examples, against itself and against libgammu's own codec."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import gammu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modem.messages import Part
from modem.simulator import gsm7
from modem.simulator.pdu import (
    UCS2,
    Body,
    PduError,
    Submit,
    coding,
    decode_address,
    decode_submit,
    decode_time,
    encode_address,
    encode_deliver,
    encode_time,
    split,
    tpdu_length,
)

WIB = timezone(timedelta(hours=7))
SENT = datetime(2026, 11, 24, 7, 12, 5, tzinfo=WIB)
ALPHABET = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€\n"

narrow = st.text(st.sampled_from(ALPHABET))
wide = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True)
zones = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
moments = st.builds(
    lambda seconds, zone: datetime(2000, 1, 2, tzinfo=zone) + timedelta(seconds=seconds),
    st.integers(0, 89 * 365 * 86_400),  # libgammu puts the years from 90 on into the last century
    zones,
)


def test_the_packing_example_of_the_handbooks() -> None:
    assert gsm7.pack(gsm7.septets("hellohello")).hex().upper() == "E8329BFD4697D9EC37"
    assert gsm7.pack(gsm7.septets("How are you?")).hex().upper() == "C8F71D14969741F977FD07"


def test_a_known_submit() -> None:
    submit = decode_submit(bytes.fromhex("0011000B916407281553F80000AA0AE8329BFD4697D9EC37"))
    assert (submit.number, submit.body) == ("+46708251358", Body("hellohello"))


def test_a_known_time_stamp() -> None:
    moment = datetime(1999, 3, 29, 15, 16, 59, tzinfo=timezone(timedelta(hours=2)))
    assert encode_time(moment).hex() == "99309251619580"
    west = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5)))
    assert encode_time(west).hex() == "6210203040500a"
    assert decode_time(encode_time(west)) == west


def test_a_known_deliver() -> None:
    sent = datetime(2002, 8, 26, 19, 37, 41, tzinfo=UTC)
    pdu = encode_deliver("+31641600986", Body("How are you?"), sent, "+31624000000").hex().upper()
    assert pdu == "07911326040000F0040B911346610089F60000208062917314000CC8F71D14969741F977FD07"


def test_the_length_leaves_the_service_centre_out() -> None:
    assert tpdu_length(bytes.fromhex("07911326040000F0" + "0102")) == 2
    assert tpdu_length(bytes.fromhex("00" + "0102")) == 2


@given(narrow)
def test_septets_survive_packing(text: str) -> None:
    codes = gsm7.septets(text)
    for fill in range(7):
        assert gsm7.unpack(gsm7.pack(codes, fill), len(codes), fill) == codes
    assert gsm7.characters(codes) == text


@given(moments)
def test_a_time_stamp_survives(moment: datetime) -> None:
    again = decode_time(encode_time(moment))
    assert (again, again.utcoffset()) == (moment, moment.utcoffset())


@given(numbers)
def test_an_address_survives(number: str) -> None:
    octets = encode_address(number)
    assert decode_address(octets, 0) == (number, len(octets))


@pytest.mark.parametrize("name", ["BANK", "Telkomsel", "A", "12345678 AB"])
def test_a_sender_in_letters_survives(name: str) -> None:
    octets = encode_address(name)
    assert decode_address(octets, 0) == (name, len(octets))


@given(numbers, st.one_of(narrow, wide).filter(lambda text: len(text.encode("utf-16-be")) <= 140), moments)
def test_libgammu_reads_what_we_deliver(number: str, text: str, sent: datetime) -> None:
    pdu = encode_deliver(number, Body(text[:70]), sent, "+6281100000")
    read = gammu.DecodePDU(pdu, True)
    assert read["Number"] == number
    assert read["DateTime"] == sent
    assert read["SMSC"]["Number"] == "+6281100000"
    expected = text[:70]
    if coding(expected) == UCS2:  # libgammu takes a tilde in UCS-2 for an escape of old Nokia phones
        expected = "" if set(expected) & set("~\1") else expected
    if expected and "\0" not in expected:
        assert read["Text"].split("\0")[0] == expected


@given(st.binary(max_size=140))
def test_libgammu_reads_our_data(data: bytes) -> None:
    read = gammu.DecodePDU(encode_deliver("+628111", Body(data), SENT), True)
    assert read["Text"] == data


@given(numbers, st.one_of(narrow, wide), st.integers(0, 0xFFFF), st.booleans())
def test_a_submit_survives(number: str, text: str, reference: int, long: bool) -> None:
    body = Body(text[:33], Part(reference, 1, 2) if long else None)
    deliver = encode_deliver(number, body, SENT)
    address = encode_address(number)
    coding_and_data = deliver[2 + len(address) + 1 :]
    kind = bytes([0x41 if long else 0x01, 0x00])
    pdu = b"\x00" + kind + address + b"\x00" + coding_and_data[:1] + coding_and_data[8:]
    assert decode_submit(pdu) == Submit(number, body)


@given(st.one_of(narrow, wide).map(lambda text: text * 5), st.integers(0, 255))
def test_parts_make_the_whole(text: str, reference: int) -> None:
    bodies = split(text, reference)
    assert "".join(str(body.content) for body in bodies) == text
    for place, body in enumerate(bodies, 1):
        encode_deliver("+628111", body, SENT)
        assert body.part == (Part(reference, place, len(bodies)) if len(bodies) > 1 else None)


@pytest.mark.parametrize(
    ("text", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("ж" * 70, 1), ("ж" * 71, 2)]
)
def test_where_one_sms_ends(text: str, parts: int) -> None:
    assert len(split(text, 1)) == parts


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PduError):
        encode_deliver("+628111", Body("a" * 161), SENT)
    with pytest.raises(PduError):
        encode_address("a name far too long")


@given(st.binary(max_size=180))
def test_junk_is_no_submit_and_nothing_worse(junk: bytes) -> None:
    try:
        decode_submit(junk)
    except PduError:
        return
