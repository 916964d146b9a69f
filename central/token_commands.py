"""`gardu-central token …`: programs that may use the API."""

from __future__ import annotations

import json

import click

from . import access
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database


@click.group()
def token() -> None:
    """Programs that may use the API."""


@token.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in access.Scope]),
    default=[scope.value for scope in access.USUAL_SCOPES], show_default=True,
    help="What it may do; may be given several times.",
)  # fmt: skip
@AS_JSON
@with_database
def token_add(settings: Config, database: Database, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token for the program NAME. It is shown this once; a former one of that name ends."""
    del settings
    made = access.add_token(database, name, who(), now(), [access.Scope(scope) for scope in scopes])
    click.echo(json.dumps({"name": name, "token": made, "scopes": list(scopes)}) if as_json else made)


@token.command("list")
@AS_JSON
@with_database
def token_list(settings: Config, database: Database, as_json: bool) -> None:
    """Who has a token, and what it may do."""
    del settings
    found = [
        {"name": each.name, "scopes": sorted(each.scopes), "since": since.isoformat()}
        for each, since in access.programs(database)
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        click.echo(f"{one['name']:20} {one['since']:.19}Z  {' '.join(one['scopes'])}")


@token.command("remove")
@click.argument("name")
@with_database
def token_remove(settings: Config, database: Database, name: str) -> None:
    """The token of the program NAME ends."""
    del settings
    if not access.remove_token(database, name, who(), now()):
        raise click.ClickException(f"there is no token {name}")
    click.echo(f"The token {name} is no more.")
