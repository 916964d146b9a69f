from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grammar import Statement, parse
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


@given(st.text(max_size=300))
def test_any_text_is_an_action_or_nothing(text: str) -> None:
    parse(text)


@given(st.sampled_from(["hadir", "pulang"]), st.from_regex(r"[a-z]{2,12}", fullmatch=True))
def test_a_word_more_that_is_not_known_makes_it_chatter(keyword: str, word: str) -> None:
    neutral = parse(f"hadir {word}") is not None
    if not neutral:
        assert parse(f"{keyword} {word}") is None
        assert parse(f"{word} {keyword}") is None
