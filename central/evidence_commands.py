"""`gardu-central verify` and `gardu-central evidence`: whether what is held is what the gateways signed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import click

from mqtt_bridge.keys import write_whole
from mqtt_bridge.phones import masked

from . import audit, fleet, proof
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .evidence import Check, Scope
from .exports import masked_nip
from .parts import gateway_keys, zone
from .proof import Proof
from .queries import Entry

SHOWN = 100  # faults in words; the others are counted
_DATE = click.DateTime(["%Y-%m-%d"])
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.option("--gateway", default="", help="Of that gateway alone.")
@click.option("--from", "since", type=_DATE, help="What came in from that day on.")
@click.option("--to", "until", type=_DATE, help="What came in until the end of that day.")
@AS_JSON
@with_database
def verify(
    settings: Config,
    database: Database,
    gateway: str,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Check all that is held against what the gateways signed: signatures, chains, every column of every record.

    Ends with 0 when all of it is proven and with 1 when anything is not; the first line says what and where. Over the
    whole store it looks at the order of the records and at the audit as well.
    """
    _known(database, gateway)
    days = zone(settings)
    scope = Scope(gateway, _midnight(since, days), _midnight(until, days, later=1))
    check = Check(database, gateway_keys(settings, database), scope)
    _finish(check, _looked(check, as_json=as_json), as_json=as_json)


@click.command("evidence")
@click.argument("receipt")
@click.option("--gateway", default="", help="Of that gateway, where the receipt came several times.")
@click.option("--date", "day", type=_DATE, help="Of that day, where the receipt came several times.")
@click.option("--html", type=_PATH, help="Write the page, to be printed or sent; in Indonesian.")
@click.option("--json", "file", type=_PATH, help="Write the file with which others check it.")
@click.option("--reveal", is_flag=True, help="With the whole NIP; that stands in the audit as well.")
@with_database
def evidence(
    settings: Config,
    database: Database,
    receipt: str,
    gateway: str,
    day: datetime | None,
    html: Path | None,
    file: Path | None,
    reveal: bool,
) -> None:
    """The proof of the check-in with that RECEIPT: what was signed, by which key, and whether it holds.

    Ends with 1 when it does not. It stands in the audit.
    """
    _known(database, gateway)
    days, keys = zone(settings), gateway_keys(settings, database)
    entry = _one(proof.named(database, receipt, gateway, day.date() if day else None, days), receipt, days)
    found = proof.of(database, keys, entry.id)
    if found is None:
        raise click.ClickException(f"the record with the receipt {receipt} went just now")
    _note(database, found, reveal=reveal)
    if html:
        write_whole(html, _page(database, days, found, reveal=reveal), 0o600)
    if file:
        write_whole(file, found.file(), 0o600)
    click.echo(_told(found, days, reveal=reveal))
    for path in filter(None, (html, file)):
        click.echo(f"Written: {path}")
    if not found.intact:
        sys.exit(1)


def _note(database: Database, found: Proof, *, reveal: bool) -> None:
    proof.note(database, found, "evidence-shown", who(), now())
    if reveal and found.employee:
        with database.transaction():
            audit.append(database, who(), "revealed", {"employee": found.employee.id}, now())


def _known(database: Database, gateway: str) -> None:
    if gateway and not fleet.exists(database, gateway):
        raise click.ClickException(f"there is no gateway {gateway}; see gardu-central gateway list")


def _one(found: list[Entry], receipt: str, zone: ZoneInfo) -> Entry:
    if not found:
        raise click.ClickException(f"no record has the receipt {receipt}; it stands in the answer to the check-in")
    if len(found) > 1:
        places = "\n".join(f"  --gateway {each.gateway} --date {each.at.astimezone(zone):%Y-%m-%d}" for each in found)
        raise click.ClickException(f"{len(found)} records have the receipt {receipt}; say which:\n{places}")
    return found[0]


def _page(database: Database, zone: ZoneInfo, found: Proof, *, reveal: bool) -> bytes:
    from .web.evidence import standing_alone  # only whoever wants the page needs a web server's libraries
    from .web.office import Office

    return standing_alone(Office(database, zone), found, reveal=reveal).encode()


def _told(found: Proof, zone: ZoneInfo, *, reveal: bool) -> str:
    entry, batch = found.entry, found.batch
    who_is = entry.employee if not entry.employee.startswith("+") else masked(entry.employee)
    if found.employee:
        nip = found.employee.nip if reveal else masked_nip(found.employee.nip)
        who_is = f"{found.employee.name}, NIP {nip}, {entry.employee}"
    lines = {
        "receipt": entry.receipt,
        "employee": who_is,
        "statement": f"{entry.action} by {entry.channel}, presence code: {entry.presence}",
        "flags": " ".join(entry.flags),
        "at": entry.at.astimezone(zone).isoformat(),
        "received": entry.received.astimezone(zone).isoformat(),
        "stored": entry.stored.astimezone(zone).isoformat(),
        "gateway": entry.gateway,
        "certificate": found.certificate,
        "journal": f"{entry.journal}, record {entry.seq} of {found.held}",
        "batch": f"{batch.id}, records {batch.first} to {batch.last}" if batch else "",
        "hash before": found.before,
        "hash": found.after,
        "signed": f"{len(found.signed)} bytes, SHA-256 {found.digest}" if batch else "",
        "signature": found.signature,
        "key": found.fingerprint,
    }
    told = [f"{name + ':':13}{value}" for name, value in lines.items() if value]
    return "\n".join([*told, _verdict(found)])


def _verdict(found: Proof) -> str:
    if found.intact:
        return "Intact: it is what the gateway signed."
    if found.batch is None:
        return "Not proven: the batch that was signed is not held any more (retention), or never was."
    return "\n".join(["Not intact:", *map(str, found.faults)])


def _midnight(day: datetime | None, days: ZoneInfo, later: int = 0) -> datetime | None:
    return datetime.combine(day.date() + timedelta(days=later), time(), days) if day else None


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
        self._begun = monotonic()
        self._shown = sys.stderr.isatty()
        self._last = 0.0

    def __call__(self) -> None:
        now = monotonic()
        if not self._shown or now - self._last < 0.2:
            return
        self._last = now
        done, total = self._check.records, max(1, self._check.total)
        pace = done / max(0.001, now - self._begun)
        click.echo(f"\r{done:,} of {total:,} records, {100 * done // total} %, {pace:,.0f}/s ", err=True, nl=False)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
