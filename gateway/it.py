"""What IT staff may ask a gateway by SMS: how it is, in one SMS. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from mqtt_bridge import phones
from mqtt_bridge.records import Status

from .decision import Decision, Held, Outcome, Reply, Tone
from .message import Form, IncomingMessage
from .replies import LONGEST
from .rules import Rules

QUESTIONS = frozenset({"status", "tes", "test"})
# Signs that are one septet each in the GSM 7 bit alphabet (3GPP TS 23.038) and the same everywhere.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:;!?'\"()/%&*+-=<>#")


def decide(message: IncomingMessage, rules: Rules, held: Held, status: Callable[[], Status]) -> Decision | None:
    """The answer to a question of somebody who may ask; None for every other message, which goes its usual way."""
    number = phones.sender(message.sender)
    if number is None or number not in rules.policy.it_numbers or message.form is not Form.TEXT:
        return None
    if message.text.strip().casefold() not in QUESTIONS:
        return None
    if held.answers >= rules.policy.answers_per_day:
        return Decision(Outcome.IT)
    return Decision(Outcome.IT, reply=Reply(Tone.ANSWER, number, summary(status(), rules.zone)))


def summary(status: Status, zone: ZoneInfo) -> str:
    """The gateway's health in at most 160 signs of GSM-7, worst first: what does not fit is counted."""
    head = f"{status.gateway[:30]} {status.at.astimezone(zone):%d/%m %H:%M}: "
    tail = " " + ", ".join(_figures(status)) + "."
    reasons = [_short(reason.text) for reason in status.reasons]
    for shown in range(len(reasons), 0, -1):
        more = f" (+{len(reasons) - shown} lagi)" if shown < len(reasons) else ""
        text = f"{head}{'; '.join(reasons[:shown])}{more}.{tail}"
        if len(text) <= LONGEST:
            return text
    if not reasons:
        return f"{head}baik.{tail}"
    return f"{head}{reasons[0][: LONGEST - len(head) - len(tail) - 1]}.{tail}"


def _figures(status: Status) -> Iterator[str]:
    yield f"Antre {status.last_seq - status.delivered}"
    if status.modem.signal is not None:
        yield f"sinyal {status.modem.signal}%"
    if status.uplink and status.uplink.today:
        yield f"SMS ke pusat {status.uplink.today}"


def _short(text: str) -> str:
    """What is wrong, without what to do about it and without what a library said of it."""
    fault = text.partition(";")[0].partition(" (")[0]
    return "".join(sign if sign in _PLAIN else "?" for sign in fault)
