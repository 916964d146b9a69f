"""A modem of another make: a SIM800 behind a pseudo terminal, written from the standards alone.

It shares no code with the product, so that what both sides of a test get wrong is not the same thing. AT commands
are of 3GPP TS 27.005 and 27.007, PDUs of TS 23.040, the alphabet of TS 23.038. It is a rude modem on purpose:
answers come in pieces and with more blank lines than needed, and it speaks without being asked.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Self

CAPACITY = 20
PIECE = 7  # bytes
PIECE_SECONDS = 0.001  # with PIECE, a line of about 57,600 baud
WRITE_SECONDS = 0.5
NOISE_EVERY = 5  # commands
SERVICE_CENTRE = "+62816124"
OPERATORS = {"0": "INDOSAT", "1": "INDOSAT", "2": "51001"}
CELL = '"0141","A1B2"'
WIB = timezone(timedelta(hours=7))

ESCAPE, CTRL_Z = b"\x1b", b"\x1a"

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
SEPTETS = {char: [code] for code, char in enumerate(ALPHABET) if code != 0x1B} | {
    char: [0x1B, code] for code, char in EXTENSION.items()
}
VALIDITY_OCTETS = (0, 7, 1, 7)  # by the validity period format: none, enhanced, relative, absolute


def _pack(septets: list[int]) -> bytes:
    bits = sum(septet << 7 * place for place, septet in enumerate(septets))
    return bits.to_bytes((7 * len(septets) + 7) // 8, "little")


def _unpack(octets: bytes, count: int) -> list[int]:
    bits = int.from_bytes(octets, "little")
    return [bits >> 7 * place & 0x7F for place in range(count)]


def _characters(septets: Iterable[int]) -> str:
    codes = iter(septets)
    return "".join(EXTENSION.get(next(codes, 0x20), " ") if code == 0x1B else ALPHABET[code] for code in codes)


def _semi_octets(digits: str) -> bytes:
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(low + high for high, low in zip(padded[::2], padded[1::2], strict=True)))


def _address(number: str) -> bytes:
    """TP-OA (9.1.2.5): digits, or a name such as operators send from."""
    digits = number.removeprefix("+")
    if digits.isdecimal():
        return bytes([len(digits), 0x91 if number.startswith("+") else 0x81]) + _semi_octets(digits)
    septets = [septet for char in number for septet in SEPTETS[char]]
    return bytes([(7 * len(septets) + 3) // 4, 0xD0]) + _pack(septets)


def _time_stamp(at: datetime) -> bytes:
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a service centre knows its time zone")
    quarters = int(offset / timedelta(minutes=15))
    tens, units = divmod(abs(quarters), 10)
    sign = 0x08 if quarters < 0 else 0
    return _semi_octets(at.strftime("%y%m%d%H%M%S")) + bytes([units << 4 | tens | sign])


def _user_data(text: str) -> tuple[int, bytes]:
    """Data coding scheme, and TP-UDL with TP-UD."""
    if all(char in SEPTETS for char in text):
        septets = [septet for char in text for septet in SEPTETS[char]]
        coding, length, octets = 0x00, len(septets), _pack(septets)
    else:
        octets = text.encode("utf-16-be")
        coding, length = 0x08, len(octets)
    if len(octets) > 140:
        raise ValueError("more than one SMS holds")
    return coding, bytes([length]) + octets


def encode_deliver(number: str, text: str, at: datetime) -> str:
    """An SMS-DELIVER with its service centre, as hexadecimal digits."""
    centre = b"\x91" + _semi_octets(SERVICE_CENTRE.removeprefix("+"))
    coding, data = _user_data(text)
    head = bytes([len(centre)]) + centre + b"\x04" + _address(number)
    return (head + bytes([0, coding]) + _time_stamp(at) + data).hex().upper()


def _body(pdu: bytes) -> bytes:
    """What AT commands count as the length: all but the service centre."""
    return pdu[1 + pdu[0] :]


def _text(octets: bytes, coding: int, length: int, header: int) -> str:
    if coding & 0x0C == 0x08:
        return octets[header:length].decode("utf-16-be")
    if coding & 0x0C:
        raise ValueError("neither GSM-7 nor UCS-2")
    if len(octets) < (7 * length + 7) // 8:
        raise ValueError("user data is shorter than it says")
    return _characters(_unpack(octets, length)[(8 * header + 6) // 7 :])


def decode_submit(pdu: bytes) -> tuple[str, str]:
    """Number and text of an SMS-SUBMIT. Raises ValueError or IndexError for anything else."""
    body = _body(pdu)
    first, digits, kind = body[0], body[2], body[3]
    if first & 0x03 != 0x01:
        raise ValueError("not an SMS-SUBMIT")
    end = 4 + (digits + 1) // 2
    swapped = body[4:end].hex()
    number = "".join(low + high for high, low in zip(swapped[::2], swapped[1::2], strict=True))[:digits]
    coding = body[end + 1]
    start = end + 2 + VALIDITY_OCTETS[first >> 3 & 0x03]
    octets = body[start + 1 :]
    header = octets[0] + 1 if first & 0x40 else 0
    return ("+" if kind & 0x70 == 0x10 else "") + number, _text(octets, coding, body[start], header)


class _Refused(Exception):
    """A final result code other than OK."""


OUT_OF_RANGE = "+CMS ERROR: 321"
NOT_ALLOWED = "+CMS ERROR: 302"
BAD_PDU = "+CMS ERROR: 304"

FIXED = {
    "AT": [],
    "ATZ": [],
    "ATH": [],
    "ATI": ["SIM800 R14.18"],
    "AT+CFUN=1": [],
    "AT+CGMI": ["SIMCOM_Ltd"],
    "AT+CGMM": ["SIMCOM_SIM800L"],
    "AT+CGMR": ["Revision:1418B05SIM800L24"],
    "AT+CGSN": ["862273048119502"],
    "AT+CIMI": ["510011837465920"],
    "AT+CPIN?": ["+CPIN: READY"],
    "AT+CSQ": ["+CSQ: 17,0"],
    "AT+CBC": ["+CBC: 0,95,4134"],
    "AT+CGATT?": ["+CGATT: 0"],
    "AT+CMEE=?": ["+CMEE: (0-2)"],
    "AT+CMGF?": ["+CMGF: 0"],
    "AT+CMGF=?": ["+CMGF: (0)"],
    "AT+CMGF=0": [],
    "AT+CMGD=?": [f"+CMGD: (1-{CAPACITY}),(0)"],
    "AT+CMGL=?": ["+CMGL: (0,1,4)"],
    "AT+CMGS=?": [],
    "AT+CNMI=?": ["+CNMI: (0-2),(0,1),(0),(0),(0,1)"],
    "AT+CPMS=?": ['+CPMS: ("SM"),("SM"),("SM")'],
    "AT+CSCS=?": ['+CSCS: ("IRA","GSM","UCS2")'],
    "AT+CSMS?": ["+CSMS: 0,1,1,1"],
    "AT+CSMS=0": ["+CSMS: 1,1,1"],
    "AT+CUSD=?": ["+CUSD: (0-2)"],
    "AT+CLIP=?": ["+CLIP: (0,1)"],
}
COMMAND = re.compile(r"AT(\+\w+)(\?|=.*|)")


class OtherModem:
    """One modem on one line. `slots` maps a slot to its PDU, `sent` keeps (number, text) of what went out.

    `services` are the answers to USSD codes; `hung_up` counts the calls that were refused.
    """

    def __init__(self, link: Path) -> None:
        self.slots: dict[int, str] = {}
        self.sent: list[tuple[str, str]] = []
        self.services: dict[str, str] = {}
        self.hung_up = 0
        self._unread: set[int] = set()
        self._noise: deque[str] = deque(["RDY"])
        self._lock = threading.Lock()
        self._echo = True
        self._settings = {"+CMEE": "0", "+CREG": "0", "+CGREG": "0", "+CNMI": "2,1,0,0,0", "+CSCS": '"IRA"'}
        self._settings |= {"+CLIP": "0", "+CRC": "0", "+CCWA": "0"}
        self._operator_format = "0"
        self._centre = SERVICE_CENTRE
        self._received = b""
        self._awaited: int | None = None  # octets of the PDU that was announced
        self._commands = 0
        self._handlers: dict[str, Callable[[str], list[str]]] = {
            "+CPMS": self._store,
            "+CMGL": self._list,
            "+CMGR": self._read,
            "+CMGD": self._delete,
            "+CMGS": self._announce,
            "+CSCA": self._service_centre,
            "+COPS": self._operator,
            "+CREG": self._registration,
            "+CGREG": self._packet_registration,
            "+CCLK": self._clock,
            "+CUSD": self._service,
            "+CHUP": self._hang_up,
        }
        self._link = link
        self._master, self._slave = os.openpty()
        self._wake_reader, self._wake_writer = os.pipe()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._serve, name="other-modem", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._wake_writer)
        self._thread.join()
        self._link.unlink(missing_ok=True)
        for descriptor in (self._master, self._slave, self._wake_reader):
            os.close(descriptor)

    def deliver(self, number: str, text: str, at: datetime) -> int:
        """The network brings an SMS; returns the slot that it lies in. `at` must be aware."""
        pdu = encode_deliver(number, text, at)
        with self._lock:
            slot = next((slot for slot in range(1, CAPACITY + 1) if slot not in self.slots), None)
            if slot is None:
                raise RuntimeError("the store is full")
            self.slots[slot] = pdu
            self._unread.add(slot)
            if self._settings["+CNMI"].split(",")[1:2] == ["1"]:
                self._noise.append(f'+CMTI: "SM",{slot}')
        os.write(self._wake_writer, b"!")
        return slot

    def ring(self, number: str) -> None:
        """Somebody calls, for one ring (TS 27.007, 6.11 and 7.6)."""
        with self._lock:
            self._noise.append("+CRING: VOICE" if self._settings["+CRC"] == "1" else "RING")
            if self._settings["+CLIP"] == "1":
                self._noise.append(f'+CLIP: "{number}",{145 if number.startswith("+") else 129},"",0,"",0')
        os.write(self._wake_writer, b"!")

    # The line

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake_reader], [], [])
            if self._wake_reader in ready and not os.read(self._wake_reader, 64):
                return
            if self._master in ready:
                for byte in os.read(self._master, 1024):
                    self._take(bytes([byte]))
            self._make_noise()

    def _take(self, byte: bytes) -> None:
        if self._echo:
            self._put(byte)
        if self._awaited is not None:
            self._take_pdu(byte)
        elif byte == b"\r":
            line, self._received = self._received.decode("latin-1").strip(), b""
            self._obey(line)
        elif byte == ESCAPE:
            self._received = b""
        elif byte != b"\n":
            self._received += byte

    def _take_pdu(self, byte: bytes) -> None:
        if byte not in (CTRL_Z, ESCAPE):
            self._received += byte
            return
        received, self._received = self._received, b""
        length, self._awaited = self._awaited, None
        self._answer(lambda: self._send(received, length) if byte == CTRL_Z else [])

    def _obey(self, line: str) -> None:
        if not line:
            return
        self._commands += 1
        if self._commands % NOISE_EVERY == 0:
            with self._lock:
                self._noise.append("+CREG: 1")
        self._answer(lambda: self._execute(line))

    def _answer(self, action: Callable[[], list[str]]) -> None:
        try:
            with self._lock:
                lines = action()
            final = "\r\n\r\nOK\r\n\r\n"
        except _Refused as refusal:
            lines, final = [], f"\r\n{refusal}\r\n"
        if self._awaited is None:
            answer = "".join(f"\r\n{line}\r\n" for line in lines) + final
            self._write(answer.encode(), self._take_noise())
        else:
            self._put(b"\r\n> ")

    def _take_noise(self) -> bytes:
        with self._lock:
            noise = "".join(f"\r\n{line}\r\n" for line in self._noise)
            self._noise.clear()
        return noise.encode()

    def _make_noise(self) -> None:
        if self._awaited is None and not self._received and (noise := self._take_noise()):
            self._put(noise)

    def _write(self, data: bytes, noise: bytes) -> None:
        """In pieces, but the noise whole and with the last piece.

        Noise between two commands is where libgammu 1.45 errs: a torn line counts as the echo of the next command
        and fails its Init, a late `+CREG` fails its question for the network.
        """
        last = (len(data) - 1) // PIECE * PIECE
        for start in range(0, last, PIECE):
            self._put(data[start : start + PIECE])
            time.sleep(PIECE_SECONDS)
        self._put(data[last:] + noise)

    def _put(self, data: bytes) -> None:
        """A line without flow control loses what nobody reads."""
        _, ready, _ = select.select([], [self._master], [], WRITE_SECONDS)
        if ready:
            os.write(self._master, data)

    # The commands; `rest` is "" for an action, "?" for a question, "=..." for a setting

    def _execute(self, line: str) -> list[str]:
        upper = line.upper()
        if upper in ("ATE0", "ATE1"):
            self._echo = upper == "ATE1"
            return []
        if upper in FIXED:
            return FIXED[upper]
        parsed = COMMAND.fullmatch(upper)
        if parsed is None:
            raise self._unknown()
        name, rest = parsed.groups()
        if name in self._handlers:
            return self._handlers[name](rest)
        return self._setting(name, rest)

    def _unknown(self) -> _Refused:
        return _Refused({"0": "ERROR", "1": "+CME ERROR: 100"}.get(self._settings["+CMEE"], "+CME ERROR: unknown"))

    def _setting(self, name: str, rest: str) -> list[str]:
        if name not in self._settings or rest in ("", "=?"):
            raise self._unknown()
        if rest == "?":
            return [f"{name}: {self._settings[name]}"]
        self._settings[name] = rest[1:]
        return []

    def _string(self, text: str) -> str:
        """In the character set that was chosen."""
        if self._settings["+CSCS"] == '"UCS2"':
            text = text.encode("utf-16-be").hex().upper()
        if self._settings["+CSCS"] == '"GSM"':
            text = "".join(chr(septet) for char in text for septet in SEPTETS[char])
        return f'"{text}"'

    def _store(self, rest: str) -> list[str]:
        used = len(self.slots)
        if rest == "?":
            return ["+CPMS: " + ",".join([f'"SM",{used},{CAPACITY}'] * 3)]
        if set(rest[1:].split(",")) != {'"SM"'}:
            raise _Refused(NOT_ALLOWED)
        return ["+CPMS: " + ",".join([f"{used},{CAPACITY}"] * 3)]

    def _slot(self, rest: str) -> int:
        number = rest.removeprefix("=").removesuffix(",0")
        if not number.isdecimal() or int(number) not in self.slots:
            raise _Refused(OUT_OF_RANGE)
        return int(number)

    def _show(self, head: str, slot: int) -> list[str]:
        pdu = self.slots[slot]
        status = 0 if slot in self._unread else 1
        self._unread.discard(slot)
        # One line and the next belong together: no blank line between them.
        return [f'{head}{status},"",{len(_body(bytes.fromhex(pdu)))}\r\n{pdu}']

    def _list(self, rest: str) -> list[str]:
        wanted = {"": {0}, "=0": {0}, "=1": {1}, "=4": {0, 1}}.get(rest)
        if wanted is None:
            raise _Refused(NOT_ALLOWED)
        slots = [slot for slot in sorted(self.slots) if (0 if slot in self._unread else 1) in wanted]
        return [line for slot in slots for line in self._show(f"+CMGL: {slot},", slot)]

    def _read(self, rest: str) -> list[str]:
        return self._show("+CMGR: ", self._slot(rest))

    def _delete(self, rest: str) -> list[str]:
        slot = self._slot(rest)
        del self.slots[slot]
        self._unread.discard(slot)
        return []

    def _announce(self, rest: str) -> list[str]:
        if not rest[1:].isdecimal():
            raise _Refused(BAD_PDU)
        self._awaited = int(rest[1:])
        return []

    def _send(self, received: bytes, length: int | None) -> list[str]:
        try:
            pdu = bytes.fromhex(received.decode("ascii"))
            sms = decode_submit(pdu)
        except (ValueError, IndexError):
            raise _Refused(BAD_PDU) from None
        if len(_body(pdu)) != length:
            raise _Refused(BAD_PDU)
        self.sent.append(sms)
        return [f"+CMGS: {len(self.sent) % 256}"]

    def _service_centre(self, rest: str) -> list[str]:
        if rest == "?":
            return [f"+CSCA: {self._string(self._centre)},145"]
        if (given := re.match(r'="(\+\d+)"', rest)) is None:
            raise _Refused(NOT_ALLOWED)
        self._centre = given[1]
        return []

    def _operator(self, rest: str) -> list[str]:
        if rest == "?":
            return [f"+COPS: 0,{self._operator_format},{self._string(OPERATORS[self._operator_format])}"]
        if chosen := re.fullmatch(r"=3,([012])", rest):
            self._operator_format = chosen[1]
        elif rest != "=0":
            raise self._unknown()
        return []

    def _registration(self, rest: str) -> list[str]:
        if rest != "?":
            return self._setting("+CREG", rest)
        mode = self._settings["+CREG"]
        return [f"+CREG: {mode},1" + (f",{CELL}" if mode == "2" else "")]

    def _packet_registration(self, rest: str) -> list[str]:
        return [f"+CGREG: {self._settings['+CGREG']},0"] if rest == "?" else self._setting("+CGREG", rest)

    def _clock(self, rest: str) -> list[str]:
        if rest != "?":
            raise self._unknown()
        return [datetime.now(WIB).strftime('+CCLK: "%y/%m/%d,%H:%M:%S+28"')]

    def _service(self, rest: str) -> list[str]:
        """USSD (TS 27.007, 7.15): strings in the character set that was chosen, those in UCS-2 as its octets."""
        given = re.fullmatch(r'=([012])(?:,"([^"]*)"(?:,15)?)?', rest)
        if given is None:
            raise self._unknown()
        if given[1] == "1" and given[2]:
            code = given[2]
            if self._settings["+CSCS"] == '"UCS2"':
                code = bytes.fromhex(code).decode("utf-16-be")
            text = self.services.get(code)
            self._noise.append(f"+CUSD: 0,{self._string(text)},15" if text else "+CUSD: 4")
        return []

    def _hang_up(self, rest: str) -> list[str]:
        self.hung_up += rest == ""
        return []
