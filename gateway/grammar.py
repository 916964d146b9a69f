"""From a text to what it asks for. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from mqtt_bridge.records import Action

LONGEST = 60


class Scope(StrEnum):
    DAY = "day"
    MONTH = "month"


class Fault(StrEnum):
    BOTH_WAYS = "both-ways"
    CODE_LENGTH = "code-length"
    TWO_CODES = "two-codes"
    NO_NIP = "no-nip"
    NO_TEXT = "no-text"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Statement:
    action: Action
    code: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BareCode:
    code: str


@dataclass(frozen=True, slots=True)
class Query:
    scope: Scope


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Menu:
    pass


@dataclass(frozen=True, slots=True)
class Choice:
    number: int


@dataclass(frozen=True, slots=True)
class Dispute:
    text: str


@dataclass(frozen=True, slots=True)
class Register:
    nip: str


@dataclass(frozen=True, slots=True)
class Silence:
    on: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    fault: Fault
    action: Action | None = None


Command = Statement | BareCode | Query | Help | Menu | Choice | Dispute | Register | Silence | Mistake
KEYWORDS = {"hadir": Action.IN, "masuk": Action.IN, "pulang": Action.OUT}
FILLERS = frozenset({"absen", "absensi", "presensi", "saya", "pak", "bu", "kerja"})
_WORD = re.compile(r"[a-z]+|[0-9]+")


def parse(text: str) -> Command | None:
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    first, _, rest = folded.partition(" ")
    simple: dict[str, Command] = {
        "cek": Query(Scope.DAY),
        "cek bulan": Query(Scope.MONTH),
        "bantu": Help(),
        "menu": Menu(),
        "stop": Silence(True),
        "mulai": Silence(False),
    }
    if folded in simple:
        return simple[folded]
    if first in ("sakit", "izin", "dl"):
        return Statement({"sakit": Action.SICK, "izin": Action.LEAVE, "dl": Action.DUTY}[first], note=rest.strip())
    if first == "sanggah":
        return Dispute(rest) if rest else Mistake(Fault.NO_TEXT)
    if first == "daftar":
        nip = re.sub(r"\D", "", rest)
        return Register(nip) if len(nip) == 18 else Mistake(Fault.NO_NIP)
    if len(folded) > LONGEST or "?" in folded or any(s.isalnum() and not s.isascii() for s in folded):
        return None
    if re.fullmatch(r"[0-9]{6}", folded):
        return BareCode(folded)
    words = [word for word in _WORD.findall(folded) if word not in FILLERS]
    codes = [word for word in words if word.isdigit()]
    actions = {KEYWORDS.get(word) for word in words if not word.isdigit()}
    if actions == {Action.IN, Action.OUT}:
        return Mistake(Fault.BOTH_WAYS)
    if len(actions) != 1 or None in actions or len(codes) > 1:
        return None
    action = actions.pop()
    assert action
    if codes and len(codes[0]) != 6:
        return Mistake(Fault.CODE_LENGTH, action)
    return Statement(action, codes[0] if codes else None)
