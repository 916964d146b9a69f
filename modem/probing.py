"""What one modem can do, function by function, for the person who has to choose or mend it. Changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import lock
from .line import ask, opened
from .messages import ModemError
from .operators import load, of_sim
from .worker import ModemWorker

_PIN = {"READY": "ready", "SIM PIN": "asks for its PIN", "SIM PUK": "asks for its PUK"}
_REGISTRATIONS = ("not registered", "home", "searching", "denied", "unknown", "roaming")
_WEAK = -100  # dBm


@dataclass(frozen=True, slots=True)
class Finding:
    """One function: whether it works, and what was seen. `needed` tells that a gateway can not do without it."""

    function: str
    works: bool
    detail: str
    needed: bool = True


def probe(device: str, connection: str = "at") -> list[Finding]:
    """Everything about the modem at that device. ModemError when it is missing, in use, or no modem."""
    held = lock.hold(device)
    try:
        if owners := lock.others(device):
            raise ModemError(f"{device} is in use by {owners}; stop that first")
        with opened(device) as descriptor:
            ask(descriptor, "AT")
            findings = list(_Questions(descriptor).findings())
    finally:
        os.close(held)
    return [*findings, _by_libgammu(device, connection)]


def _by_libgammu(device: str, connection: str) -> Finding:
    """Whether the library that the gateway works with gets on with it."""
    worker = ModemWorker(device, connection)
    try:
        found = len(worker.receive())
        worker.status()
    except ModemError as error:
        return Finding("libgammu", False, str(error))
    finally:
        worker.close()
    return Finding("libgammu", True, f"reads {found} SMS")


class _Questions:
    """Questions over an open line; what the modem refuses to say is None."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def findings(self) -> Iterator[Finding]:
        yield self._identity()
        yield self._sim()
        yield self._network()
        yield self._signal()
        yield from self._stores()
        yield self._offered("SMS reading", "AT+CMGF=?", r"\+CMGF: ?.*0", "PDU mode")
        yield self._offered("SMS deleting", "AT+CMGD=?", r"\+CMGD: ?\(", "by slot")
        yield self._offered("SMS announced", "AT+CNMI=?", r"\+CNMI: ?\([^)]*\),\([^)]*1", "+CMTI", needed=False)
        yield self._centre()
        yield self._offered("USSD", "AT+CUSD=?", r"\+CUSD: ?\(", "offered", needed=False)
        clock = self._field("AT+CCLK?", r'\+CCLK: ?"([^"]*)"')
        yield Finding("clock", bool(clock), clock or "none", needed=False)

    def _ask(self, command: str) -> str | None:
        try:
            return ask(self._descriptor, command)
        except ModemError as error:
            if error.gone:
                raise
            return None

    def _field(self, command: str, pattern: str) -> str:
        match = re.search(pattern, self._ask(command) or "")
        return match[1].strip() if match else ""

    def _offered(self, function: str, command: str, pattern: str, what: str, *, needed: bool = True) -> Finding:
        works = re.search(pattern, self._ask(command) or "") is not None
        return Finding(function, works, what if works else "not offered", needed)

    def _identity(self) -> Finding:
        lines = [self._field(f"AT+{name}", r"\r\n([^\r\n]+)\r\n") for name in ("CGMI", "CGMM", "CGMR", "CGSN")]
        return Finding("identity", bool(lines[3]), f"{' '.join(lines[:3])}, IMEI {lines[3] or 'unknown'}")

    def _sim(self) -> Finding:
        state = self._field("AT+CPIN?", r"\+CPIN: ?([^\r]*)")
        if state != "READY":
            return Finding("SIM", False, _PIN.get(state, state or "none, or it can not be read"))
        imsi = self._field("AT+CIMI", r"\r\n(\d{6,15})\r\n")
        operator = of_sim(load(), imsi)
        return Finding("SIM", True, f"ready, {operator.name if operator else imsi[:5] or 'of an unknown operator'}")

    def _network(self) -> Finding:
        digit = self._field("AT+CREG?", r"\+CREG: ?\d,(\d)")
        state = _REGISTRATIONS[int(digit)] if digit and int(digit) < len(_REGISTRATIONS) else "unknown"
        name = self._text(self._field("AT+COPS?", r'\+COPS: ?\d,\d,"([^"]*)"'))
        return Finding("network", state in ("home", "roaming"), f"{state}{', ' + name if name else ''}")

    def _signal(self) -> Finding:
        level = int(self._field("AT+CSQ", r"\+CSQ: ?(\d+),") or 99)
        if level > 31:
            return Finding("signal", False, "none")
        power = 2 * level - 113  # dBm (3GPP TS 27.007, 8.5)
        return Finding("signal", True, f"{power} dBm{', weak: move the antenna' if power < _WEAK else ''}")

    def _stores(self) -> Iterator[Finding]:
        """The SIM's and the modem's own: one of them is enough. To count a store it has to be chosen for a moment."""
        chosen = self._field("AT+CPMS?", r'\+CPMS: ?"(\w+)"')
        answers = {store: self._field(f'AT+CPMS="{store}"', r"\+CPMS: ?(\d+,\d+)") for store in ("SM", "ME")}
        if chosen:
            self._ask(f'AT+CPMS="{chosen}"')
        for store, counts in answers.items():
            used, _, there = counts.partition(",")
            detail = f"{used} of {there} slots used" if counts else "not offered"
            yield Finding(f"storage {store}", bool(counts), detail, needed=not any(answers.values()))

    def _centre(self) -> Finding:
        number = self._text(self._field("AT+CSCA?", r'\+CSCA: ?"([^"]*)"'))
        return Finding("SMS centre", bool(number), number or "no number: replies can not be sent")

    def _text(self, shown: str) -> str:
        """In the character set that is chosen now."""
        charset = self._field("AT+CSCS?", r'\+CSCS: ?"([^"]*)"')
        if not charset.startswith("UCS"):
            return shown
        try:
            return bytes.fromhex(shown).decode("utf-16-be")
        except ValueError:
            return shown
