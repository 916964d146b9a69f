"""Parts of long messages: which belong together, and what they make, whatever order they come in. Pure.

A phone cuts a long text into parts that share a reference, of which there are but 256 (3GPP TS 23.040, 9.2.3.24.1):
it comes again within days, and some phones always use the same. The SMS centre's stamps tell such messages apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .message import Form, IncomingMessage

AGAIN = timedelta(minutes=2)  # within which a phone that heard nothing sends a part once more
_GAP = "…"  # stands for what is missing


@dataclass(frozen=True, slots=True)
class Whole:
    """A long message as far as it is here; `joined` when it was decided as one already: then of the texts of its
    pieces nothing but digests is left.
    """

    id: int
    total: int
    pieces: Mapping[int, IncomingMessage]
    joined: bool = False

    @property
    def complete(self) -> bool:
        return len(self.pieces) == self.total


def belongs_to(part: IncomingMessage, wholes: Iterable[Whole], window: timedelta) -> Whole | None:
    """The message that this part is of, or is there once more of; None when it begins another.

    All of one message come to the same modem and are stamped within the window, however late they come. Of several
    that lack such a part it is of the one with the nearest stamps.
    """
    same = [whole for whole in wholes if all(piece.modem == part.modem for piece in whole.pieces.values())]
    fitting = [whole for whole in same if _distance(part, whole) <= window and _fits(part, whole)]
    return min(fitting, key=lambda whole: _distance(part, whole), default=None)


def joined(whole: Whole) -> IncomingMessage:
    """The message as it was typed, with the time at which the SMS centre got the first of it."""
    return _merged(whole, Form.TEXT, "".join(whole.pieces[number].text for number in sorted(whole.pieces)))


def incomplete(whole: Whole) -> IncomingMessage:
    """What can be shown of a message whose other parts never came."""
    texts: list[str] = []
    for number in range(1, whole.total + 1):
        if number in whole.pieces:
            texts.append(whole.pieces[number].text)
        elif texts[-1:] != [_GAP]:
            texts.append(_GAP)
    return _merged(whole, Form.PART, " ".join(texts))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fits(part: IncomingMessage, whole: Whole) -> bool:
    assert part.part
    same = whole.pieces.get(part.part.number)
    if same is None:
        return not whole.joined
    if whole.joined:
        return same.text == digest(part.text) and abs(_moment(same) - _moment(part)) <= AGAIN
    return same.text == part.text


def _distance(part: IncomingMessage, whole: Whole) -> timedelta:
    """To the farthest of the others."""
    return max(abs(_moment(piece) - _moment(part)) for piece in whole.pieces.values())


def _moment(message: IncomingMessage) -> datetime:
    return message.sent or message.received


def _merged(whole: Whole, form: Form, text: str) -> IncomingMessage:
    pieces = [whole.pieces[number] for number in sorted(whole.pieces)]
    assert pieces[0].part
    return replace(
        pieces[0],
        form=form,
        text=text,
        sent=min((piece.sent for piece in pieces if piece.sent), default=None),
        received=max(piece.received for piece in pieces),
        clock_trusted=all(piece.clock_trusted for piece in pieces),
        reference=f"{pieces[0].part.reference}/{whole.total}",
        part=None,
    )
