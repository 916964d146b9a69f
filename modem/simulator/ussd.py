"""The network's side of USSD for one SIM: its prepaid account, its answers to codes, and their bad manners."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from . import gsm7

_ANSWERS = {
    "*888#": "Sisa pulsa Rp {balance}. Masa aktif s.d. {until}.",
    "*123#": "Pulsa Utama Rp.{balance}. Aktif s/d {until}\n1. Isi pulsa\n2. Paket",
    "*123#>1": "Isi pulsa di gerai terdekat.",
    "*111#": "Pulsa: Rp {balance}, Masa Aktif: {until} 23:59:59",
}
_UNKNOWN = "Kode tidak dikenal."
_GAP = 0.3  # seconds between a word and the text that follows it


class Encoding(StrEnum):
    """How the text stands between the quotes (3GPP TS 27.007, 7.15, and what modems make of it)."""

    PLAIN = "plain"
    PACKED = "packed"  # septets in hexadecimal, with the coding scheme of plain text
    HEX = "hex"  # an octet for each character, in hexadecimal
    UCS2 = "ucs2"


class Order(StrEnum):
    """When the network's words come."""

    AFTER = "after"  # the modem's OK
    BEFORE = "before"
    ENDED_FIRST = "ended-first"  # the word that the dialogue ended comes before the text
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Account:
    """What the network knows of the SIM, and how it talks.

    `answers` are texts by code, and by code and choices such as `*123#>1`; where choices follow, the network waits
    for one. `status` replaces the one that fits. `scheme` shows the coding scheme, `takes_packed` takes codes as
    packed septets alone. `price` is what an SMS costs.
    """

    balance: int = 25_000
    valid_until: date | None = None  # 30 days from now
    price: int = 0
    answers: Mapping[str, str] = field(default_factory=lambda: dict(_ANSWERS))
    status: int | None = None
    encoding: Encoding = Encoding.PLAIN
    order: Order = Order.AFTER
    delay: float = 0.0  # seconds
    scheme: bool = True
    takes_packed: bool = False


class Ussd:
    """Safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.account = Account()
        self.shown = 0  # AT+CUSD=<n>: whether answers are shown
        self._now = now
        self._lock = threading.Lock()
        self._place = ""  # the code and choices of an open dialogue
        self._due: list[tuple[datetime, str]] = []

    def change(self, **values: Any) -> Account:
        """Another balance, or other manners, from now on. TypeError for what an account has not."""
        with self._lock:
            self.account = replace(self.account, **values)
            return self.account

    def charge(self) -> bool:
        """Pay for one SMS; False when the balance does not allow it."""
        with self._lock:
            if self.account.balance < self.account.price:
                return False
            self.account = replace(self.account, balance=self.account.balance - self.account.price)
            return True

    def push(self, text: str) -> None:
        """The network sends a text that nobody asked for."""
        with self._lock:
            self._later(0.0, self._line(0, text))

    def due(self) -> list[str]:
        """The lines whose time has come; the modem keeps them to itself unless they are to be shown."""
        with self._lock:
            now = self._now()
            ready = [line for at, line in self._due if at <= now]
            self._due = [(at, line) for at, line in self._due if at > now]
            return ready if self.shown == 1 else []

    def command(self, arguments: list[str]) -> list[str] | None:
        """Carry out AT+CUSD=…; returns the lines before its OK, None when the modem does not take the code."""
        with self._lock:
            self.shown = 1 if arguments[0] == "1" else 0
            if arguments[0] == "2":
                self._place = ""
            if len(arguments) < 2 or arguments[0] == "2":
                return []
            code = self._code(arguments[1])
            return None if code is None else self._answer(code)

    def _code(self, given: str) -> str | None:
        if not self.account.takes_packed:
            return given
        try:
            octets = bytes.fromhex(given)
        except ValueError:
            return None
        return gsm7.characters(gsm7.unpack(octets, len(octets) * 8 // 7)).rstrip("@")

    def _answer(self, code: str) -> list[str]:
        account = self.account
        place = f"{self._place}>{code}" if self._place else code
        open_menu = any(key.startswith(f"{place}>") for key in account.answers)
        self._place = place if open_menu else ""
        status = account.status if account.status is not None else int(open_menu)
        line = self._line(status, self._text(place))
        if account.order is Order.BEFORE:
            return [line]
        if account.order is Order.ENDED_FIRST:
            self._later(account.delay, "+CUSD: 2")
        if account.order is not Order.NEVER:
            self._later(account.delay + (_GAP if account.order is Order.ENDED_FIRST else 0.0), line)
        return []

    def _text(self, place: str) -> str:
        until = self.account.valid_until or (self._now() + timedelta(days=30)).date()
        balance = f"{self.account.balance:,}".replace(",", ".")
        return self.account.answers.get(place, _UNKNOWN).format(balance=balance, until=f"{until:%d-%m-%Y}")

    def _line(self, status: int, text: str) -> str:
        if status in (4, 5):
            return f"+CUSD: {status}"
        shown, scheme = _encoded(text, self.account.encoding)
        return f'+CUSD: {status},"{shown}"' + (f",{scheme}" if self.account.scheme else "")

    def _later(self, seconds: float, line: str) -> None:
        self._due.append((self._now() + timedelta(seconds=seconds), line))


def _encoded(text: str, encoding: Encoding) -> tuple[str, int]:
    """What stands between the quotes, and the coding scheme (3GPP TS 23.038, 5)."""
    if encoding is Encoding.UCS2 or not gsm7.fits(text):
        return text.encode("utf-16-be").hex().upper(), 72
    codes = gsm7.septets(text)
    if encoding is Encoding.PACKED:
        return gsm7.pack(codes).hex().upper(), 15
    return (bytes(codes).hex().upper() if encoding is Encoding.HEX else bytes(codes).decode("latin-1")), 15
