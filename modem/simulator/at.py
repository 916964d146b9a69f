"""The AT command engine of a GSM modem (3GPP TS 27.005, 27.007): octets in, octets out.

What lies behind the modem, its SIM and the network, is a `Card`; what is wrong are its `Faults`. Only PDU mode is
spoken, as data modems prefer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .calls import Calls
from .faults import Faults, Kind
from .pdu import tpdu_length
from .ussd import Ussd

_CR, _SUBSTITUTE, _ESCAPE, _BACKSPACE = b"\r", b"\x1a", b"\x1b", b"\x08"
_COMMAND = re.compile(r"([+^$*&]?[A-Z]+)(=\?|\?|=)?(.*)", re.DOTALL)
_UNKNOWN, _NOT_ALLOWED, _INVALID_INDEX, _NOT_SUPPORTED, _NO_NETWORK = 100, 302, 321, 303, 331
_NO_SIM = {"pin": ("SIM PIN", 11, 311), "puk": ("SIM PUK", 12, 316), "absent": ("", 10, 310)}  # +CME, +CMS ERROR
_NEEDS_SIM = {"+CIMI", "+COPS", "+CUSD"}
_SMS_NEEDS_SIM = {"+CMGL", "+CMGR", "+CMGD", "+CMGS", "+CPMS", "+CSCA"}
_REGISTRATIONS = {"none": 0, "searching": 2, "denied": 3, "unknown": 4, "roaming": 5}  # TS 27.007, 7.2


@dataclass(frozen=True, slots=True)
class Slot:
    """One SMS in a store, as PDU; `seen` once a terminal has read it."""

    location: int
    pdu: bytes
    seen: bool


class Refused(Exception):
    """The network or the card says no, with a +CMS ERROR code (TS 27.005, 3.2.5)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CMS ERROR: {code}")
        self.code = code


class Card(Protocol):
    """The SIM and the network as the engine sees them. `memory` is "SM" or "ME"."""

    ussd: Ussd
    calls: Calls

    @property
    def capacity(self) -> int: ...

    def used(self, memory: str) -> int: ...
    def slots(self, memory: str) -> list[Slot]: ...
    def slot(self, memory: str, location: int) -> Slot | None: ...
    def mark_seen(self, memory: str, locations: list[int]) -> None: ...
    def delete(self, memory: str, locations: list[int]) -> None: ...
    def submit(self, pdu: bytes) -> int: ...
    def now(self) -> datetime: ...


@dataclass(slots=True)
class Radio:
    """Who the modem is and how it stands with the network, as the answers show it."""

    manufacturer: str = "Gardu"
    model: str = "Simulator"
    revision: str = "1.0"
    imei: str = "350000000000006"
    imsi: str = "510100000000001"
    operator: str = "Gardu Seluler"
    plmn: str = "51001"
    smsc: str = "+6281100000"
    signal: int = 21  # 0-31, 99 unknown (TS 27.007, 8.5)
    registration: int = 1  # home (TS 27.007, 7.2)
    pin: str = "READY"


@dataclass(frozen=True, slots=True)
class _Failure(Exception):
    code: int
    sms: bool = False


@dataclass(slots=True)
class Engine:
    """One modem's serial line. Feed it what the terminal writes; it answers what the terminal reads."""

    card: Card
    radio: Radio = field(default_factory=Radio)
    stores: tuple[str, ...] = ("SM", "ME")
    memories: list[str] = field(default_factory=list)  # read, write, receive (TS 27.005, 3.2.2)
    faults: Faults = field(default_factory=Faults)
    _echo: bool = True
    _verbose_errors: int = 0
    _announce: int = 0
    _modes: dict[str, str] = field(default_factory=dict)
    _line: bytearray = field(default_factory=bytearray)
    _awaited: int | None = None  # TPDU length of the PDU that +CMGS waits for

    def __post_init__(self) -> None:
        self.memories = self.memories or [self.stores[0]] * 3

    def feed(self, data: bytes) -> bytes:
        """Take octets from the terminal; the answer holds echo and results."""
        out = bytearray()
        for octet in data:
            out += self._octet(bytes([octet]))
        return bytes(out)

    def arrived(self, memory: str, location: int) -> bytes:
        """The unsolicited line for a new SMS, when the terminal asked for it (+CNMI)."""
        return _wrap(f'+CMTI: "{memory}",{location}') if self._announce and not self._mute else b""

    def power_up(self) -> None:
        """Forget what the terminal set, as after a loss of power. The SIM keeps its SMS."""
        self.memories[:] = [self.stores[0]] * 3
        self._echo, self._verbose_errors, self._announce, self._awaited = True, 0, 0, None
        self._modes.clear()
        self._line.clear()

    @property
    def reachable(self) -> bool:
        """Whether the network can bring it an SMS."""
        return self._registered in (1, 5)

    @property
    def _mute(self) -> bool:
        silent = self.faults.holds(Kind.SILENT)
        return silent is not None and not silent.word("command")

    def unsolicited(self) -> bytes:
        """What the network says now without being asked: late answers to codes, and rings."""
        if self._awaited is not None or self._mute or not self.reachable:
            return b""
        ring = "+CRING: VOICE" if self._modes.get("CRC") == "1" else "RING"
        lines = [*self.card.ussd.due(), *self.card.calls.due(ring, self._modes.get("CLIP") == "1")]
        return b"".join(map(_wrap, lines))

    def _octet(self, octet: bytes) -> bytes:
        if self._awaited is not None:
            return self._pdu_octet(octet)
        echo = octet if self._echo and not self._mute else b""
        if octet == _ESCAPE:
            self._line.clear()
            return b""
        if octet == _BACKSPACE:
            del self._line[-1:]
        elif octet == _CR:
            line = self._line.decode("latin-1").strip()
            self._line.clear()
            return echo + self._execute(line)
        else:
            self._line += octet
        return echo

    def _pdu_octet(self, octet: bytes) -> bytes:
        echo = octet if self._echo and not self._mute else b""
        if octet not in (_ESCAPE, _SUBSTITUTE):
            self._line += octet
            return echo
        text, awaited = self._line.decode("latin-1").strip(), self._awaited
        self._line.clear()
        self._awaited = None
        if octet == _ESCAPE:
            return _wrap("OK")
        return echo + self._answer({"CMGS"}, lambda: self._submit(text, awaited))

    def _execute(self, line: str) -> bytes:
        if line[:2].upper() != "AT":
            return b""
        if re.search(r"\+CFUN=1,1", line, re.IGNORECASE):
            self.faults.reset()
        # What is wrong with sending shows after the PDU.
        names = set(re.findall(r"[+^$*]([A-Z]+)", re.sub(r'"[^"]*"', "", line.upper()))) - {"CMGS"}
        return self._answer(names, lambda: self._chain(line[2:]))

    def _answer(self, names: set[str], work: Callable[[], list[str] | None]) -> bytes:
        """What comes back, unless a fault keeps it to itself or answers otherwise."""
        fault = self.faults.strikes_command(names)
        if fault is None:
            return self._finish(work)
        if fault.values.get("done") == "yes":
            self._finish(work)
        return b"" if fault.kind is Kind.SILENT else _wrap(self._faulty_result(fault.word("answer")))

    def _faulty_result(self, answer: str) -> str:
        family, _, code = answer.partition(":")
        return self._error(_Failure(int(code), sms=family == "cms")) if code else family.upper()

    def _finish(self, work: Callable[[], list[str] | None]) -> bytes:
        try:
            lines = work()
        except _Failure as failure:
            return _wrap(self._error(failure))
        except Refused as refused:
            return _wrap(self._error(_Failure(refused.code, sms=True)))
        if lines is None:
            return b"\r\n> "
        return b"".join(map(_wrap, lines)) + _wrap("OK") + self.unsolicited()

    def _error(self, failure: _Failure) -> str:
        if not self._verbose_errors:
            return "ERROR"
        return f"+CM{'S' if failure.sms else 'E'} ERROR: {failure.code}"

    def _chain(self, line: str) -> list[str] | None:
        """Several commands on one line (ITU-T V.250, 5.2.1): basic ones may follow each other, extended need ';'."""
        results: list[str] = []
        rest = line.strip()
        while rest:
            basic = re.match(r"(&?[A-Z])(\d*)", rest, re.IGNORECASE)
            if basic and rest[0].upper() != "D":
                results += self._basic(basic[1].upper(), basic[2])
                rest = rest[basic.end() :]
                continue
            command, _, rest = _cut(rest)
            lines = self._extended(command)
            if lines is None:
                return None
            results += lines
        return results

    def _basic(self, name: str, value: str) -> list[str]:
        if name == "E":
            self._echo = value == "1"
        elif name == "I":
            return [self.radio.manufacturer, self.radio.model, f"Revision: {self.radio.revision}"]
        elif name == "Z" or name == "&F":
            self._echo, self._verbose_errors, self._announce = True, 0, 0
        elif name == "H":
            self.card.calls.hang_up()
        elif name not in ("V", "Q", "&C", "&D", "&K", "S", "X"):
            raise _Failure(_UNKNOWN)
        return []

    def _extended(self, command: str) -> list[str] | None:
        match = _COMMAND.fullmatch(command[: _name_end(command)].upper() + command[_name_end(command) :])
        handler = _HANDLERS.get(match[1]) if match else None
        if match is None or handler is None:
            raise _Failure(_UNKNOWN)
        self._ask_sim(match[1], match[2] or "")
        return handler(self, match[2] or "", match[3].strip())

    def _ask_sim(self, name: str, form: str) -> None:
        """Refuse what can not be done without a SIM that is open."""
        fault = self.faults.holds(Kind.SIM)
        if fault is None or form == "=?":
            return
        _, general, sms = _NO_SIM[fault.word("state")]
        if name in _SMS_NEEDS_SIM:
            raise _Failure(sms, sms=True)
        if name in _NEEDS_SIM:
            raise _Failure(general)

    # ---- the modem itself (TS 27.007)

    def _cmee(self, form: str, value: str) -> list[str]:
        if form == "=":
            self._verbose_errors = _number(value)
            return []
        return ["+CMEE: (0-1)"] if form == "=?" else [f"+CMEE: {self._verbose_errors}"]

    def _cpin(self, form: str, value: str) -> list[str]:
        fault = self.faults.holds(Kind.SIM)
        if form == "=":
            raise _Failure(3)
        if form == "=?":
            return []
        pin, error, _ = _NO_SIM[fault.word("state")] if fault else (self.radio.pin, 0, 0)
        if not pin:
            raise _Failure(error)
        return [f"+CPIN: {pin}"]

    def _csq(self, form: str, value: str) -> list[str]:
        fault = self.faults.holds(Kind.SIGNAL)
        signal = fault.whole("value") if fault else self.radio.signal
        return ["+CSQ: (0-31,99),(0-7,99)"] if form == "=?" else [f"+CSQ: {signal},99"]

    @property
    def _registered(self) -> int:
        """Where the modem stands with the network now (TS 27.007, 7.2)."""
        if self.faults.holds(Kind.SIM):
            return 0
        fault = self.faults.holds(Kind.REGISTRATION)
        return _REGISTRATIONS[fault.word("state")] if fault else self.radio.registration

    def _registration(self, name: str, form: str, value: str) -> list[str]:
        if form == "=":
            self._modes[name] = str(_number(value))
            return []
        if form == "=?":
            return [f"+{name}: (0-2)"]
        mode = self._modes.get(name, "0")
        cell = ',"00C3","0A1B"' if mode == "2" and self.reachable else ""
        return [f"+{name}: {mode},{self._registered}{cell}"]

    def _cops(self, form: str, value: str) -> list[str]:
        if form == "=?":
            return [f'+COPS: (2,"{self.radio.operator}","GARDU","{self.radio.plmn}"),,(0-4),(0-2)']
        if form == "=":
            arguments = _arguments(value)
            if arguments[0] == "3" and len(arguments) > 1:
                self._modes["COPS"] = arguments[1]
            return []
        if not self.reachable:
            return ["+COPS: 0"]
        style = self._modes.get("COPS", "0")
        return [f'+COPS: 0,{style},"{self.radio.plmn if style == "2" else self.radio.operator}"']

    def _cclk(self, form: str, value: str) -> list[str]:
        fault = self.faults.holds(Kind.CLOCK)
        if fault and form == "?":
            return [f'+CCLK: "{fault.word("value")}"']
        now = self.card.now()
        offset = now.utcoffset()
        quarters = int(offset.total_seconds() // 900) if offset else 0
        return [f'+CCLK: "{now:%y/%m/%d,%H:%M:%S}{quarters:+03d}"'] if form == "?" else []

    def _cusd(self, form: str, value: str) -> list[str]:
        if form != "=":
            return ["+CUSD: (0-2)"] if form == "=?" else [f"+CUSD: {self.card.ussd.shown}"]
        lines = self.card.ussd.command(_arguments(value))
        if lines is None:
            raise _Failure(_UNKNOWN)
        return lines

    def _chup(self, form: str, value: str) -> list[str]:
        if not form:
            self.card.calls.hang_up()
        return []

    # ---- SMS (TS 27.005)

    def _cmgf(self, form: str, value: str) -> list[str]:
        if form == "=":
            if _number(value) != 0:
                raise _Failure(_NOT_SUPPORTED, sms=True)
            return []
        return ["+CMGF: (0)"] if form == "=?" else ["+CMGF: 0"]

    def _csca(self, form: str, value: str) -> list[str]:
        return [f'+CSCA: "{self.radio.smsc}",145'] if form == "?" else []

    def _cpms(self, form: str, value: str) -> list[str]:
        if form == "=?":
            choice = ",".join(f'"{store}"' for store in self.stores)
            return [f"+CPMS: ({choice}),({choice}),({choice})"]
        if form == "=":
            for place, memory in enumerate(_arguments(value)[:3]):
                if memory not in self.stores:
                    raise _Failure(_NOT_ALLOWED, sms=True)
                self.memories[place] = memory
        counts = [(memory, self.card.used(memory), self.card.capacity) for memory in self.memories]
        if form == "=":
            return ["+CPMS: " + ",".join(f"{used},{total}" for _, used, total in counts)]
        return ["+CPMS: " + ",".join(f'"{memory}",{used},{total}' for memory, used, total in counts)]

    def _cnmi(self, form: str, value: str) -> list[str]:
        if form == "=":
            arguments = _arguments(value)
            self._announce = int(len(arguments) > 1 and arguments[1] == "1")
            return []
        return ["+CNMI: (0-2),(0,1),(0),(0),(0,1)"] if form == "=?" else [f"+CNMI: 2,{self._announce},0,0,0"]

    def _cmgl(self, form: str, value: str) -> list[str]:
        if form == "=?":
            return ["+CMGL: (0-4)"]
        wanted = {0: (False,), 1: (True,), 4: (False, True)}.get(_number(value or "0"), ())
        slots = [slot for slot in self.card.slots(self.memories[0]) if slot.seen in wanted]
        self.card.mark_seen(self.memories[0], [slot.location for slot in slots if not slot.seen])
        return [f"+CMGL: {slot.location},{int(slot.seen)},,{_sized(slot.pdu)}" for slot in slots]

    def _cmgr(self, form: str, value: str) -> list[str]:
        slot = self.card.slot(self.memories[0], self._location(value))
        if slot is None:
            raise _Failure(_INVALID_INDEX, sms=True)
        if not slot.seen:
            self.card.mark_seen(self.memories[0], [slot.location])
        return [f"+CMGR: {int(slot.seen)},,{_sized(slot.pdu)}"]

    def _cmgd(self, form: str, value: str) -> list[str]:
        if form == "=?":
            used = ",".join(str(slot.location) for slot in self.card.slots(self.memories[0]))
            return [f"+CMGD: ({used}),(0,1,4)"]
        location, flag = (*_arguments(value), "0")[:2]
        if flag == "0":
            self.card.delete(self.memories[0], [self._location(location)])
        else:  # 1: all that were read, 4: all (the stores hold no sent ones)
            doomed = [slot for slot in self.card.slots(self.memories[0]) if slot.seen or flag == "4"]
            self.card.delete(self.memories[0], [slot.location for slot in doomed])
        return []

    def _cfun(self, form: str, value: str) -> list[str]:
        """Only its reset (TS 27.007, 8.2) does anything."""
        if form == "=" and _arguments(value)[1:] == ["1"]:
            self.power_up()
            return []
        return _setting("CFUN", "1", "(0,1,4),(0,1)")(self, form, value) or []

    def _cmgs(self, form: str, value: str) -> list[str] | None:
        if form == "=?":
            return []
        self._awaited = _number(value)
        return None

    def _submit(self, text: str, awaited: int | None) -> list[str]:
        try:
            pdu = bytes.fromhex(text)
            matches = tpdu_length(pdu) == awaited
        except (ValueError, IndexError):
            matches = False
        if not matches:
            raise _Failure(304, sms=True)
        if not self.reachable:
            raise Refused(_NO_NETWORK)
        return [f"+CMGS: {self.card.submit(pdu)}"]

    def _location(self, value: str) -> int:
        location = _number(value)
        if not 1 <= location <= self.card.capacity:
            raise _Failure(_INVALID_INDEX, sms=True)
        return location


_Handler = Callable[[Engine, str, str], "list[str] | None"]


def _fixed(line: Callable[[Radio], str]) -> _Handler:
    return lambda engine, form, value: [] if form == "=?" else [line(engine.radio)]


def _setting(name: str, default: str, choices: str) -> _Handler:
    """A setting that the engine only remembers."""

    def handle(engine: Engine, form: str, value: str) -> list[str]:
        if form == "=":
            engine._modes[name] = value
            return []
        return [f"+{name}: {choices}"] if form == "=?" else [f"+{name}: {engine._modes.get(name, default)}"]

    return handle


def _nothing(engine: Engine, form: str, value: str) -> list[str]:
    return []


_HANDLERS: dict[str, _Handler] = {
    "+CMEE": Engine._cmee,
    "+CPIN": Engine._cpin,
    "+CSQ": Engine._csq,
    "+CREG": lambda engine, form, value: engine._registration("CREG", form, value),
    "+CGREG": lambda engine, form, value: engine._registration("CGREG", form, value),
    "+COPS": Engine._cops,
    "+CCLK": Engine._cclk,
    "+CUSD": Engine._cusd,
    "+CMGF": Engine._cmgf,
    "+CSCA": Engine._csca,
    "+CPMS": Engine._cpms,
    "+CNMI": Engine._cnmi,
    "+CMGL": Engine._cmgl,
    "+CMGR": Engine._cmgr,
    "+CMGD": Engine._cmgd,
    "+CMGS": Engine._cmgs,
    "+CGMI": _fixed(lambda radio: radio.manufacturer),
    "+CGMM": _fixed(lambda radio: radio.model),
    "+CGMR": _fixed(lambda radio: radio.revision),
    "+CGSN": _fixed(lambda radio: radio.imei),
    "+CIMI": _fixed(lambda radio: radio.imsi),
    "+CBC": _fixed(lambda radio: "+CBC: 0,100"),
    "+CSCS": _setting("CSCS", '"GSM"', '("GSM")'),
    "+CSMS": _setting("CSMS", "0,1,1,1", "(0)"),
    "+CFUN": Engine._cfun,
    "+CGATT": _setting("CGATT", "1", "(0,1)"),
    "+CHUP": Engine._chup,
    "+CLIP": _setting("CLIP", "0", "(0,1)"),
    "+CRC": _setting("CRC", "0", "(0,1)"),
    "+CSSN": _nothing,
    "+CCWA": _nothing,
}


def _wrap(line: str) -> bytes:
    return f"\r\n{line}\r\n".encode("latin-1", "replace")


def _sized(pdu: bytes) -> str:
    """The length that the line ends in, and the PDU on a line of its own."""
    return f"{tpdu_length(pdu)}\r\n{pdu.hex().upper()}"


def _arguments(value: str) -> list[str]:
    return [argument.strip().strip('"') for argument in value.split(",")]


def _number(value: str) -> int:
    try:
        return int(value.split(",")[0])
    except ValueError:
        raise _Failure(_NOT_ALLOWED, sms=True) from None


def _name_end(command: str) -> int:
    match = re.match(r"[+^$*&]?[A-Za-z]+", command)
    return match.end() if match else 0


def _cut(line: str) -> tuple[str, str, str]:
    """The command up to the first semicolon outside quotes, and what follows."""
    match = re.match(r'(?:"[^"]*"|[^;"])*', line)
    end = match.end() if match else len(line)
    return line[:end], line[end : end + 1], line[end + 1 :].strip()
