"""The `+CUSD` lines by which a modem tells what the network answered to a code (3GPP TS 27.007, 7.15). Pure.

Modems do not agree on how a text travels in them: as characters, as the octets of GSM 7-bit or UCS-2 in hexadecimal,
with a coding scheme beside it that fits, is wrong, or is not there.
"""

from __future__ import annotations

import re

from .messages import UssdAnswer, UssdStatus
from .simulator import gsm7

_LINE = re.compile(
    r"""\+CUSD:\ ?(?P<status>\d)
    (?:,\ ?(?:"(?P<text>(?:(?!\r\n\+CUSD:).)*?)" | (?P<bare>[0-9A-F]+))?
       ,\ ?(?P<coding>\d+)
    )?\ *\r\n""",
    re.DOTALL | re.VERBOSE,
)
# Without a coding scheme nothing tells a quote that ends the text from one inside it, but that no more comes.
_LAST = re.compile(r'\+CUSD: ?(?P<status>\d), ?(?P<bare>)"(?P<text>.*)"(?P<coding>) *\r\n\Z', re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-F]{2})+", re.IGNORECASE)
_STATUSES = {
    "0": UssdStatus.DONE,
    "1": UssdStatus.MENU,
    "2": UssdStatus.ENDED,
    "3": UssdStatus.ELSEWHERE,
    "4": UssdStatus.NOT_SUPPORTED,
    "5": UssdStatus.TIMEOUT,
}
_LEGIBLE = 0.9  # of the characters: what was decoded in the wrong way looks like noise


def find(heard: str, charset: str = "GSM", *, quiet: bool = False) -> list[UssdAnswer]:
    """The answers in what the modem said (octets as Latin-1), in order; `quiet` tells that no more is under way."""
    found = list(_LINE.finditer(heard))
    if quiet and (last := _LAST.search(heard, found[-1].end() if found else 0)):
        found.append(last)
    return [_answer(match, charset) for match in found]


def _answer(match: re.Match[str], charset: str) -> UssdAnswer:
    raw = match["text"] or match["bare"] or ""
    status = _STATUSES.get(match["status"], UssdStatus.ENDED)
    return UssdAnswer(status, decode(raw, int(match["coding"]) if match["coding"] else None, charset))


def decode(raw: str, coding: int | None, charset: str = "GSM") -> str:
    """The text behind what stands between the quotes; `coding` is its data coding scheme, None when it had none."""
    octets = bytes.fromhex(raw) if _HEX.fullmatch(raw) else None
    alphabet = _alphabet(coding)
    if octets is None:
        text = _characters(raw, charset)
    elif alphabet == "ucs2" and len(octets) % 2 == 0:
        text = _ucs2(octets)
    elif alphabet == "octets":
        text = octets.decode("utf-8", "replace")
    else:
        text = next((read for read in _readings(octets) if _legible(read)), raw)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n\0 ")


def encode(text: str, charset: str = "GSM") -> str:
    """A code as the modem expects it in that character set."""
    if charset.startswith("UCS"):
        return text.encode("utf-16-be").hex().upper()
    return text.encode("ascii", "replace").hex().upper() if charset == "HEX" else text


def packed(text: str) -> str:
    """The same as packed septets in hexadecimal, which is all that some modems take."""
    return gsm7.pack(gsm7.septets(text)).hex().upper()


def _alphabet(coding: int | None) -> str:
    """What a coding scheme of cell broadcast and USSD says of the text (3GPP TS 23.038, 5)."""
    if coding is None:
        return "default"
    if coding == 0x11:
        return "ucs2"
    if coding >> 6 == 1 or coding >> 4 == 9:
        return {1: "octets", 2: "ucs2"}.get(coding >> 2 & 3, "default")
    return "octets" if coding >> 4 == 15 and coding & 4 else "default"


def _characters(raw: str, charset: str) -> str:
    codes = raw.encode("latin-1", "replace")
    if charset == "GSM" and max(codes, default=0) < 0x80:  # a modem that sends more means Latin-1, whatever it says
        return gsm7.characters([*codes])
    return raw


def _readings(octets: bytes) -> list[str]:
    """What octets of unknown coding may mean, the most telling first."""
    readings = [_ucs2(octets)] if len(octets) % 2 == 0 else []
    if max(octets) < 0x80:
        readings.append(gsm7.characters([*octets]))
    septets = gsm7.unpack(octets, len(octets) * 8 // 7)
    return [*readings, gsm7.characters(septets).rstrip("@\r")]


def _ucs2(octets: bytes) -> str:
    return octets.decode("utf-16-be", "replace")


def _legible(text: str) -> bool:
    """Whether people write so: ASCII almost throughout, and a letter in it."""
    good = sum(sign.isascii() and (sign.isprintable() or sign in "\r\n") for sign in text)
    return any(sign.isascii() and sign.isalpha() for sign in text) and good >= _LEGIBLE * len(text)
