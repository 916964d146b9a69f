"""Faults of a modem, its line, its SIM and its network: as data, and the set of those that hold now.

Who plays a part (`at`, `line`, `network`, `oddities`) asks the set before it acts; the set itself does nothing.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

_MOST_SECONDS = 31 * 86_400.0
_MOST_TIMES = 10_000
MALFORMED = "00040B911111111111F100086211425194008203004100"  # an odd number of octets of UCS-2


class BadFault(ValueError):
    """A fault that there is none of; the text says what is wrong with it."""


class Kind(StrEnum):
    SILENT = "silent"
    SLOW = "slow"
    GARBAGE = "garbage"
    ERROR = "error"
    NO_SEND = "no-send"
    SIM_FULL = "sim-full"
    UNPLUG = "unplug"
    SIM = "sim"
    REGISTRATION = "registration"
    SIGNAL = "signal"
    CLOCK = "clock"
    STAMP = "stamp"
    DUPLICATE = "duplicate"
    PARTS = "parts"
    SENDER = "sender"
    PDU = "pdu"
    WAP_PUSH = "wap-push"
    FLASH = "flash"
    BINARY = "binary"
    REPORT = "report"


class Lasting(StrEnum):
    """How a kind ends: a state after some time, a deed after some time or some deeds, a message has no length."""

    STATE = "state"
    DEED = "deed"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Whole:
    """A parameter that is a whole number."""

    default: int
    least: int
    most: int

    def parse(self, text: str) -> int:
        """ValueError when it is none."""
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not self.least <= int(text) <= self.most:
            raise ValueError(f"a whole number from {self.least} to {self.most}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Word:
    """A parameter that is a text. `form` says to people how it looks; `choices`, when there are any, are all."""

    default: str
    pattern: str
    form: str
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        """ValueError when it has another form."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.form)
        return text


def _choice(*words: str) -> Word:
    return Word(words[0], "|".join(map(re.escape, words)), f"one of {', '.join(words)}", words)


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind is called on the page, how it ends, and its parameters with their defaults."""

    label: str
    lasting: Lasting
    parameters: Mapping[str, Whole | Word]


_COMMAND = Word("", r"[A-Z]{0,8}", "the name of a command without its plus, such as CMGL")
_ANSWER = r"(cms|cme):[0-9]{1,3}|error|ok"
_ANSWER_FORM = "cms:NUMBER, cme:NUMBER, error or ok"
_PHONE = Word("+6281234567890", r"\+?[0-9]{3,15}|[A-Za-z][A-Za-z0-9 ._-]{1,10}", "a phone's number")
_TEXT = Word("HADIR", r"[A-Za-z0-9 .,:-]{0,100}", "up to 100 letters, digits, blanks and . , : -")

FORMS: dict[Kind, Form] = {
    Kind.SILENT: Form(
        "Modem diam",
        Lasting.DEED,
        {"command": _COMMAND, "done": _choice("no", "yes"), "cure": _choice("none", "reset")},
    ),
    Kind.SLOW: Form("Modem lambat", Lasting.DEED, {"ms": Whole(1000, 1, 60_000)}),
    Kind.GARBAGE: Form("Derau di kabel", Lasting.DEED, {"octets": Whole(4, 1, 1000)}),
    Kind.ERROR: Form(
        "Perintah dijawab galat",
        Lasting.DEED,
        {
            "command": Word("CMGL", r"[A-Z]{1,8}", _COMMAND.form),
            "answer": Word("cms:500", _ANSWER, _ANSWER_FORM),
            "done": _choice("no", "yes"),
        },
    ),
    Kind.NO_SEND: Form("Tidak bisa mengirim", Lasting.DEED, {"answer": Word("cms:38", _ANSWER, _ANSWER_FORM)}),
    Kind.SIM_FULL: Form("Memori SMS kecil", Lasting.STATE, {"slots": Whole(5, 1, 255)}),
    Kind.UNPLUG: Form(
        "Modem dicabut",
        Lasting.STATE,
        {"back": Word("", r"[A-Za-z0-9._-]{0,40}", "the name of the device's link when it is back")},
    ),
    Kind.SIM: Form("Kartu SIM", Lasting.STATE, {"state": _choice("pin", "puk", "absent")}),
    Kind.REGISTRATION: Form(
        "Jaringan", Lasting.STATE, {"state": _choice("searching", "denied", "none", "unknown", "roaming")}
    ),
    Kind.SIGNAL: Form("Sinyal", Lasting.STATE, {"value": Whole(2, 0, 99)}),
    Kind.CLOCK: Form(
        "Jam modem salah",
        Lasting.STATE,
        {"value": Word("04/01/01,00:00:41+00", r"[0-9/,:+-]{1,24}", "as +CCLK gives it: 04/01/01,00:00:41+00")},
    ),
    Kind.STAMP: Form(
        "Cap waktu SMS rusak", Lasting.DEED, {"value": _choice("month-15", "missing", "clock-2004", "future")}
    ),
    Kind.DUPLICATE: Form("SMS diantar ganda", Lasting.DEED, {"copies": Whole(2, 2, 100)}),
    Kind.PARTS: Form("Bagian SMS panjang", Lasting.DEED, {"change": _choice("reversed", "lost", "doubled")}),
    Kind.SENDER: Form(
        "Pengirim bukan nomor",
        Lasting.DEED,
        {"name": Word("INFO", r"[A-Za-z0-9 ]{0,11}", "up to 11 letters or digits, or nothing")},
    ),
    Kind.PDU: Form(
        "SMS rusak",
        Lasting.MESSAGE,
        {"from": _PHONE, "hex": Word(MALFORMED, r"(?:[0-9A-Fa-f]{2}){1,255}", "octets in hexadecimal")},
    ),
    Kind.WAP_PUSH: Form("WAP push", Lasting.MESSAGE, {"from": _PHONE}),
    Kind.FLASH: Form("SMS kilat", Lasting.MESSAGE, {"from": _PHONE, "text": _TEXT}),
    Kind.BINARY: Form("SMS 8 bit", Lasting.MESSAGE, {"from": _PHONE, "text": _TEXT}),
    Kind.REPORT: Form("Laporan pengiriman", Lasting.MESSAGE, {"from": _PHONE}),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how long it holds (`seconds`) or how many deeds it spoils (`times`); without end when neither."""

    kind: Kind
    values: Mapping[str, int | str] = field(default_factory=dict)
    seconds: float | None = None
    times: int | None = None

    def whole(self, name: str) -> int:
        return int(self.values[name])

    def word(self, name: str) -> str:
        return str(self.values[name])


def parse(
    kind: str, given: Mapping[str, object] | None = None, seconds: float | None = None, times: int | None = None
) -> Fault:
    """The fault that is meant, with what is not given at its default. BadFault says what can not be meant."""
    if kind not in FORMS:
        raise BadFault(f"there is no fault {kind!r}; there are {', '.join(FORMS)}")
    form = FORMS[Kind(kind)]
    _check_length(kind, form.lasting, seconds, times)
    unknown = sorted(set(given or {}) - set(form.parameters))
    if unknown:
        names = ", ".join(form.parameters) or "none"
        raise BadFault(f"{kind} has no parameter {unknown[0]!r}; it has {names}")
    values = {name: _value(kind, name, rule, given or {}) for name, rule in form.parameters.items()}
    return Fault(Kind(kind), MappingProxyType(values), seconds, times)


def _check_length(kind: str, lasting: Lasting, seconds: float | None, times: int | None) -> None:
    if lasting is Lasting.MESSAGE and (seconds is not None or times is not None):
        raise BadFault(f"{kind} is a message that comes at once: it takes neither seconds nor times")
    if lasting is Lasting.STATE and times is not None:
        raise BadFault(f"{kind} is a state and can not be counted; say for how many seconds")
    if seconds is not None and not 0 < seconds <= _MOST_SECONDS:
        raise BadFault("seconds must be more than 0 and at most 31 days")
    if times is not None and not 1 <= times <= _MOST_TIMES:
        raise BadFault(f"times must be from 1 to {_MOST_TIMES}")


def _value(kind: str, name: str, rule: Whole | Word, given: Mapping[str, object]) -> int | str:
    if name not in given:
        return rule.default
    try:
        return rule.parse(str(given[name]))
    except ValueError as error:
        raise BadFault(f"{kind}: {name} must be {error}, not {given[name]!r}") from None


@dataclass(slots=True)
class Active:
    """A fault that holds: until when by the set's clock, and how many deeds are left to it."""

    id: int
    fault: Fault
    until: float | None
    left: int | None


class Faults:
    """The faults that hold now. Safe to use from several threads; `changed` is called when one is set or cleared.

    A state replaces the one of its kind; deeds of a kind hold beside each other, the oldest strikes first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._active: list[Active] = []
        self.changed: Callable[[], None] = lambda: None

    def set(self, fault: Fault) -> int:
        """Let it hold from now on; returns the id by which it is cleared. BadFault for a message."""
        if FORMS[fault.kind].lasting is Lasting.MESSAGE:
            raise BadFault(f"{fault.kind} is a message")
        until = self._clock() + fault.seconds if fault.seconds is not None else None
        active = Active(next(self._ids), fault, until, fault.times)
        with self._lock:
            if FORMS[fault.kind].lasting is Lasting.STATE:
                self._active = [other for other in self._active if other.fault.kind is not fault.kind]
            self._active.append(active)
        self.changed()
        return active.id

    def clear(self, identity: int | None = None) -> int:
        """End one fault, or all; returns how many there were."""
        with self._lock:
            kept = [each for each in self._current() if identity is not None and each.id != identity]
            ended = len(self._active) - len(kept)
            self._active = kept
        self.changed()
        return ended

    def reset(self) -> None:
        """End what a reset of the modem cures."""
        with self._lock:
            self._active = [each for each in self._active if each.fault.values.get("cure") != "reset"]

    def active(self) -> list[tuple[Active, float | None]]:
        """What holds, oldest first, each with the seconds that are left to it."""
        with self._lock:
            now = self._clock()
            return [(each, each.until - now if each.until is not None else None) for each in self._current()]

    def holds(self, kind: Kind) -> Fault | None:
        """The newest fault of that kind, without counting a deed."""
        with self._lock:
            found = [each.fault for each in self._current() if each.fault.kind is kind]
        return found[-1] if found else None

    def strikes(self, *kinds: Kind) -> Fault | None:
        """The fault of these kinds that spoils the deed that is done now; one deed less is left to it."""
        return self._strike(lambda fault: fault.kind in kinds)

    def strikes_command(self, names: Collection[str]) -> Fault | None:
        """The fault that spoils one of these AT commands, named without their plus."""

        def concerns(fault: Fault) -> bool:
            if fault.kind is Kind.NO_SEND:
                return "CMGS" in names
            if fault.kind not in (Kind.SILENT, Kind.ERROR):
                return False
            return not fault.word("command") or fault.word("command") in names

        return self._strike(concerns)

    def _strike(self, concerns: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for each in self._current():
                if concerns(each.fault):
                    if each.left is not None:
                        each.left -= 1
                    return each.fault
        return None

    def _current(self) -> list[Active]:
        self._active = list(self._still())
        return self._active

    def _still(self) -> Iterator[Active]:
        now = self._clock()
        for each in self._active:
            if (each.until is None or now < each.until) and (each.left is None or each.left > 0):
                yield each
