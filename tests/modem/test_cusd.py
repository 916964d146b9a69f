"""`+CUSD` lines: vectors of the standards and of real modems, and what must not be misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modem import cusd
from modem.messages import UssdAnswer, UssdStatus

DONE, MENU, ENDED = UssdStatus.DONE, UssdStatus.MENU, UssdStatus.ENDED


@pytest.mark.parametrize(
    ("raw", "coding", "text"),
    [
        ("Sisa pulsa Rp 5.000", 15, "Sisa pulsa Rp 5.000"),
        ("Sisa pulsa Rp 5.000", None, "Sisa pulsa Rp 5.000"),
        ("E8329BFD4697D9EC37", 15, "hellohello"),  # packed (3GPP TS 23.038, 6.1.2.3)
        ("C8F71D14969741F977FD07", 15, "How are you?"),
        ("C8F71D14969741F977FD07", None, "How are you?"),
        ("0053006900730061", 72, "Sisa"),
        ("0053006900730061", 17, "Sisa"),
        ("0053006900730061", 15, "Sisa"),  # the scheme is wrong
        ("0053006900730061", None, "Sisa"),
        ("04110430043B0430043D0441", 72, "Баланс"),
        ("53697361", 15, "Sisa"),  # an octet for each character (27.007, 5.5, HEX)
        ("53697361", 68, "Sisa"),  # 8-bit data
        ("53697361", 0xF4, "Sisa"),
        ("15250", 15, "15250"),
        ("152500", 15, "152500"),  # could be hexadecimal, but says nothing then
        ("DEADBEEF", 15, "DEADBEEF"),
        ("00530", 72, "00530"),  # half an octet: characters after all
        ("a\x11b\x00\x02", 15, "a_b@$"),  # the octets are codes of the GSM alphabet
        ("sisa \xe9", 15, "sisa \xe9"),  # more than seven bits: Latin-1
        ("1. Pulsa\r\n2. Paket\r", 15, "1. Pulsa\n2. Paket"),
        ("", 15, ""),
    ],
)
def test_texts_are_read_whatever_their_form(raw: str, coding: int | None, text: str) -> None:
    assert cusd.decode(raw, coding) == text


def test_another_character_set_is_taken_as_it_is() -> None:
    assert cusd.decode("a_b@$", 15, "IRA") == "a_b@$"


@pytest.mark.parametrize(
    ("heard", "answers"),
    [
        ('\r\nOK\r\n\r\n+CUSD: 0,"Rp 1",15\r\n', [UssdAnswer(DONE, "Rp 1")]),
        ('\r\n+CUSD: 1,"1. Ya\r\n2. "Tidak"",15\r\n', [UssdAnswer(MENU, '1. Ya\n2. "Tidak"')]),
        ('\r\n+CUSD: 2\r\n\r\n+CUSD: 0,"Rp 1",15\r\n', [UssdAnswer(ENDED), UssdAnswer(DONE, "Rp 1")]),
        ("\r\n+CUSD: 4\r\n", [UssdAnswer(UssdStatus.NOT_SUPPORTED)]),
        ("\r\n+CUSD: 5\r\n", [UssdAnswer(UssdStatus.TIMEOUT)]),
        ('\r\n+CUSD: 4,"",0\r\n', [UssdAnswer(UssdStatus.NOT_SUPPORTED)]),
        ("\r\n+CUSD: 0,0053006900730061,72\r\n", [UssdAnswer(DONE, "Sisa")]),
        ('\r\n+CUSD: 0,"Rp 5.000\r\n,00",15\r\n', [UssdAnswer(DONE, "Rp 5.000\n,00")]),
        ('\r\n+CUSD: 0,"half', []),
        ('\r\n+CUSD: 0,"no scheme"\r\n', []),
        ("\r\n+CUSD: (0-2)\r\n\r\nOK\r\n", []),
        ('AT+CUSD=1,"*888#",15\r', []),
    ],
)
def test_answers_are_found(heard: str, answers: list[UssdAnswer]) -> None:
    assert cusd.find(heard) == answers


def test_without_a_coding_scheme_the_text_ends_when_no_more_comes() -> None:
    heard = '\r\n+CUSD: 0,"Pilih "1"\r\natau "2""\r\n'
    assert cusd.find(heard) == []
    assert cusd.find(heard, quiet=True) == [UssdAnswer(DONE, 'Pilih "1"\natau "2"')]


@pytest.mark.parametrize(
    ("charset", "code"), [("GSM", "*888#"), ("IRA", "*888#"), ("UCS2", "002A0038003800380023"), ("HEX", "2A38383823")]
)
def test_codes_are_written_in_the_character_set(charset: str, code: str) -> None:
    assert cusd.encode("*888#", charset) == code


def test_packed_codes() -> None:
    assert cusd.packed("*100#") == "AA180C3602"


@given(st.text(alphabet=st.characters(max_codepoint=255)), st.none() | st.integers(0, 255))
def test_no_line_breaks_it(text: str, coding: int | None) -> None:
    cusd.decode(text, coding)
    for answer in cusd.find(f'\r\n+CUSD: 0,"{text}",{coding}\r\n', quiet=True):
        assert "\0" not in answer.text[:1]
