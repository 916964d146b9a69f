"""One incoming message, whatever way it came. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from modem.messages import IncomingCall, IncomingSms, Kind, Part, Report
from mqtt_bridge import phones
from mqtt_bridge.records import Channel


class Form(StrEnum):
    """What arrived: only a whole text can be a check-in."""

    TEXT = "text"
    PART = "part"  # of a longer, concatenated message, or what is there of one whose other parts never came
    BINARY = "binary"
    REPORT = "report"
    CALL = "call"  # no text at all: somebody rang


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """What every channel ends in. `sent` is the SMS centre's time, `received` our own; `modem` names ours.

    `part` is the place of a part within its message, None for anything whole. `report` is what became of an SMS of
    ours to the number `sender`.
    """

    channel: Channel
    form: Form
    sender: str
    text: str
    sent: datetime | None
    received: datetime
    clock_trusted: bool
    smsc: str = ""
    reference: str = ""
    part: Part | None = None
    report: Report | None = None
    modem: str = ""


def from_sms(sms: IncomingSms, received: datetime, *, clock_trusted: bool, modem: str = "") -> IncomingMessage:
    reference = f"{sms.part.reference}/{sms.part.number}/{sms.part.total}" if sms.part else ""
    return IncomingMessage(
        channel=Channel.SMS,
        form=_form(sms),
        sender=_storable(sms.number),
        text=_storable(sms.text),
        sent=sms.sent,
        received=received,
        clock_trusted=clock_trusted,
        smsc=sms.smsc,
        reference=reference,
        part=_part(sms),
        report=sms.report,
        modem=modem,
    )


def from_call(call: IncomingCall, received: datetime, *, clock_trusted: bool, modem: str = "") -> IncomingMessage:
    """A call that was hung up. Its number may come without the country; unlike a sender it can not be a name."""
    return IncomingMessage(
        channel=Channel.CALL,
        form=Form.CALL,
        sender=phones.mobile(call.number) or _storable(call.number),
        text="",
        sent=None,
        received=received,
        clock_trusted=clock_trusted,
        modem=modem,
    )


def fingerprint(message: IncomingMessage) -> str:
    """SHA-256 (hex) over what stays the same when a message is read or delivered again.

    Without an SMS centre's time ten minutes of receipt stand in for it: long enough for reading it again after a
    failed delete, and short enough for the same text later in the day to be another one. Where it errs it makes
    two of one, and then the rules of repeats hold: that loses nothing, while one of two would.
    """
    moment = message.sent.astimezone(UTC).isoformat() if message.sent else f"{message.received:%Y-%m-%d %H:%M}"[:-1]
    parts = (message.channel, message.form, message.sender, message.smsc, moment, message.reference, message.text)
    # Each part with its length before it: no two different messages run together into the same bytes.
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(framed.encode()).hexdigest()


def _storable(text: str) -> str:
    """The text without half signs (lone surrogates of UCS-2), which no file and no hash takes."""
    return text.encode("utf-8", "replace").decode()


def _form(sms: IncomingSms) -> Form:
    if sms.kind is Kind.REPORT:
        return Form.REPORT
    if sms.kind is Kind.BINARY:
        return Form.BINARY
    return Form.PART if _part(sms) else Form.TEXT


def _part(sms: IncomingSms) -> Part | None:
    """Its place, if it can be one: a part 3 of 2 or 0 of 0 is to be taken for whole (3GPP TS 23.040, 9.2.3.24.1)."""
    part = sms.part
    if part is None or sms.kind is not Kind.TEXT or part.total < 2:
        return None
    return part if 1 <= part.number <= part.total else None
