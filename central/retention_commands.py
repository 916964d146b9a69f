"""`gardu-central retention …` and `gardu-central person …`: what goes when its time has come, and who is erased."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from . import retention
from .commands import AS_JSON, Decorator, now, who
from .config import Config
from .database import Database


def groups(with_database: Decorator, refresh: Callable[[Config, Database], object]) -> list[click.Group]:
    """The commands; `with_database` gives each the settings and the database, `refresh` tells the gateways."""
    sure = click.option("--yes", is_flag=True, help="Do it; without, only say what would be done.")

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

    keeping = click.Group("retention", help="How long things are kept.")
    keeping.command("run")(sure(AS_JSON(with_database(run))))
    one = click.Group("person", help="One employee.")
    because = click.option("--reason", required=True, help="For the audit: such as the number of the request.")
    one.command("erase")(click.argument("person")(because(sure(with_database(erase)))))
    return [keeping, one]
