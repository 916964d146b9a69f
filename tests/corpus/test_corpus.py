"""Everyday texts are no check-ins, and what people mistype is understood, or answered with what mends it."""

from __future__ import annotations

from gateway.commands import Choice, Command, Help, Mistake
from gateway.grammar import parse

from .reading import lines, said

# A hint costs at most a few SMS a day; a number counts only inside of the menu.
HARMLESS = (Mistake, Help, Choice)


def test_no_chatter_is_taken_for_a_statement() -> None:
    texts = lines("chatter.txt")
    assert len(set(texts)) >= 1000
    taken = [
        (text, said(command)) for text in texts if (command := parse(text)) and not isinstance(command, HARMLESS)
    ]
    assert taken == []


def test_nearly_everything_that_people_mistype_is_understood_or_mended() -> None:
    meant = [line.split("\t") for line in lines("mistypings.txt")]
    assert len({text for text, _ in meant}) >= 500
    missed = [(text, expected, said(parse(text))) for text, expected in meant if not serves(parse(text), expected)]
    assert len(missed) <= len(meant) * 0.02, "\n".join(map(str, missed))


def serves(command: Command | None, expected: str) -> bool:
    """Whether it is what was meant, or the hint how to say just that."""
    hinted = command.action if isinstance(command, Mistake) else None
    return said(command) == expected or (hinted is not None and hinted == expected.split(" ")[0])
