"""`gardu-central audit …`: whether what people changed by hand is all there."""

from __future__ import annotations

import json

import click

from . import audit
from .commands import AS_JSON, with_database
from .config import Config
from .database import Database


@click.group("audit")
def audit_group() -> None:
    """What people changed by hand."""


@audit_group.command("verify")
@click.option("--expect", metavar="HASH", help="The hash that was noted for a line: it must still be there.")
@AS_JSON
@with_database
def audit_verify(settings: Config, database: Database, expect: str | None, as_json: bool) -> None:
    """Check that no line of the audit was changed or removed. Note the hash: it proves the lines up to now."""
    del settings
    verdict = audit.verify(database)
    lost = expect is not None and not audit.holds(database, expect)
    if as_json:
        click.echo(json.dumps({"lines": verdict.lines, "hash": verdict.hash, "broken": verdict.broken, "lost": lost}))
    elif verdict.broken is None:
        click.echo(f"{verdict.lines} lines hold; the last has the hash {verdict.hash}")
    if verdict.broken is not None:
        raise click.ClickException(f"line {verdict.broken} does not follow from the one before it")
    if lost:
        raise click.ClickException(f"no line has the hash {expect}: lines were cut off")
