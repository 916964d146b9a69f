"""`gardu-central webhook …`: who is told of new records."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from . import deliveries, endpoints, webhooks
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .deliveries import Count
from .endpoints import Endpoint


@click.group("webhook")
def webhook() -> None:
    """Programs that are told of new records."""


def with_endpoint(command: Callable[..., None]) -> Callable[..., None]:
    """A command about the program NAME."""

    @click.argument("name")
    @with_database
    @wraps(command)
    def wrapper(settings: Config, database: Database, name: str, **options: Any) -> None:
        command(settings, database, endpoints.named(database, name), **options)

    return wrapper


@webhook.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--from-start", is_flag=True, help="Also of all records that are there already.")
@with_database
def add(settings: Config, database: Database, name: str, url: str, from_start: bool) -> None:
    """Tell the program NAME at URL of new records. Its secret is shown this once."""
    allowed = webhooks.rules(settings.webhooks)
    click.echo(endpoints.add(database, name, url, allowed, who(), now(), from_start=from_start).secret)


@webhook.command("list")
@AS_JSON
@with_database
def show(settings: Config, database: Database, as_json: bool) -> None:
    """Who is told, and what waits for them."""
    del settings
    counts = deliveries.counts(database)
    found = [_plain(each, counts.get(each.id, Count())) for each in endpoints.everyone(database)]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        click.echo("{name:20} {waiting:6} waiting {dead:6} dead  {url}  {state}".format(**each).rstrip())


def _plain(endpoint: Endpoint, count: Count) -> dict[str, Any]:
    state = f"disabled: {endpoint.disabled}" if endpoint.disabled else endpoint.problem
    return {
        "name": endpoint.name, "url": endpoint.url, "waiting": count.waiting, "dead": count.dead,
        "delivered": endpoint.delivered, "state": state,
    }  # fmt: skip


@webhook.command("disable")
@with_endpoint
def disable(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """Send the program NAME nothing until it is enabled; what comes meanwhile waits."""
    del settings
    endpoints.disable(database, endpoint, "by command", who(), now())
    click.echo(f"{endpoint.name} is disabled.")


@webhook.command("enable")
@with_endpoint
def enable(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """Send the program NAME what waits, and go on."""
    del settings
    endpoints.enable(database, endpoint, who(), now())
    click.echo(f"{endpoint.name} is enabled.")


@webhook.command("rotate")
@with_endpoint
def rotate(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """A new secret for the program NAME, shown this once; the former one signs beside it for a day."""
    del settings
    click.echo(endpoints.rotate(database, endpoint, who(), now()))


@webhook.command("remove")
@with_endpoint
def remove(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """Forget the program NAME, and what waits for it."""
    del settings
    endpoints.remove(database, endpoint, who(), now())
    click.echo(f"{endpoint.name} is removed.")


@webhook.command("test")
@with_endpoint
def test(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """Send the program NAME an event of the type `test`."""
    del database
    outcome = webhooks.test(endpoint, webhooks.rules(settings.webhooks), now())
    if not outcome.ok:
        raise click.ClickException(f"{endpoint.name} did not take it: {outcome.problem}")
    click.echo(f"{endpoint.name} took it.")


@webhook.command("dead")
@with_endpoint
def dead(settings: Config, database: Database, endpoint: Endpoint) -> None:
    """What the program NAME did not take in three days."""
    del settings
    for each in deliveries.dead(database, endpoint):
        click.echo(f"record {each.record:8}  {each.attempts} attempts  {each.problem}")


@webhook.command("resend")
@click.option("--record", type=int, help="Only that one, by its id.")
@with_endpoint
def resend(settings: Config, database: Database, endpoint: Endpoint, record: int | None) -> None:
    """Send the program NAME again what it did not take."""
    del settings
    count = deliveries.resend(database, endpoint, who(), now(), record)
    click.echo(f"{count} records wait again for {endpoint.name}.")
