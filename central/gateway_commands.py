"""`gardu-central gateway …`, and what goes with them: the broker's files, and what was put aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from mqtt_bridge.enrolment import mark, readable
from mqtt_bridge.keys import load_public, write_whole
from mqtt_bridge.records import PresenceRule

from . import enrolments, fleet, labels, mosquitto, qr, queries
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database, moment
from .enrolments import GATEWAY_ID
from .mosquitto import REVOKED
from .parts import authority, broker_address, broker_folder, enrolment_url, refresh, registrar, zone

PRESENCE = [*(rule.value for rule in PresenceRule), "policy"]


@click.group()
def gateway() -> None:
    """The gateways that may deliver."""


@gateway.command("add")
@click.argument("name")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365), help="How long the token is good.")
@click.option("--replace", is_flag=True, help="Other hardware takes the place of the one that is enrolled.")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="No token: take its public key as it is.")
@click.option("--presence", type=click.Choice(PRESENCE), help="Whether its office needs codes.")
@click.option("--serves-all/--serves-own", default=None, help="Whether it knows the employees of all offices (USSD).")
@AS_JSON
@with_database
def gateway_add(
    settings: Config,
    database: Database,
    name: str,
    days: int,
    replace: bool,
    key: Path | None,
    presence: str | None,
    serves_all: bool | None,
    as_json: bool,
) -> None:
    """Make the gateway NAME known, such as dinkes-01, and a token with which it enrols once."""
    if not GATEWAY_ID.fullmatch(name):
        raise click.BadParameter("small letters, digits and hyphens only, such as dinkes-01", param_hint="NAME")
    office = registrar(settings, database)
    if key:
        enrolments.admit(database, office, name, load_public(key), who(), now(), replace=replace)
        made = None
    else:
        made = enrolments.invite(database, office, name, days, who(), now(), replace=replace)
    fleet.set_up(database, name, presence, serves_all, who(), now())
    refresh(settings, database)
    if made is None:
        click.echo(f"{name} is known by its key.")
    else:
        _show_token(name, enrolment_url(settings), str(made), days, as_json=as_json)


def _label(database: Database, gateway: str, label: str | None, number: str | None, tags: Sequence[str]) -> None:
    """An empty tag takes all away."""
    held = labels.read(database, gateway)
    wanted = labels.labels(
        held.name if label is None else label, held.number if number is None else number, tags or held.tags
    )
    labels.change(database, gateway, wanted, who(), now())


@gateway.command("set")
@click.argument("name")
@click.option("--presence", type=click.Choice(PRESENCE), help="Whether its office needs codes.")
@click.option("--serves-all/--serves-own", default=None, help="Whether it knows the employees of all offices (USSD).")
@click.option("--label", help="What people call it, such as 'Dinas Kesehatan'.")
@click.option("--number", help="The number of its SIM.")
@click.option("--tag", "tags", multiple=True, help="By which it is found; may be repeated. Replaces those it had.")
@with_database
def gateway_set(
    settings: Config,
    database: Database,
    name: str,
    presence: str | None,
    serves_all: bool | None,
    label: str | None,
    number: str | None,
    tags: tuple[str, ...],
) -> None:
    """Change what is known of the gateway NAME."""
    if not fleet.exists(database, name):
        raise click.ClickException(f"there is no gateway {name}")
    _label(database, name, label, number, tags)
    fleet.set_up(database, name, presence, serves_all, who(), now())
    changed = refresh(settings, database)
    click.echo(f"{name} is set up; news for {len(changed)} gateways.")


def _show_token(name: str, url: str, token: str, days: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"gateway": name, "url": url, "token": token, "days": days}))
        return
    click.echo(f"{name} can enrol within {days} days, once. On the gateway:\n\n  gardu-gateway enrol {url} {token}\n")
    qr.show(f"{url} {token}")
    click.echo("The token is shown this once.")


@gateway.command("sign")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the answer goes.")
@click.option("--replace", is_flag=True, help="Other hardware takes the place of the one that is enrolled.")
@with_database
def gateway_sign(settings: Config, database: Database, file: Path, out: Path, replace: bool) -> None:
    """Answer the request FILE that was carried here from a gateway without a network."""
    office = registrar(settings, database)
    answer = enrolments.sign(database, office, file.read_bytes(), who(), now(), replace=replace)
    write_whole(out, answer, 0o644)
    refresh(settings, database)
    click.echo(f"On the gateway: gardu-gateway enrol --answer {out.name}")
    click.echo(f"Request {readable(mark(file.read_bytes()))}; central {readable(office.fingerprint)}")


@gateway.command("revoke")
@click.argument("name")
@click.option("--reason", required=True, help="Such as: stolen.")
@with_database
def gateway_revoke(settings: Config, database: Database, name: str, reason: str) -> None:
    """Nothing of the gateway NAME counts any more."""
    if not fleet.exists(database, name):
        raise click.ClickException(f"there is no gateway {name}")
    ended = enrolments.revoke(database, registrar(settings, database), name, reason, who(), now())
    click.echo(f"{name} is revoked, with {ended} certificates. What it recorded before stays.")
    if settings.broker.tls:
        click.echo(f"Now the broker: systemctl restart mosquitto ({broker_folder(settings) / REVOKED} is new;")
        click.echo("a reload would do as well, but leaves a connection open that is there now)")


@gateway.command("enrolments")
@AS_JSON
@with_database
def gateway_enrolments(settings: Config, database: Database, as_json: bool) -> None:
    """Every attempt to enrol, renewal and revocation, the latest first."""
    del settings
    names = ("at", "gateway", "origin", "outcome", "detail")
    rows = database.rows("SELECT at, gateway, origin, outcome, detail FROM enrolment ORDER BY id DESC")
    found = [dict(zip(names, (moment(row[0]).isoformat(), *row[1:]), strict=True)) for row in rows]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        click.echo("{at:.19}Z  {gateway:20} {origin:16} {outcome:24} {detail}".format(**each).rstrip())


@gateway.command("list")
@AS_JSON
@with_database
def gateway_list(settings: Config, database: Database, as_json: bool) -> None:
    """All gateways with their state, worst first."""
    found = queries.gateways(database, now(), zone(settings))
    if as_json:
        plain = [
            {
                "id": each.id,
                "state": each.condition.state,
                "reason": each.condition.reason,
                "provisional": each.provisional,
            }
            for each in found
        ]
        click.echo(json.dumps(plain, indent=2))
        return
    for each in found:
        by_sms = f" ({each.provisional} provisional records by SMS)" if each.provisional else ""
        click.echo(f"{each.id:20} {each.condition.state:6} {each.condition.reason}{by_sms}".rstrip())


@click.command("broker-config")
@click.option("--out", type=click.Path(path_type=Path), help="Another folder than broker.config_dir.")
@click.option("--name", "names", multiple=True, help="A name or address of the broker; may be given several times.")
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens; else as gateways reach it.")
@with_database
def broker_config(
    settings: Config, database: Database, out: Path | None, names: tuple[str, ...], port: int | None
) -> None:
    """Write what mosquitto needs to be the broker: settings, access rules, certificates."""
    address = broker_address(settings)
    folder = (out or broker_folder(settings)).resolve()
    known = tuple(dict.fromkeys((*names, address.host, settings.broker.host)))
    written = mosquitto.write(folder, authority(settings), known, port or address.port, now())
    registrar(settings, database, folder).publish_revocations(now())
    for path in written:
        click.echo(path)
    click.echo(f"Its certificate is good for {', '.join(known)}. Next: docs/trust.md, The broker.")


@click.command("quarantine")
@AS_JSON
@with_database
def quarantine(settings: Config, database: Database, as_json: bool) -> None:
    """What was put aside instead of being stored, and why: the latest first."""
    del settings
    rows = database.rows("SELECT gateway, reason, times, seen FROM quarantine ORDER BY seen DESC")
    names = ("gateway", "reason", "times", "seen")
    found = [dict(zip(names, (*row[:3], moment(row[3]).isoformat()), strict=True)) for row in rows]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        click.echo(f"{each['seen'][:19]}Z  {each['gateway']:20} {each['times']:6}×  {each['reason']}")
    if not found:
        click.echo("Nothing was put aside.")
