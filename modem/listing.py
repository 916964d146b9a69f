"""What a modem listed, as it went over the line: libgammu does not give the PDUs away, but writes them down. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .messages import IncomingSms, Kind

ME = 100_000  # libgammu numbers the slots of the modem's own store from here, if there are slots on the SIM as well

_LINE = re.compile(r'^\d+ "(.*)"$', re.MULTILINE)
_CHOSEN = re.compile(r'(?:AT\+CPMS=|\+CPMS: *)"(\w+)"')  # by the command, or as the modem tells
_ENTRY = re.compile(r"\+CMGL: *(\d+),")
_PDU = re.compile(r"(?:[0-9A-F]{2})+")


@dataclass(frozen=True, slots=True)
class Place:
    """A slot by the modem's own count, and the PDU (hexadecimal) that lay in it."""

    store: str
    index: int
    pdu: str


def places(transcript: str) -> Iterator[Place]:
    """The slots that +CMGL showed, out of libgammu's debug output (level "text")."""
    store, index = "", None
    for line in _LINE.findall(transcript):
        if chosen := _CHOSEN.match(line):
            store = chosen[1]
        if index is not None and store and _PDU.fullmatch(line.upper()):
            yield Place(store, index, line.upper())
        entry = _ENTRY.match(line)
        index = int(entry[1]) if entry else None


def matched(seen: Sequence[int], messages: Sequence[IncomingSms], transcript: str) -> dict[IncomingSms, Place]:
    """Where each message lay, as far as that is beyond doubt.

    `seen` are the locations of all slots that libgammu decoded, in its order. A modem may count its slots in another
    way: a place is believed if libgammu numbers it so and all before it, or if the message is nothing but that PDU.
    """
    listed = list(places(transcript))
    agreed = dict(zip(seen, listed, strict=False))
    if len(listed) < len(seen) or any(place.index != location % ME for location, place in agreed.items()):
        agreed = {}
    found: dict[IncomingSms, Place] = {}
    for sms in messages:
        place = _of_raw(sms, listed) if _is_raw(sms) else agreed.get(sms.location)
        if place:
            listed.remove(place)
            found[sms] = place
    return found


def _of_raw(sms: IncomingSms, listed: Sequence[Place]) -> Place | None:
    return next((place for place in listed if place.pdu == sms.text), None)


def _is_raw(sms: IncomingSms) -> bool:
    return sms.kind is Kind.BINARY and not sms.number
