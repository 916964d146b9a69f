"""What is decided of one message, and what the journal must tell for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mqtt_bridge.day import Punch
from mqtt_bridge.records import Record

MISSES_COUNT_FOR = timedelta(hours=1)


class Outcome(StrEnum):
    """What became of a message; everything but RECORDED says why it made no record."""

    RECORDED = "recorded"
    REPEAT = "repeat"
    ANSWERED = "answered"  # a question, or a step in the menu
    WAITING = "waiting"  # there is no roster yet to decide by
    UNKNOWN_SENDER = "unknown-sender"
    NOT_A_PHONE = "not-a-phone"
    NOT_UNDERSTOOD = "not-understood"
    WHO_SPEAKS = "who-speaks"
    NO_CODE = "no-code"
    OLD_CODE = "old-code"
    WRONG_CODE = "wrong-code"
    BLOCKED = "blocked"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    PART = "part"  # of a message that is not whole yet
    INCOMPLETE = "incomplete"  # its other parts never came
    BINARY = "binary"
    REPORT = "report"
    CALL = "call"  # from an employee, which the policy does not take for a check-in
    UPLINK = "uplink"  # the collector's answer to records that went by SMS
    IT = "it"  # a question of IT staff
    TEST = "test"  # a test SMS of this gateway, which came back
    POKE = "poke"  # it made the SMS centre bring what it kept


class Tone(StrEnum):
    """What kind of reply it is; what was asked for is told even to those who want no answers."""

    ANSWER = "answer"
    INFORMATION = "information"
    REFUSAL = "refusal"  # a check-in that does not count: whoever believes that it does must hear it
    CORRECTION = "correction"
    NOTICE = "notice"  # later than the answer: what was asked for has been granted


@dataclass(frozen=True, slots=True)
class Held:
    """What the journal holds that bears on one message.

    `seq` is the number that a new record would get. `punches` are the records of the message's month, by employee or,
    for a number that is not bound, by that number. `answers` and `corrections` count the replies that the sender got
    today, `misses` are the times of their wrong codes within the last hour. `menu` is how far they are in the menu,
    None outside of it; `silent` that they want no answers.
    """

    journal: str
    seq: int
    punches: Mapping[str, Sequence[Punch]] = field(default_factory=dict)
    answers: int = 0
    corrections: int = 0
    misses: tuple[datetime, ...] = ()
    menu: tuple[str, ...] | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    tone: Tone
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`menu` is where the sender stands in the menu from now on, `silence` whether they want no answers, if they said
    so. `kept` replaces the text where it must not be kept as it is.
    """

    outcome: Outcome
    record: Record | None = None
    reply: Reply | None = None
    menu: tuple[str, ...] | None = None
    silence: bool | None = None
    kept: str | None = None
