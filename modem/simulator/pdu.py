"""SMS as octets: what a phone sends to the modem and back (3GPP TS 23.040, 9.2). Pure.

A PDU here is what an AT modem shows in PDU mode (3GPP TS 27.005): the SMS centre's address, then the TPDU.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..messages import Part
from . import gsm7

GSM7, BINARY, UCS2 = 0x00, 0x04, 0x08  # data coding schemes, 3GPP TS 23.038, 4
_OCTETS = 140  # user data of one SMS
_HEADER_FLAG = 0x40  # TP-UDHI


class PduError(ValueError):
    """Octets that are no SMS, or an SMS that does not fit into octets."""


@dataclass(frozen=True, slots=True)
class Body:
    """User data of one SMS: a text, or octets of 8-bit data; `part` when it belongs to a longer message."""

    content: str | bytes
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Submit:
    """What the modem was asked to send."""

    number: str
    body: Body
    report: bool = False  # whether the network is asked to tell when it was delivered


def coding(content: str | bytes) -> int:
    """The cheapest data coding scheme that carries `content`."""
    if isinstance(content, bytes):
        return BINARY
    return GSM7 if gsm7.fits(content) else UCS2


def split(content: str | bytes, reference: int) -> list[Body]:
    """One SMS, or the parts of a concatenated one when `content` is longer (TS 23.040, 9.2.3.24.1)."""
    if _size(content) <= _room(content, header=0):
        return [Body(content)]
    pieces = _pieces(content, _room(content, header=6))
    return [Body(piece, Part(reference, number, len(pieces))) for number, piece in enumerate(pieces, 1)]


def _size(content: str | bytes) -> int:
    scheme = coding(content)
    if isinstance(content, bytes):
        return len(content)
    return len(gsm7.septets(content)) if scheme == GSM7 else len(_utf16(content)) // 2


def _room(content: str | bytes, header: int) -> int:
    octets = _OCTETS - header
    return {GSM7: octets * 8 // 7, BINARY: octets, UCS2: octets // 2}[coding(content)]


def _pieces(content: str | bytes, room: int) -> list[str | bytes]:
    if isinstance(content, bytes):
        return [content[start : start + room] for start in range(0, len(content), room)]
    narrow = coding(content) == GSM7
    pieces: list[str | bytes] = []
    piece, used = "", 0
    for character in content:  # never between the halves of an escape or a surrogate pair
        width = len(gsm7.septets(character)) if narrow else len(_utf16(character)) // 2
        if used + width > room:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + character, used + width
    return [*pieces, piece]


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def encode_deliver(number: str, body: Body, sent: datetime, smsc: str = "", *, stamp: bytes | None = None) -> bytes:
    """An SMS-DELIVER (TS 23.040, 9.2.2.1) as the modem shows it; `stamp` are octets in place of the time `sent`.

    PduError when `body` is too long.
    """
    scheme, data = _encode_body(body)
    first = 0x04 | (_HEADER_FLAG if body.part else 0)  # no more messages waiting
    head = encode_smsc(smsc) + bytes([first]) + encode_address(number) + bytes([0, scheme])
    return head + (stamp or encode_time(sent)) + data


def encode_report(reference: int, number: str, sent: datetime, done: datetime, smsc: str, status: int = 0) -> bytes:
    """An SMS-STATUS-REPORT (TS 23.040, 9.2.2.3) as the modem shows it; `status` 0 is "delivered" (9.2.3.15)."""
    times = encode_time(sent) + encode_time(done)
    return encode_smsc(smsc) + bytes([0x06, reference]) + encode_address(number) + times + bytes([status])


def decode_submit(pdu: bytes) -> Submit:
    """An SMS-SUBMIT (TS 23.040, 9.2.2.2) with the leading SMSC address. PduError when it is none."""
    try:
        return _decode_submit(pdu[1 + pdu[0] :])
    except (IndexError, KeyError) as error:
        raise PduError("the PDU ends too early") from error


def _decode_submit(tpdu: bytes) -> Submit:
    first = tpdu[0]
    if first & 0x03 != 0x01:
        raise PduError("not an SMS-SUBMIT")
    number, position = decode_address(tpdu, 2)
    scheme = tpdu[position + 1]
    validity = {0x00: 0, 0x10: 1, 0x08: 7, 0x18: 7}[first & 0x18]
    data = tpdu[position + 2 + validity :]
    return Submit(number, _decode_body(scheme, data, header=bool(first & _HEADER_FLAG)), bool(first & 0x20))


def tpdu_length(pdu: bytes) -> int:
    """The length that +CMGL, +CMGR and +CMGS speak of: octets without the SMSC address (TS 27.005, 3.1)."""
    return len(pdu) - 1 - pdu[0]


def encode_smsc(number: str) -> bytes:
    """A service centre address: its length counts octets, other than every other address."""
    if not number:
        return b"\x00"
    digits = _semi_octets(number.lstrip("+"))
    return bytes([len(digits) + 1, 0x91 if number.startswith("+") else 0x81]) + digits


def encode_address(number: str) -> bytes:
    """An address (TS 23.040, 9.1.2.5): international with a leading plus, national, or letters."""
    digits = number.removeprefix("+")
    if digits.isascii() and all(digit in "0123456789*#" for digit in digits):
        return bytes([len(digits), 0x91 if number.startswith("+") else 0x81]) + _semi_octets(digits)
    if not gsm7.fits(number) or len(gsm7.septets(number)) > 11:
        raise PduError("a sender in letters has at most 11 characters of the GSM alphabet")
    packed = gsm7.pack(gsm7.septets(number))
    return bytes([(len(gsm7.septets(number)) * 7 + 3) // 4, 0xD0]) + packed


def decode_address(octets: bytes, start: int) -> tuple[str, int]:
    """The address at `start` and the place after it."""
    length, kind = octets[start], octets[start + 1]
    end = start + 2 + (length + 1) // 2
    value = octets[start + 2 : end]
    if kind & 0x70 == 0x50:
        return gsm7.characters(gsm7.unpack(value, length * 4 // 7)), end
    digits = "".join("0123456789*#abc "[nibble] for octet in value for nibble in (octet & 0xF, octet >> 4))
    return ("+" if kind & 0x70 == 0x10 else "") + digits[:length], end


def _semi_octets(digits: str) -> bytes:
    nibbles = ["0123456789*#".index(digit) for digit in digits]
    if len(nibbles) % 2:
        nibbles.append(0xF)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def encode_time(moment: datetime) -> bytes:
    """A time stamp (TS 23.040, 9.2.3.11): seven swapped decimals, the zone in quarters of an hour."""
    offset = moment.utcoffset() or timedelta()
    quarters = abs(offset) // timedelta(minutes=15)
    fields = [moment.year % 100, moment.month, moment.day, moment.hour, moment.minute, moment.second, quarters]
    octets = bytearray(field % 10 << 4 | field // 10 for field in fields)
    octets[6] |= 0x08 if offset < timedelta() else 0
    return bytes(octets)


def decode_time(octets: bytes) -> datetime:
    """The inverse of `encode_time`, for the years 2000 to 2099. ValueError when there is no such moment."""
    fields = [(octet & 0xF) * 10 + (octet >> 4) for octet in [*octets[:6], octets[6] & 0xF7]]
    offset = timedelta(minutes=15 * fields[6]) * (-1 if octets[6] & 0x08 else 1)
    year, month, day, hour, minute, second = fields[:6]
    return datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset))


def _encode_body(body: Body) -> tuple[int, bytes]:
    """The coding scheme, and user data with its length in front."""
    header = _encode_header(body.part)
    scheme, content = coding(body.content), body.content
    if isinstance(content, str) and scheme == GSM7:
        codes = gsm7.septets(content)
        data, length = header + gsm7.pack(codes, _fill(header)), _header_septets(header) + len(codes)
    else:
        data = header + (content if isinstance(content, bytes) else _utf16(content))
        length = len(data)
    if len(data) > _OCTETS:
        raise PduError(f"{len(data)} octets do not fit into one SMS")
    return scheme, bytes([length]) + data


def _decode_body(scheme: int, data: bytes, *, header: bool) -> Body:
    length, octets = data[0], data[1:]
    head = octets[: octets[0] + 1] if header else b""
    part = _decode_header(head)
    if scheme & 0x0C == BINARY:
        return Body(octets[len(head) : length], part)
    if scheme & 0x0C == UCS2:
        return Body(octets[len(head) : length].decode("utf-16-be", "replace"), part)
    codes = gsm7.unpack(octets[len(head) :], length - _header_septets(head), _fill(head))
    return Body(gsm7.characters(codes), part)


def _encode_header(part: Part | None) -> bytes:
    if part is None:
        return b""
    if part.reference > 0xFF:
        return bytes([6, 0x08, 4, part.reference >> 8, part.reference & 0xFF, part.total, part.number])
    return bytes([5, 0x00, 3, part.reference, part.total, part.number])


def _decode_header(head: bytes) -> Part | None:
    position = 1
    while position + 1 < len(head):
        element, value = head[position], head[position + 2 : position + 2 + head[position + 1]]
        if element == 0x00 and len(value) == 3:
            return Part(value[0], value[2], value[1])
        if element == 0x08 and len(value) == 4:
            return Part(value[0] << 8 | value[1], value[3], value[2])
        position += 2 + len(value)
    return None


def _header_septets(head: bytes) -> int:
    return (len(head) * 8 + 6) // 7


def _fill(head: bytes) -> int:
    return _header_septets(head) * 7 - len(head) * 8
