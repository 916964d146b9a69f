"""What a text can ask for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mqtt_bridge.records import Action


class Scope(StrEnum):
    DAY = "day"
    MONTH = "month"


class Fault(StrEnum):
    """What is wrong with a text that tries to say something."""

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
    """Only a code: in or out, as the day has it."""

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
    """A number of the menu; outside of it, it means nothing."""

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
    """A try; `action` is what was tried, where that can be told."""

    fault: Fault
    action: Action | None = None


Command = Statement | BareCode | Query | Help | Menu | Choice | Dispute | Register | Silence | Mistake
