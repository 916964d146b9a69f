"""`gardu-central verify`: whether all that is held is what the gateways signed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from .commands import AS_JSON, Decorator
from .config import Config
from .database import Database
from .evidence import Check, Scope
from .keys import GatewayKeys

SHOWN = 100  # faults in words; the others are counted
_DATE = click.DateTime(["%Y-%m-%d"])


def commands(
    with_database: Decorator,
    keys_of: Callable[[Config, Database], GatewayKeys],
    zone_of: Callable[[Config], ZoneInfo],
) -> list[click.Command]:
    """The commands; `with_database` gives each the settings and the database."""

    def verify(
        settings: Config,
        database: Database,
        gateway: str,
        since: datetime | None,
        until: datetime | None,
        as_json: bool,
    ) -> None:
        """Check all that is held against what the gateways signed: signatures, chains, every column of every record.

        Ends with 0 when all of it is proven and with 1 when anything is not; the first line says what and where. Over
        the whole store it looks at the order of the records and at the audit as well.
        """
        if gateway and not database.row("SELECT 1 FROM gateway WHERE id = ?", gateway):
            raise click.ClickException(f"there is no gateway {gateway}; see gardu-central gateway list")
        zone = zone_of(settings)
        scope = Scope(gateway, _midnight(since, zone), _midnight(until, zone, days=1))
        check = Check(database, keys_of(settings, database), scope)
        _finish(check, _looked(check, as_json=as_json), as_json=as_json)

    command = click.command("verify")(AS_JSON(_narrowed(with_database(verify))))
    return [command]


def _narrowed(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--to", "until", type=_DATE, help="What came in until the end of that day.")(command)
    command = click.option("--from", "since", type=_DATE, help="What came in from that day on.")(command)
    return click.option("--gateway", default="", help="Of that gateway alone.")(command)


def _midnight(day: datetime | None, zone: ZoneInfo, days: int = 0) -> datetime | None:
    return datetime.combine(_day(day, days), datetime.min.time(), zone) if day else None


def _day(day: datetime, later: int) -> date:
    return day.date() + timedelta(days=later)


def _looked(check: Check, *, as_json: bool) -> list[dict[str, Any]]:
    """The faults, told as they are found; of very many the first are kept."""
    progress = _Progress(check)
    found: list[dict[str, Any]] = []
    for fault in check.faults(progress):
        found.append(asdict(fault) if len(found) < SHOWN else {})
        if not as_json and len(found) <= SHOWN:
            progress.clear()
            click.echo(str(fault))
    progress.clear()
    return found


def _finish(check: Check, found: list[dict[str, Any]], *, as_json: bool) -> None:
    counts = {
        "records": check.records, "batches": check.batches, "audit": check.lines, "unproven": check.removed,
        "erased": check.erased, "faults": len(found),
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps({**counts, "found": found[:SHOWN]}, indent=2))
    elif found:
        click.echo(
            f"Not intact: {len(found)} faults; {check.records} records in {check.batches} batches were checked"
        )
    else:
        click.echo(_intact(check))
    if found:
        sys.exit(1)


def _intact(check: Check) -> str:
    text = f"Intact: {check.records} records in {check.batches} batches are what the gateways signed"
    text += f", and {check.lines} lines of the audit hold." if check.lines else "."
    if check.removed:
        text += f" {check.removed} older records have no batch any more (retention): nothing is said of them."
    if check.erased:
        text += f" {check.erased} requests lost their number by an erasure."
    return text


class _Progress:
    """One line on a terminal, written over again; nothing elsewhere."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._begun = time.monotonic()
        self._shown = sys.stderr.isatty()
        self._last = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if not self._shown or now - self._last < 0.2:
            return
        self._last = now
        done, total = self._check.records, max(1, self._check.total)
        pace = done / max(0.001, now - self._begun)
        click.echo(f"\r{done:,} of {total:,} records, {100 * done // total} %, {pace:,.0f}/s ", err=True, nl=False)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
