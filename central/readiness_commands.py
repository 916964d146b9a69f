"""`gardu-central readiness …`: by when offices are to be ready, and which are."""

from __future__ import annotations

import json
from datetime import date, datetime

import click

from . import fleet, readiness, readiness_facts
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .parts import zone


@click.group("readiness")
def group() -> None:
    """Which offices are ready to begin."""


@group.command("deadline")
@click.argument("day", required=False, type=click.DateTime(["%Y-%m-%d"]), metavar="[DATE]")
@click.option("--gateway", default="", help="For that office alone.")
@click.option("--remove", is_flag=True, help="There is none any more.")
@with_database
def deadline(settings: Config, database: Database, day: datetime | None, gateway: str, remove: bool) -> None:
    """Offices are to be ready by DATE, such as 2026-12-01."""
    del settings
    if (day is None) != remove:
        raise click.UsageError("give a DATE such as 2026-12-01, or --remove")
    if gateway and not fleet.exists(database, gateway):
        raise click.ClickException(f"there is no gateway {gateway}; see gardu-central gateway list")
    readiness_facts.set_deadline(database, gateway, day.date() if day else None, who(), now())
    click.echo(f"{gateway or 'All offices'}: {f'by {day:%Y-%m-%d}' if day else 'no deadline any more'}.")


@group.command("list")
@AS_JSON
@with_database
def show(settings: Config, database: Database, as_json: bool) -> None:
    """Every office with what keeps it, worst first."""
    found = readiness.worst_first(readiness.judge(each, now()) for each in readiness_facts.every(database))
    today = now().astimezone(zone(settings)).date()
    if as_json:
        click.echo(json.dumps([_plain(row) for row in found], indent=2))
        return
    sum_ = readiness.summary(found, readiness_facts.deadlines(database).get(readiness_facts.CITY), today)
    click.echo(f"{sum_.ready} of {sum_.total} offices are ready{_left(sum_.days_left)}.")
    for row in found:
        click.echo(f"{row.gateway:20} {'; '.join(cell.reason for cell in row.open) or 'ready'}")


def _left(days: int | None) -> str:
    return "" if days is None else f", {days} days left" if days >= 0 else f", {-days} days late"


def _plain(row: readiness.Row) -> dict[str, object]:
    day: date | None = row.deadline
    return {
        "gateway": row.gateway,
        "ready": row.ready,
        "deadline": day.isoformat() if day else None,
        "checks": {cell.check: {"mark": cell.mark, "reason": cell.reason, "step": cell.step} for cell in row.cells},
    }
