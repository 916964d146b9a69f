"""`gardu-central roster …` and `shifts …`: who works where, and when."""

from __future__ import annotations

from pathlib import Path

import click

from . import desired, roster_changes, shifts, spreadsheets
from .commands import now, who, with_database
from .config import Config
from .database import Database
from .parts import employee_ids, refresh, rulebook
from .roster import BadRoster, rows_of


@click.group()
def roster() -> None:
    """Who works where, and has which number."""


@roster.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Whoever is not in the file can not check in any more.")
@with_database
def roster_import(settings: Config, database: Database, file: Path, replace: bool) -> None:
    """Take employees from FILE, CSV or XLSX: all of it, or nothing if anything is wrong.

    Its first line names the columns nip, name, phone, gateway.
    """
    known = {id_ for (id_,) in database.rows("SELECT id FROM gateway")}
    try:
        rows = rows_of(spreadsheets.read(file.read_bytes()), known, shared=settings.policy.shared_phones)
        plan = roster_changes.apply(database, rows, replace=replace, who=who(), now=now(), ids=employee_ids(settings))
    except BadRoster as error:
        raise click.ClickException(f"{file}: nothing was imported\n{error}") from None
    changed = refresh(settings, database)
    click.echo(f"{plan.active} employees are active; news for {len(changed)} gateways.")
    if large := desired.oversized(database):
        raise click.ClickException(
            f"the list of {', '.join(large)} is more than one message holds, so these go on with the former one;"
            " divide their employees among more gateways"
        )


@click.group("shifts")
def shifts_group() -> None:
    """Who does not work by the hours of an office."""


@shifts_group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@with_database
def shifts_import(settings: Config, database: Database, file: Path) -> None:
    """Take shifts from the CSV FILE (nip, pattern, first, last): all of it, or nothing if anything is wrong."""
    patterns = rulebook(settings).patterns
    try:
        count = shifts.store(database, file.read_text(encoding="utf-8-sig"), patterns)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}: not UTF-8; save it as CSV UTF-8") from None
    except shifts.BadShifts as error:
        raise click.ClickException(f"{file}: nothing was imported\n{error}") from None
    click.echo(f"{count} shifts were imported.")
