"""Which commands of the collector are carried out, and how each is answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mqtt_bridge.commands import CENTRAL, OWN, CommandName, flaw
from mqtt_bridge.records import Command, Ending, Policy, Result

from .clock import Now

ON_MODEM = frozenset({CommandName.SMS, CommandName.USSD, CommandName.RESTART_MODEM})
LOOP_SECONDS = 180.0  # for which a test SMS to the SIM itself is waited for


@dataclass(frozen=True, slots=True)
class Place:
    """What is known where a command is to be carried out. Without a `policy` there is nobody to send an SMS to."""

    policy: Policy | None
    fitted: bool
    own_number: str


def refusal(command: Command, now: Now, place: Place) -> str | None:
    """The code of why it is not begun; None when it may be.

    A clock that is not trusted runs behind, so that it never calls expired what is not; how old a command is, its
    number tells.
    """
    if command.name not in set(CommandName):
        return "unknown-command"
    if now.wall >= command.expires:
        return "expired"
    name = CommandName(command.name)
    if wrong := flaw(name, command.arguments):
        return wrong
    if name in ON_MODEM and not place.fitted:
        return "no-modem"
    return {CommandName.SMS: _refused_sms, CommandName.USSD: _refused_ussd}.get(name, _fine)(command, place)


def _fine(_command: Command, _place: Place) -> str | None:
    return None


def _refused_sms(command: Command, place: Place) -> str | None:
    to = command.arguments["to"]
    if place.policy is None:
        return "no-policy"
    if to == OWN:
        return None if place.own_number else "no-own-number"
    if to == CENTRAL:
        return None if place.policy.uplink else "no-central-number"
    return None if to in place.policy.it_numbers else "number-not-allowed"


def _refused_ussd(_command: Command, place: Place) -> str | None:
    if place.policy is None:
        return "no-policy"
    return None if place.policy.remote_ussd else "ussd-forbidden"


def recipient(command: Command, place: Place) -> str:
    """Of a test SMS that is not refused."""
    to = command.arguments["to"]
    uplink = place.policy.uplink if place.policy else None
    return {OWN: place.own_number, CENTRAL: uplink.number if uplink else ""}.get(to, to)


def answer(command: Command, ending: Ending, code: str, at: datetime, text: str = "", **facts: object) -> Result:
    known = {name: _fitting(str(value)).replace("\n", " ")[:200] for name, value in facts.items()}
    return Result(
        gateway=command.gateway, id=command.id, ending=ending, code=code, at=at, facts=known, text=_fitting(text)
    )


def _fitting(text: str) -> str:
    """What modems and operators say may hold anything."""
    return "".join(sign for sign in text if sign == "\n" or sign.isprintable())[:20_000]
