from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import grammar
from gateway.menu import LONGEST, Ask, Leave, Say, walk
from gateway.replies import Texts
from gateway.ussd import LONGEST as USSD
from mqtt_bridge.records import Language, PresenceRule

from .factories import RULES

TEXTS = Texts(Language.INDONESIAN, RULES.zone)
REQUIRED, OPTIONAL, OFF = PresenceRule.REQUIRED, PresenceRule.OPTIONAL, PresenceRule.OFF


@pytest.mark.parametrize(
    ("typed", "presence", "meant"),
    [
        ("1", OFF, "HADIR"),
        ("2", OFF, "PULANG"),
        ("1 482913", REQUIRED, "HADIR 482913"),
        ("2 482913", REQUIRED, "PULANG 482913"),
        ("1 12", REQUIRED, "HADIR 12"),
        ("1 1", OPTIONAL, "HADIR"),
        ("1 482913", OPTIONAL, "HADIR 482913"),
        ("3 1", OFF, "SAKIT"),
        ("4 1", OFF, "IZIN"),
        ("5 1", OFF, "DL"),
        ("6", REQUIRED, "CEK"),
        ("7", OFF, "CEK BULAN"),
        ("8", OFF, "BANTU"),
        ("9 1", OFF, "HADIR"),
        ("3 0 1", OFF, "HADIR"),
        ("1 0 2 482913", REQUIRED, "PULANG 482913"),
        ("1 1 482913", REQUIRED, "HADIR 482913"),
    ],
)
def test_where_a_walk_ends(typed: str, presence: PresenceRule, meant: str) -> None:
    assert walk(typed.split(), presence, TEXTS) == Say(meant)
    assert grammar.parse(meant) is not None


def test_what_a_stranger_can_do() -> None:
    assert walk(["1", "199001012020121001"], OFF, TEXTS, known=False) == Say("DAFTAR 199001012020121001")
    assert isinstance(walk(["2"], OFF, TEXTS, known=False), Ask)


def test_the_way_back_and_out() -> None:
    first = walk([], OFF, TEXTS)
    assert isinstance(first, Ask)
    assert first.inputs == ()
    assert walk(["3", "0"], OFF, TEXTS) == first
    assert walk(["0"], OFF, TEXTS) == Leave()


def test_a_wrong_number_leaves_everything_as_it_was() -> None:
    wrong = walk(["3", "7"], OFF, TEXTS)
    assert isinstance(wrong, Ask)
    assert wrong.inputs == ("3",)
    assert wrong.text.startswith("Pilihan tidak ada.")
    assert walk(["3", "7", "8"], OFF, TEXTS) == wrong


@given(
    st.lists(st.one_of(st.sampled_from("0123456789"), st.text(max_size=8)), max_size=LONGEST + 5),
    st.sampled_from(PresenceRule), st.sampled_from(Language), st.booleans(),
)  # fmt: skip
def test_whatever_is_typed_leads_somewhere(
    typed: list[str], presence: PresenceRule, language: Language, known: bool
) -> None:
    step = walk(typed, presence, Texts(language, RULES.zone), known=known)
    if isinstance(step, Ask):
        assert len("CON " + step.text) <= USSD
        assert len(step.text) <= 160
    elif isinstance(step, Say):
        assert grammar.parse(step.text) is not None or not step.text.isascii()
