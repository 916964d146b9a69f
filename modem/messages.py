"""What goes into and comes out of a modem, as plain values. Pure: no clock, no file, no library of a modem.

Every driver, real or simulated, speaks in these; nothing above this file knows how a modem is driven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What an incoming message is, as far as the modem can tell."""

    TEXT = "text"
    BINARY = "binary"  # 8-bit data, or a flash SMS: not a text that a person typed into a phone
    REPORT = "report"  # a delivery report for one of ours


@dataclass(frozen=True, slots=True)
class Part:
    """Place of one SMS in a concatenated message (3GPP TS 23.040, 9.2.3.24.1)."""

    reference: int
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an SMS of ours, by the `reference` that `send` returned; `delivered` is None while it is tried.

    `at` is when it was delivered, or given up.
    """

    reference: int
    delivered: bool | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class IncomingSms:
    """One SMS as it lies in one slot of the modem's store.

    `location` names the slot for `read` and `delete`. `sent` is the service centre time stamp as an aware
    datetime, None when it is missing or impossible. `number` and `smsc` are as the network gave them. Of 8-bit data
    `text` is the hexadecimal form. A delivery report comes with the number that our SMS went to.
    """

    location: int
    number: str
    text: str
    sent: datetime | None
    smsc: str = ""
    kind: Kind = Kind.TEXT
    part: Part | None = None
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """One SMS to send: `text` of any length that fits one SMS in its coding, or up to 140 octets of 8-bit `data`.

    With `report` the network is asked to tell when it was delivered.
    """

    number: str
    text: str
    data: bytes | None = None
    report: bool = False


@dataclass(slots=True)
class Erasure:
    """What became of slots that were to be emptied, by their locations.

    The `changed` ones held something else by now, or nothing; `failed` tells why the others could not be emptied.
    """

    deleted: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)

    def __add__(self, other: Erasure) -> Erasure:
        return Erasure(self.deleted + other.deleted, self.changed + other.changed, self.failed | other.failed)


class UssdStatus(StrEnum):
    """How a USSD dialogue stands after an answer (3GPP TS 27.007, 7.15)."""

    DONE = "done"
    MENU = "menu"  # the network waits for a choice
    ENDED = "ended"  # by the network
    ELSEWHERE = "elsewhere"  # another client of the modem got the answer
    NOT_SUPPORTED = "not-supported"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class UssdAnswer:
    """What the network answered to a code; `text` is empty where it had none."""

    status: UssdStatus
    text: str = ""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that rang; `number` is the caller's as the network showed it, empty when it is withheld."""

    number: str


class Registration(StrEnum):
    """Where the modem stands with the network (3GPP TS 27.007, 7.2)."""

    HOME = "home"
    ROAMING = "roaming"
    SEARCHING = "searching"
    DENIED = "denied"
    NONE = "none"
    UNKNOWN = "unknown"


class Sim(StrEnum):
    """Whether the SIM can be used (3GPP TS 27.007, 8.3)."""

    READY = "ready"
    PIN = "pin"
    PUK = "puk"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Store:
    """One of the places where a modem keeps SMS: "SM" is the SIM, "ME" the modem itself (3GPP TS 27.005, 3.2.2)."""

    name: str
    used: int
    capacity: int


@dataclass(frozen=True, slots=True)
class ModemStatus:
    """How the modem is now.

    `signal` in percent, None when the modem does not know; `used` and `capacity` count the slots of all `stores`,
    none of them while the SIM can not be used. `imsi` names the SIM. `fitted` is false where there is no modem, and
    none is missed.
    """

    registration: Registration
    signal: int | None = None
    operator: str = ""
    used: int = 0
    capacity: int = 0
    model: str = ""
    imei: str = ""
    imsi: str = ""
    sim: Sim = Sim.READY
    fitted: bool = True
    stores: tuple[Store, ...] = ()


class ModemError(Exception):
    """A modem call failed.

    `permanent` tells that the same call will fail again (a number that no network takes), so that trying
    again only costs money. `gone` tells that the modem itself must be opened anew, `absent` that there is none.
    """

    def __init__(self, reason: str, *, permanent: bool = False, gone: bool = False, absent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.gone = gone or absent
        self.absent = absent


class Slots(Protocol):
    """What emptying slots one by one needs."""

    def read(self, location: int) -> IncomingSms | None: ...
    def delete(self, location: int) -> None: ...


def erase_singly(modem: Slots, messages: Sequence[IncomingSms]) -> Erasure:
    """`Modem.erase` by `read` and `delete`. ModemError only when the modem is gone."""
    erasure = Erasure()
    for sms in messages:
        try:
            if modem.read(sms.location) == sms:
                modem.delete(sms.location)
                erasure.deleted.append(sms.location)
            else:
                erasure.changed.append(sms.location)
        except ModemError as error:
            if error.gone:
                raise
            erasure.failed[sms.location] = str(error)
    return erasure


class Modem(Protocol):
    """The port to one modem. Every method may raise `ModemError` and blocks until the modem answered."""

    def receive(self) -> list[IncomingSms]:
        """All SMS in the store, oldest slot first. Nothing is deleted."""

    def read(self, location: int) -> IncomingSms | None:
        """What lies in that slot now; None when it is empty."""

    def delete(self, location: int) -> None:
        """Empty that slot. A slot that is empty already is no error."""

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        """Empty the slots of these messages, each only if it still holds the message when it is looked at again."""

    def send(self, sms: OutgoingSms) -> int:
        """Hand the SMS to the network; returns the modem's reference (0-255)."""

    def status(self) -> ModemStatus:
        """Ask the modem how it is."""

    def network_time(self) -> datetime | None:
        """The modem's own clock (NITZ when the network gives it); None when it has none that can be true."""

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        """Dial a USSD code, make the choices of its menus, and end the dialogue; returns the last answer."""

    def calls(self) -> list[IncomingCall]:
        """Calls that rang since the last time, each hung up. The modem minds calls from the first time on."""

    def restart(self) -> None:
        """Let the modem start anew. It may be away for a while; the next call opens it again."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for word of a new SMS; tells whether there may be one. Not every modem gives it."""

    def close(self) -> None:
        """Let the modem go. Never raises."""
