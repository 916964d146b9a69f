"""How times and messages stand in the columns of the journal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt_bridge.records import Channel

from .message import Form, IncomingMessage

# What is older has nothing to do with a part or a report that comes now: no SMS centre keeps any for so long.
LATE = timedelta(days=8)
MESSAGE = "channel, form, sender, text, sent, received, clock_trusted, smsc, reference, modem"


def columns(message: IncomingMessage) -> tuple[Any, ...]:
    """What stands in the columns `MESSAGE`."""
    return (
        message.channel,
        message.form,
        message.sender,
        message.text,
        as_text(message.sent) if message.sent else None,
        as_text(message.received),
        message.clock_trusted,
        message.smsc,
        message.reference,
        message.modem,
    )


def message(row: Sequence[Any]) -> IncomingMessage:
    """The message in the columns `MESSAGE`."""
    channel, form, sender, text, sent, received, trusted, smsc, reference, modem = row
    return IncomingMessage(
        channel=Channel(channel),
        form=Form(form),
        sender=sender,
        text=text,
        sent=as_time(sent) if sent else None,
        received=as_time(received),
        clock_trusted=bool(trusted),
        smsc=smsc,
        reference=reference,
        modem=modem,
    )


def as_text(at: datetime) -> str:
    """UTC in fixed width: sorts as text in the order of time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def as_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
