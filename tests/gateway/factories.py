"""Made-up messages, rosters and journals for the gateway's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from gateway.rules import Rules, by_number
from modem.messages import Part
from mqtt_bridge.records import Channel, Desired, Member, Policy

PHONE = "+6281234567890"
OTHER = "+6281298765432"
STRANGER = "+6285211112222"
MORNING = datetime(2026, 11, 24, 0, 21, 5, tzinfo=UTC)  # 07:21:05 WIB
SMSC = "+62811000000"

OFFICE = "dinkes-01"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PEOPLE = {PHONE: "e-ani", OTHER: "e-budi"}


def rules(
    people: dict[str, str] | None = None, policy: Policy | None = None, *, secret: str = "", sealing_key: str = ""
) -> Rules:
    """Rules for numbers and the employees that they belong to."""
    roster = tuple(Member(employee=each, phone=phone) for phone, each in (people or PEOPLE).items())
    return Rules(by_number(roster), policy or Policy(), OFFICE, {OFFICE: secret} if secret else {}, sealing_key)


RULES = rules()


def message(
    text: str = "HADIR",
    *,
    sender: str = PHONE,
    sent: datetime | None = MORNING,
    received: datetime | None = None,
    form: Form = Form.TEXT,
    clock_trusted: bool = True,
    reference: str = "",
    part: Part | None = None,
) -> IncomingMessage:
    return IncomingMessage(
        channel=Channel.SMS,
        form=form,
        sender=sender,
        text=text,
        sent=sent,
        received=received or (sent or MORNING) + timedelta(seconds=4),
        clock_trusted=clock_trusted,
        smsc=SMSC,
        reference=f"{part.reference}/{part.number}/{part.total}" if part else reference,
        part=part,
    )


def desired(version: int = 1, gateway: str = "dinkes-01", policy: Policy = RULES.policy) -> Desired:
    roster = tuple(Member(employee=employee, phone=phone) for phone, employee in PEOPLE.items())
    return Desired(gateway=gateway, version=version, issued=MORNING, roster=roster, policy=policy)


def journal(folder: Path) -> Journal:
    return Journal(folder / "journal.db", "dinkes-01")
