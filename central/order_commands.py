"""`gardu-central command …`: what gateways are told to do."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from mqtt_bridge.commands import CommandName

from . import orders
from .commands import AS_JSON, Decorator, now, who
from .config import Config
from .database import Database
from .orders import Order, State
from .refusal import Refusal

LOOK_EVERY = 0.5  # seconds
SHOWN = 50


def group(with_database: Decorator) -> click.Group:
    """The commands; `with_database` gives each the settings and the database."""
    made = click.Group("command", help="What gateways are told to do, and what came of it.")
    made.command("send")(_arguments(with_database(_send)))
    made.command("list")(AS_JSON(click.option("--gateway", default="")(with_database(_list))))
    return made


def _arguments(command: Any) -> Any:
    command = click.option("--wait", is_flag=True, help="Until it is answered; fails unless it was done.")(command)
    for name, more in (
        ("argument", {"default": ""}),
        ("kind", {"type": click.Choice([name.value for name in CommandName])}),
        ("gateway", {}),
    ):
        command = click.argument(name, **more)(command)
    return command


def _send(settings: Config, database: Database, gateway: str, kind: str, argument: str, wait: bool) -> None:
    """Have GATEWAY do KIND: ping, diagnostics, restart-modem, sms TO, ussd CODE, resend FROM_SEQ.

    TO is own (to its own SIM and back), central, or one of central.it_numbers. An SMS and a code may cost: five an
    hour. It expires after 15 minutes, and is carried out at most once.
    """
    del settings
    try:
        asked = orders.ask(database, gateway, CommandName(kind), argument, who(), now())
    except Refusal as error:
        raise click.ClickException(str(error)) from None
    if not wait:
        click.echo(asked.id)
        return
    order = _wait(database, gateway, asked.id)
    click.echo(_line(order))
    if order.result and order.result.text:
        click.echo(order.result.text)
    if order.result is None or order.result.ending != "done":
        raise click.exceptions.Exit(1)


def _wait(database: Database, gateway: str, id_: str) -> Order:
    while True:
        order = orders.one(database, gateway, id_)
        if order is None:
            raise click.ClickException("the command is gone from the database")
        if order.state(now()) not in (State.WAITING, State.SENT):
            return order
        time.sleep(LOOK_EVERY)


def _list(settings: Config, database: Database, gateway: str, as_json: bool) -> None:
    """The last commands, the newest first."""
    del settings
    found = orders.latest(database, SHOWN, gateway)
    if as_json:
        click.echo(json.dumps([_plain(order) for order in found], indent=2))
        return
    for order in found:
        click.echo(_line(order))


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
