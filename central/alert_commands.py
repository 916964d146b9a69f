"""`gardu-central alerts …` and `gardu-central maintenance …`: what is wrong, who is told, and where people work."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from . import alerts, channels, maintenance, notices, outbox, sightings
from .alert_life import Alert
from .alert_watch import Plan
from .alerting import named
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .maintenance import Kind, Window
from .parts import broker_folder, enrolment_url, zone

_SPAN = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def plan(settings: Config) -> Plan:
    """Raises `ConfigError`."""
    wanted = settings.alerts
    return Plan(
        terms=wanted.terms,
        zone=zone(settings),
        channels=channels.load(wanted.channels),
        settle=timedelta(seconds=wanted.group_seconds),
        digest=wanted.digest,
        page=f"{enrolment_url(settings).rstrip('/')}/alerts",
        data_dir=Path(settings.central.data_dir),
        broker_certificate=broker_folder(settings) / "server.crt" if settings.broker.tls else None,
        heartbeat=wanted.heartbeat,
        heartbeat_every=timedelta(minutes=wanted.heartbeat_minutes),
    )


@click.group("alerts")
def watch() -> None:
    """What is wrong, and who is told of it."""


@click.group("maintenance")
def work() -> None:
    """Times in which people work on gateways: nobody is told of them then."""


@watch.command("list")
@AS_JSON
@with_database
def show(settings: Config, database: Database, as_json: bool) -> None:
    """What is open, worst first."""
    found = alerts.firing(database)
    if as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2))
        return
    for each in found:
        since = f"{each.since.astimezone(zone(settings)):%d/%m %H:%M}"
        seen = f"  [{each.acknowledged_by}: {each.note}]" if each.acknowledged_by else ""
        click.echo(f"{each.id:5} {each.severity:9} {since}  {named(each.subject):20} {each.text}{seen}")
        click.echo(f"{'':30}→ {each.remedy}")
    if not found:
        click.echo("Nothing is open.")


def _plain(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id, "rule": alert.rule, "subject": alert.subject, "severity": alert.severity,
        "state": alert.state, "text": alert.text, "remedy": alert.remedy, "since": alert.since.isoformat(),
        "acknowledged_by": alert.acknowledged_by, "note": alert.note,
    }  # fmt: skip


@watch.command("ack")
@click.argument("number", type=int)
@click.option("--note", default="", help="What is done.")
@with_database
def ack(settings: Config, database: Database, number: int, note: str) -> None:
    """Say that somebody sees to the alert NUMBER: nobody is told of it again until it is over."""
    del settings
    alerts.acknowledge(database, number, who(), note, now())
    click.echo(f"Alert {number} is acknowledged.")


@watch.command("test")
@click.argument("channel")
@with_database
def test(settings: Config, database: Database, channel: str) -> None:
    """Send a test message to CHANNEL."""
    del database
    known = {each.name: each for each in channels.load(settings.alerts.channels)}
    if channel not in known:
        names = ", ".join(known) or "none: add [[alerts.channels]] to the settings"
        raise click.ClickException(f"there is no channel {channel}; there is {names}")
    message = notices.test(channel)
    problem = channels.send(known[channel], message.title, message.body)
    if problem:
        raise click.ClickException(f"{channel} did not take it: {problem}")
    click.echo(f"{channel} took it.")


@watch.command("digest")
@with_database
def digest(settings: Config, database: Database) -> None:
    """Print the morning's message as it would be now."""
    sights = list(sightings.gateways(database, now()).values())
    message = notices.digest(alerts.firing(database), sights, zone(settings), now(), "", settings.alerts.sim_days)
    click.echo(f"{message.title}\n\n{message.body}")


@watch.command("channels")
@AS_JSON
@with_database
def told(settings: Config, database: Database, as_json: bool) -> None:
    """Who is told, and how it goes."""
    kept = outbox.health(database)
    found = []
    for each in channels.load(settings.alerts.channels):
        health = kept.get(each.name, outbox.Health(each.name))
        found.append({
            "name": each.name, "kind": each.kind, "severity": each.severity, "failures": health.failures,
            "problem": health.problem, "sent": health.sent.isoformat() if health.sent else None,
        })  # fmt: skip
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        state = f"failed {one['failures']} times: {one['problem']}" if one["failures"] else "well"
        click.echo(f"{one['name']:20} {one['kind']:10} {one['severity']:9} {state}")


@work.command("list")
@AS_JSON
@with_database
def windows(settings: Config, database: Database, as_json: bool) -> None:
    """Those that hold or are to come."""
    local = zone(settings)
    found = maintenance.coming(database, now())
    if as_json:
        click.echo(json.dumps([_plain_window(each) for each in found], indent=2))
        return
    for each in found:
        times = " to ".join(f"{at.astimezone(local):%d/%m/%Y %H:%M}" for at in (each.since, each.until))
        click.echo(f"{each.id:5} {times}  {f'{each.kind} {each.target}'.strip():24} {each.who}: {each.why}")


def _plain_window(window: Window) -> dict[str, Any]:
    return {
        "id": window.id, "kind": window.kind, "target": window.target, "since": window.since.isoformat(),
        "until": window.until.isoformat(), "who": window.who, "why": window.why,
    }  # fmt: skip


@work.command("add")
@click.option("--gateway", default="", help="This gateway.")
@click.option("--tag", default="", help="All gateways with this tag.")
@click.option("--all", "everything", is_flag=True, help="All gateways, and central.")
@click.option("--from", "begin", default="", metavar="TIME", help="2026-11-30T08:00, local; else now.")
@click.option("--for", "span", default="2h", show_default=True, help="Such as 30m, 2h or 1d.")
@click.option("--why", required=True, help="What is done there.")
@with_database
def add(
    settings: Config, database: Database, gateway: str, tag: str, everything: bool, begin: str, span: str, why: str
) -> None:
    """Begin a maintenance now or at a time."""
    chosen = [(Kind.GATEWAY, gateway), (Kind.TAG, tag), (Kind.ALL, "all" if everything else "")]
    given = [(kind, target) for kind, target in chosen if target]
    if len(given) != 1:
        raise click.ClickException("name either --gateway, --tag or --all")
    since = _time(begin, zone(settings))
    made = maintenance.add(database, *given[0], since, since + _span(span), who(), why, now())
    until = made.until.astimezone(zone(settings))
    click.echo(f"Maintenance {made.id} until {until:%d/%m/%Y %H:%M}.")


@work.command("end")
@click.argument("number", type=int)
@with_database
def end(settings: Config, database: Database, number: int) -> None:
    """End the maintenance NUMBER before its time."""
    del settings
    maintenance.end(database, number, who(), now())
    click.echo(f"Maintenance {number} has ended.")


def _time(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        return now()
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"--from {text}: write it like 2026-11-30T08:00") from None
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if not found:
        raise click.ClickException(f"--for {text}: write it like 30m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
