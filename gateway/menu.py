"""The numbered menu, spoken alike over SMS and USSD. Pure: what was typed → the next screen, or what it comes to.

It knows no rules: what a walk comes to is the text that the person could have sent instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqtt_bridge.records import PresenceRule

from .replies import Texts

BACK = "0"
LONGEST = 20  # inputs of one walk: whoever types more is not reading

_MOVES = {"1": "HADIR", "2": "PULANG"}
_ABSENCES = {"3": "SAKIT", "4": "IZIN", "5": "DL"}
_QUESTIONS = {"6": "CEK", "7": "CEK BULAN", "8": "BANTU"}


@dataclass(frozen=True, slots=True)
class Ask:
    """Show this and wait for an answer; `inputs` are those that still count."""

    text: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """The end: the text that the person means."""

    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The end, without anything."""


Step = Ask | Say | Leave


def walk(inputs: Sequence[str], presence: PresenceRule, texts: Texts, *, known: bool = True) -> Step:
    """Where those inputs lead. A number that is not bound (`known`) can only ask for that."""
    step: Step = Ask(_start(texts, known=known), ())
    for typed in inputs[:LONGEST]:
        if isinstance(step, Ask):
            step = _answered(step, typed.strip(), presence, texts, known=known)
    return step if len(inputs) <= LONGEST else Leave()


def _answered(asked: Ask, typed: str, presence: PresenceRule, texts: Texts, *, known: bool) -> Step:
    if typed == BACK:
        return Ask(_start(texts, known=known), ()) if asked.inputs else Leave()
    path = (*asked.inputs, typed)
    step = _known(path, presence, texts) if known else _stranger(path, texts)
    # A wrong number leaves everything as it was.
    return step or Ask(texts.wrong_choice(asked.text), asked.inputs)


def _start(texts: Texts, *, known: bool) -> str:
    return texts.menu() if known else texts.menu_stranger()


def _known(path: tuple[str, ...], presence: PresenceRule, texts: Texts) -> Step | None:
    match path:
        case (number,) if number in _QUESTIONS:
            return Say(_QUESTIONS[number])
        case (number,) if number in _ABSENCES:
            return Ask(texts.menu_sure(_ABSENCES[number]), path)
        case (number, "1") if number in _ABSENCES:
            return Say(_ABSENCES[number])
        case (number,) if number in _MOVES and presence is PresenceRule.OFF:
            return Say(_MOVES[number])
        case (number,) if number in _MOVES:
            return Ask(texts.menu_code(optional=presence is PresenceRule.OPTIONAL), path)
        case (number, "1") if number in _MOVES and presence is PresenceRule.OPTIONAL:
            return Say(_MOVES[number])
        case (number, code) if number in _MOVES and code.isdecimal() and len(code) > 1:
            return Say(f"{_MOVES[number]} {code}")
    return None


def _stranger(path: tuple[str, ...], texts: Texts) -> Step | None:
    match path:
        case ("1",):
            return Ask(texts.menu_nip(), path)
        case ("1", nip) if nip.isdecimal() and len(nip) > 1:
            return Say(f"DAFTAR {nip}")
    return None
