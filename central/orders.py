"""What gateways are told to do from here, and what came of it: asked once, said until it is answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm

from mqtt_bridge.commands import ARGUMENTS, CENTRAL, COSTLY, OWN, CommandName, flaw, is_test, sms_text
from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.phones import masked
from mqtt_bridge.records import BadPayload, Command, Ending, Policy, Result, decode, encode

from . import audit, desired, fleet
from .database import Database, micros, moment
from .keys import GatewayKeys, revoked
from .refusal import Refusal

log = structlog.get_logger(__name__)

EXPIRES_AFTER = timedelta(minutes=15)
# For which it is still said: a gateway that was away answers what became of it, or that it came too late.
ASKED_ON = timedelta(minutes=5)
COSTLY_PER_HOUR = 5
WAITING_AT_MOST = 20
_HOUR = timedelta(hours=1)
_TRAVELS = timedelta(days=3)  # an SMS, at most
_COLUMNS = "body, asked, sent, result, arrived"
_decode_result = msgspec.json.Decoder(Result).decode


class State(StrEnum):
    """Where a command stands; SENT until the gateway answered."""

    WAITING = "waiting"
    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"
    EXPIRED = "expired"


class OrderRefusal(Refusal):
    texts: ClassVar[Mapping[str, str]] = {
        "command-gateway": "there is no gateway {gateway}",
        "command-revoked": "gateway {gateway} was revoked",
        "command-argument": "{name} takes one argument: {argument}",
        "command-no-argument": "{name} takes no argument",
        "command-cap": "{most} test SMS and USSD codes were asked of this gateway within the last hour; each costs",
        "command-queue": "{most} commands wait for this gateway already",
        "command-ussd-code": "a USSD code has digits, * and # only, and begins with * or #",
        "command-ussd-setting": "that code changes the SIM's settings; it can not be dialled from here",
        "command-ussd-forbidden": "policy.remote_ussd is off",
        "command-number-not-allowed": "a test SMS goes to own, central, or one of central.it_numbers",
        "command-no-central-number": "uplink.number is not set",
        "command-seq": "from_seq is a whole number from 1 on",
    }


@dataclass(frozen=True, slots=True)
class Order:
    """A command that somebody asked for; `arrived` is when its test SMS came to the collector's own number."""

    command: Command
    asked: datetime
    sent: datetime | None
    result: Result | None
    arrived: datetime | None

    def state(self, now: datetime) -> State:
        if self.result:
            if self.result.ending is not Ending.REFUSED:
                return State.ANSWERED
            return State.EXPIRED if self.result.code == "expired" else State.REFUSED
        if now >= self.command.expires + ASKED_ON:
            return State.EXPIRED
        return State.SENT if self.sent else State.WAITING


def ask(database: Database, gateway: str, name: CommandName, argument: str, who: str, now: datetime) -> Command:
    """Have it said to the gateway; tells what will be said. Raises `OrderRefusal`."""
    arguments = _arguments(name, argument)
    with database.transaction():
        _check(database, gateway, name, arguments, now)
        command = Command(
            gateway=gateway,
            id=secrets.token_hex(16),
            number=_number(database, gateway, now),
            name=name,
            arguments=arguments,
            issued=now,
            expires=now + EXPIRES_AFTER,
            by=who[:200],
        )
        columns = ("id", "gateway", "number", "name", "body", "asked", "expires")
        row = (command.id, gateway, command.number, name, encode(command), micros(now), micros(command.expires))
        database.insert_all("command", columns, [row])
        told = {key: masked(value) if value.startswith("+") else value for key, value in arguments.items()}
        audit.append(
            database, who, "command-asked", {"gateway": gateway, "command": name, "id": command.id, **told}, now
        )
    return command


def _arguments(name: CommandName, argument: str) -> dict[str, str]:
    wanted = ARGUMENTS.get(name)
    if bool(wanted) != bool(argument):
        code = "command-argument" if wanted else "command-no-argument"
        raise OrderRefusal(code, name=name, argument=wanted)
    return {wanted: argument} if wanted else {}


def _check(database: Database, gateway: str, name: CommandName, arguments: Mapping[str, str], now: datetime) -> None:
    if not fleet.exists(database, gateway):
        raise OrderRefusal("command-gateway", gateway=gateway)
    if gateway in revoked(database):
        raise OrderRefusal("command-revoked", gateway=gateway)
    if wrong := flaw(name, arguments) or _against_policy(name, arguments, policy(database, gateway)):
        raise OrderRefusal(f"command-{wrong}")
    _check_caps(database, gateway, name, now)


def _against_policy(name: CommandName, arguments: Mapping[str, str], rules: Policy) -> str | None:
    """The gateway looks again, by the policy that it holds."""
    if name is CommandName.USSD and not rules.remote_ussd:
        return "ussd-forbidden"
    to = arguments.get("to", OWN)
    if to == CENTRAL and rules.uplink is None:
        return "no-central-number"
    return None if to in (OWN, CENTRAL, *rules.it_numbers) else "number-not-allowed"


def _check_caps(database: Database, gateway: str, name: CommandName, now: datetime) -> None:
    places = ", ".join("?" * len(COSTLY))
    costly = database.value(
        f"SELECT COUNT(*) FROM command WHERE gateway = ? AND asked > ? AND name IN ({places})",
        gateway, micros(now - _HOUR), *sorted(COSTLY),
    )  # fmt: skip
    if name in COSTLY and costly >= COSTLY_PER_HOUR:
        raise OrderRefusal("command-cap", most=COSTLY_PER_HOUR)
    waiting = database.value(
        "SELECT COUNT(*) FROM command WHERE gateway = ? AND result IS NULL AND expires > ?",
        gateway, micros(now - ASKED_ON),
    )  # fmt: skip
    if waiting >= WAITING_AT_MOST:
        raise OrderRefusal("command-queue", most=WAITING_AT_MOST)


def _number(database: Database, gateway: str, now: datetime) -> int:
    """Not only larger than the last one: also than any that a lost database may have given out before."""
    last = database.value("SELECT MAX(number) FROM command WHERE gateway = ?", gateway) or 0
    return max(int(last) + 1, int(now.timestamp()))


def policy(database: Database, gateway: str) -> Policy:
    """What the gateway is told of who may get an SMS, and of USSD."""
    wanted = desired.newest(database, gateway)
    return wanted.policy if wanted else Policy()


def due(database: Database, now: datetime) -> list[Command]:
    """Of each gateway the oldest without a result: a newer one first would make an older one too old for it."""
    rows = database.rows(
        "SELECT body FROM command AS next WHERE result IS NULL AND expires > ? AND number ="
        " (SELECT MIN(number) FROM command WHERE gateway = next.gateway AND result IS NULL AND expires > ?)",
        micros(now - ASKED_ON), micros(now - ASKED_ON),
    )  # fmt: skip
    gone = revoked(database) if rows else {}
    commands = [msgspec.json.decode(bytes(body), type=Command) for (body,) in rows]
    return [command for command in commands if command.gateway not in gone]


def said(database: Database, command: Command, now: datetime) -> None:
    """The broker took it."""
    with database.transaction():
        database.run("UPDATE command SET sent = ? WHERE id = ? AND sent IS NULL", micros(now), command.id)


def hear(database: Database, keys: GatewayKeys, gateway: str, sealed: bytes, now: datetime) -> bool:
    """Keep a result that came on the gateway's topic, if it signed it for a command of its own that has none yet."""
    result = _believed(keys, gateway, sealed)
    if result is None:
        return False
    with database.transaction():
        kept = database.run(
            "UPDATE command SET result = ?, answered = ? WHERE id = ? AND gateway = ? AND result IS NULL",
            encode(result), micros(now), result.id.replace("\0", ""), gateway,
        )  # fmt: skip
    if kept:
        log.info("command answered", gateway=gateway, id=result.id, ending=result.ending, code=result.code)
    return kept > 0


def _believed(keys: GatewayKeys, gateway: str, sealed: bytes) -> Result | None:
    key = keys.get(gateway)
    try:
        result = decode(unseal(sealed, key)) if key else None
    except (BadEnvelope, BadPayload, UnsupportedAlgorithm) as error:
        log.warning("result not believed", gateway=gateway, problem=str(error))
        return None
    if not isinstance(result, Result) or result.gateway != gateway:
        log.warning("result not believed", gateway=gateway, problem="no key, or signed for another gateway")
        return None
    return result


def arrived(database: Database, text: str, now: datetime) -> bool:
    """Note that a test SMS came to the collector's number; False when it is none that was asked for lately."""
    if not is_test(text):
        return False
    rows = database.rows(
        "SELECT id, body FROM command WHERE name = ? AND asked > ?", CommandName.SMS, micros(now - _TRAVELS)
    )
    for id_, body in rows:
        if sms_text(msgspec.json.decode(bytes(body), type=Command)) == text:
            database.run("UPDATE command SET arrived = ? WHERE id = ? AND arrived IS NULL", micros(now), id_)
            return True
    return False


def looped(database: Database) -> dict[str, datetime]:
    """Gateway → when its last test SMS came back to it, or to the collector's number."""
    rows = database.rows(
        "SELECT gateway, answered, arrived, result FROM command"
        " WHERE name = ? AND result IS NOT NULL ORDER BY answered",
        CommandName.SMS,
    )
    return {
        gateway: moment(arrived or answered)
        for gateway, answered, arrived, result in rows
        if arrived or _decode_result(bytes(result)).code == "sms-back"
    }


def latest(database: Database, limit: int, gateway: str = "") -> list[Order]:
    """The newest first; of one gateway if it is named."""
    where, values = (" WHERE gateway = ?", [gateway]) if gateway else ("", [])
    rows = database.rows(
        f"SELECT {_COLUMNS} FROM command{where} ORDER BY asked DESC, number DESC LIMIT ?",
        *values, limit,
    )  # fmt: skip
    return [_order(*row) for row in rows]


def one(database: Database, gateway: str, id_: str) -> Order | None:
    row = database.row(f"SELECT {_COLUMNS} FROM command WHERE gateway = ? AND id = ?", gateway, id_.replace("\0", ""))
    return _order(*row) if row else None


def _order(body: bytes, asked: int, sent: int | None, result: bytes | None, arrived_at: int | None) -> Order:
    return Order(
        msgspec.json.decode(bytes(body), type=Command),
        moment(asked),
        moment(sent) if sent else None,
        _decode_result(bytes(result)) if result else None,
        moment(arrived_at) if arrived_at else None,
    )
