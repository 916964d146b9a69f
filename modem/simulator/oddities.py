"""SMS that no phone sends on purpose and every network brings now and then. Pure.

Time stamps that can not be, parts of long messages out of order, and messages that no person typed.
"""

from __future__ import annotations

from datetime import datetime

from . import gsm7
from .faults import Fault, Kind
from .pdu import BINARY, GSM7, Body, encode_address, encode_smsc, encode_time

_FLASH = 0x10  # message class 0 (3GPP TS 23.038, 4)
_HEADER_FLAG = 0x40
# WSP over port 2948, as a bookmark or MMS notification comes: WAP-168 and WAP-251.
_WAP_HEADER = bytes.fromhex("0605040B8423F0")
_WAP_PUSH = bytes.fromhex("1B0601AE02056A0045C60C03") + b"example.go.id/\x00\x01\x01\x01"

# What stands in place of the SMS centre's time stamp (TS 23.040, 9.2.3.11): decimals, low digit first.
STAMPS = {
    "month-15": bytes.fromhex("62514251940082"),
    "missing": bytes(7),
    "clock-2004": bytes.fromhex("40101000004100"),
    "future": bytes.fromhex("93213231959582"),
}


def rearranged(bodies: list[Body], change: str) -> list[Body]:
    """The parts of a long message as the network brings them when it does not do well."""
    return {"reversed": bodies[::-1], "lost": bodies[:-1], "doubled": [*bodies, bodies[0]]}[change]


def message(fault: Fault, now: datetime, smsc: str) -> bytes:
    """The PDU of a fault that is a message."""
    if fault.kind is Kind.PDU:
        return bytes.fromhex(fault.word("hex"))
    number = fault.word("from")
    if fault.kind is Kind.REPORT:
        return encode_smsc(smsc) + b"\x06\x01" + encode_address(number) + encode_time(now) * 2 + b"\x00"
    first, scheme, data = _content(fault)
    head = encode_smsc(smsc) + bytes([first]) + encode_address(number) + bytes([0, scheme])
    return head + encode_time(now) + data


def _content(fault: Fault) -> tuple[int, int, bytes]:
    """First octet, data coding scheme, and user data with its length."""
    if fault.kind is Kind.WAP_PUSH:
        data = _WAP_HEADER + _WAP_PUSH
        return 0x04 | _HEADER_FLAG, BINARY, bytes([len(data)]) + data
    text = fault.word("text")
    if fault.kind is Kind.BINARY:
        return 0x04, BINARY, bytes([len(text)]) + text.encode("ascii")
    codes = gsm7.septets(text)
    return 0x04, GSM7 | _FLASH, bytes([len(codes)]) + gsm7.pack(codes)
