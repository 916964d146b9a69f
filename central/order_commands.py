"""`gardu-central command …`: what gateways are told to do."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from mqtt_bridge.commands import CommandName

from . import orders
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .orders import Order, State

LOOK_EVERY = 0.5  # seconds
SHOWN = 50


@click.group("command")
def order() -> None:
    """What gateways are told to do, and what came of it."""


@order.command("send")
@click.argument("gateway")
@click.argument("kind", type=click.Choice([name.value for name in CommandName]))
@click.argument("argument", default="")
@click.option("--wait", is_flag=True, help="Until it is answered; fails unless it was done.")
@with_database
def send(settings: Config, database: Database, gateway: str, kind: str, argument: str, wait: bool) -> None:
    """Have GATEWAY do KIND: ping, diagnostics, restart-modem, sms TO, ussd CODE, resend FROM_SEQ.

    TO is own (to its own SIM and back), central, or one of central.it_numbers. An SMS and a code may cost: five an
    hour. It expires after 15 minutes, and is carried out at most once.
    """
    del settings
    asked = orders.ask(database, gateway, CommandName(kind), argument, who(), now())
    if not wait:
        click.echo(asked.id)
        return
    answered = _wait(database, gateway, asked.id)
    click.echo(_line(answered))
    if answered.result and answered.result.text:
        click.echo(answered.result.text)
    if answered.result is None or answered.result.ending != "done":
        raise click.exceptions.Exit(1)


def _wait(database: Database, gateway: str, id_: str) -> Order:
    while True:
        order = orders.one(database, gateway, id_)
        if order is None:
            raise click.ClickException("the command is gone from the database")
        if order.state(now()) not in (State.WAITING, State.SENT):
            return order
        time.sleep(LOOK_EVERY)


@order.command("list")
@click.option("--gateway", default="")
@AS_JSON
@with_database
def show(settings: Config, database: Database, gateway: str, as_json: bool) -> None:
    """The last commands, the newest first."""
    del settings
    found = orders.latest(database, SHOWN, gateway)
    if as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(_line(each))


def _line(order: Order) -> str:
    told = _plain(order)
    facts = " ".join(f"{name}={value}" for name, value in told["facts"].items())
    line = "{asked:%Y-%m-%d %H:%M:%S} {gateway:16} {name:13} {state:8} {code}".format(
        **{**told, "asked": order.asked, "code": told["code"] or ""}
    )
    return f"{line} {facts}".rstrip()


def _plain(order: Order) -> dict[str, Any]:
    command, result = order.command, order.result
    return {
        "id": command.id, "gateway": command.gateway, "name": command.name, "arguments": command.arguments,
        "by": command.by, "asked": order.asked.isoformat(), "state": order.state(now()).value,
        "ending": result.ending.value if result else None, "code": result.code if result else None,
        "arrived": order.arrived.isoformat() if order.arrived else None,
        "facts": result.facts if result else {}, "text": result.text if result else "",
    }  # fmt: skip
