"""`gardu-central retention …` and `gardu-central person …`: what goes when its time has come, and who is erased."""

from __future__ import annotations

import json

import click

from . import retention
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .parts import refresh

_SURE = click.option("--yes", is_flag=True, help="Do it; without, only say what would be done.")


@click.group("retention")
def keeping() -> None:
    """How long things are kept."""


@click.group("person")
def person() -> None:
    """One employee."""


@keeping.command("run")
@_SURE
@AS_JSON
@with_database
def run(settings: Config, database: Database, yes: bool, as_json: bool) -> None:
    """Remove what is kept longer than [retention] says."""
    if yes:
        found = retention.run(database, settings.retention, who(), now())
        refresh(settings, database)
    else:
        found = retention.due(database, settings.retention, now())
    if as_json:
        plain = [{"what": each.what, "before": each.before.isoformat(), "count": each.count} for each in found]
        click.echo(json.dumps({"removed": yes, "found": plain}, indent=2))
        return
    for each in found:
        click.echo(f"{each.what:12} before {each.before:%Y-%m-%d}: {each.count}{'' if yes else ' would go'}")
    if not found:
        click.echo("Everything is kept: no period is set in [retention].")


@person.command("erase")
@click.argument("person")
@click.option("--reason", required=True, help="For the audit: such as the number of the request.")
@_SURE
@with_database
def erase(settings: Config, database: Database, person: str, reason: str, yes: bool) -> None:
    """Erase name, NIP and number of PERSON, by NIP or opaque id. Their records stay under the opaque id."""
    found = retention.find(database, person)
    if found is None:
        raise click.ClickException("nobody has that NIP or id")
    if not yes:
        click.echo(
            f"{found.employee} would lose name, NIP and number; {found.records} records stay,"
            f" {found.requests} requests of the number lose it. With --yes it is done."
        )
        return
    retention.erase(database, found, reason, who(), now())
    refresh(settings, database)
    click.echo(f"{found.employee} is erased; {found.records} records stay under that id.")
