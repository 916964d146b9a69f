"""`gardu-central`: builds the parts, runs them, and shuts them down in reverse."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_bridge import cli, logs
from mqtt_bridge.client import MqttLink, Problem, Tls
from mqtt_bridge.enrolment import mark, readable
from mqtt_bridge.keys import load_or_make, load_or_make_sealing, load_public, write_whole
from mqtt_bridge.loop import Loop
from mqtt_bridge.records import PresenceRule
from mqtt_bridge.sealing import public_text
from mqtt_bridge.settings import ConfigError, writable_folder
from mqtt_bridge.topics import UPLINK

from . import (
    access,
    audit,
    commands,
    config,
    desired,
    evidence,
    fleet,
    labels,
    mosquitto,
    qr,
    queries,
    retention_commands,
    roster_changes,
    rulebooks,
    shifts,
    spreadsheets,
    user_commands,
    webhook_commands,
)
from .authority import Authority, collector_files
from .collector import Collector
from .config import Config
from .database import Database, StorageError, moment, sqlite_url
from .keys import GatewayKeys
from .labels import LabelRefusal
from .mosquitto import REVOKED
from .policy import BadPolicy, Rulebook
from .registrar import Address, Declined, Registrar
from .roster import BadRoster, rows_of
from .webhooks import Webhooks, rules

log = structlog.get_logger(__name__)

PAUSE = 0.5  # seconds between two looks at what is to be told
UPLINK_PAUSE = 2.0
COUNTING_PAUSE = 60.0
STOP_SECONDS = 8.0
GATEWAY_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")

configured = cli.configured(config.read, "/etc/gardu/central.toml")


def with_database(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the settings and the database as its first arguments; what fails is one line."""

    @configured
    @wraps(command)
    def wrapper(settings: Config, **options: Any) -> None:
        try:
            command(settings, open_database(settings), **options)
        except (StorageError, Declined, OSError) as error:
            raise click.ClickException(str(error)) from None

    return wrapper


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gardu")
def main() -> None:
    """The collector at the data centre: takes the gateways' records in, and shows them."""
    os.umask(0o077)  # journals, databases and secrets are for their owner alone


# What runs


@main.command("run")
@with_database
def run(settings: Config, database: Database) -> None:
    """Run collector, webhooks, pages and, if it is configured, the embedded broker, until told to stop."""
    logs.set_up()
    with ExitStack() as parts:
        if settings.broker.embedded:
            _start_broker(settings, parts)
        link = _start_collector(settings, database, parts)
        _start_webhooks(settings, database, parts)
        _start_web(settings, database, parts, lambda: link.problem)
        _run(settings)


@main.command("collector")
@with_database
def collector(settings: Config, database: Database) -> None:
    """Run the collector alone."""
    logs.set_up()
    with ExitStack() as parts:
        _start_collector(settings, database, parts)
        _run(settings)


@main.command("web")
@with_database
def web(settings: Config, database: Database) -> None:
    """Run the pages alone."""
    logs.set_up()
    with ExitStack() as parts:
        _start_web(settings, database, parts, lambda: None)
        _run(settings)


@main.command("webhooks")
@with_database
def webhooks(settings: Config, database: Database) -> None:
    """Run alone what tells other programs of new records."""
    logs.set_up()
    with ExitStack() as parts:
        _start_webhooks(settings, database, parts)
        _run(settings)


@main.command("uplink")
@with_database
def uplink(settings: Config, database: Database) -> None:
    """Take records that offices without data send by SMS, with a modem here."""
    logs.set_up()
    with ExitStack() as parts:
        _start_uplink(settings, database, parts)
        _run(settings)


@main.command("broker")
@configured
def broker(settings: Config) -> None:
    """Run the embedded broker alone: for a demo, or everything on one machine."""
    logs.set_up()
    try:
        with ExitStack() as parts:
            _start_broker(settings, parts)
            _run(settings)
    except OSError as error:
        raise click.ClickException(str(error)) from None


def _run(settings: Config) -> None:
    log.info(
        "running", broker=f"{settings.broker.host}:{settings.broker.port}", page=f"http://{settings.web.listen}/"
    )
    cli.wait_for_signal()
    log.info("stopping")


def _start_broker(settings: Config, parts: ExitStack) -> None:
    from mqtt_bridge.broker import EmbeddedBroker  # only whoever runs it needs its library

    parts.enter_context(EmbeddedBroker(settings.broker.host, settings.broker.port))
    log.warning("the embedded broker lets anybody on this machine in: for a demo, or all on one machine")


def _start_collector(settings: Config, database: Database, parts: ExitStack) -> MqttLink:
    refresh(settings, database)
    key = central_key(settings)
    trust = registrar(settings, database)
    trust.publish_revocations(_now())  # what a crash may have kept from the file
    link = MqttLink(
        settings.broker.host, settings.broker.port, f"central-{secrets.token_hex(4)}", UPLINK,
        tls=collector_tls(settings), wake=lambda: loop.wake(),
    )  # fmt: skip
    work = Collector(link, database, gateway_keys(settings, database), key, trust)
    loop = Loop("collector", lambda: work.step(_now()), PAUSE, expected=(StorageError,))
    parts.callback(link.close)
    parts.callback(loop.stop, STOP_SECONDS)
    loop.start()
    return link


def _start_uplink(settings: Config, database: Database, parts: ExitStack) -> None:
    from modem.messages import ModemError  # only whoever has a modem here needs its package
    from modem.worker import ModemWorker

    from .uplink import Uplink

    terms = settings.uplink
    for name in ("device", "number"):
        if not getattr(terms, name):
            raise ConfigError(f"uplink.{name}: it is empty; name the modem that takes the SMS, and its number")
    refresh(settings, database)
    key = central_key(settings)
    modem = ModemWorker(terms.device, terms.connection)
    work = Uplink(modem, database, gateway_keys(settings, database), key, zone(settings), terms.answers_per_day)
    loop = Loop(
        "uplink", lambda: work.step(_now(), time.monotonic()), UPLINK_PAUSE, expected=(ModemError, StorageError)
    )
    parts.callback(modem.close)
    parts.callback(loop.stop, STOP_SECONDS)
    loop.start()


def _start_webhooks(settings: Config, database: Database, parts: ExitStack) -> None:
    work = Webhooks(database, rules(settings.webhooks), _now)
    parts.callback(work.stop, STOP_SECONDS)
    work.start()


def _start_web(
    settings: Config, database: Database, parts: ExitStack, link_problem: Callable[[], Problem | None]
) -> None:
    from .web.app import create_app, serve  # the collector alone needs no web server
    from .web.office import Office

    folder = data_folder(settings)
    first = access.first_person(database, folder, _now())
    if first:
        click.echo(f"The first login is admin; its password is in {first}")
    office = Office(
        database,
        zone(settings),
        link_problem,
        sealing_key=sealing_key(settings),
        refresh=lambda: refresh(settings, database),
        rulebook=rulebook(settings),
        registrar=registrar(settings, database),
        outbound=rules(settings.webhooks),
        shared_phones=settings.policy.shared_phones,
    )
    app = create_app(
        office,
        access.session_secret(folder),
        secure_cookies=settings.web.secure_cookies,
        api_per_minute=settings.web.api_per_minute,
        proxies=settings.web.proxies,
    )
    parts.enter_context(serve(settings.web.listen, app))
    counting = Loop("counting", app.extensions["counting"].step, COUNTING_PAUSE, expected=(StorageError,))
    parts.callback(counting.stop, STOP_SECONDS)
    counting.start()


# What is set up


@main.group()
def gateway() -> None:
    """The gateways that may deliver."""


@gateway.command("add")
@click.argument("name")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365), help="How long the token is good.")
@click.option("--replace", is_flag=True, help="Other hardware takes the place of the one that is enrolled.")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="No token: take its public key as it is.")
@click.option("--presence", type=click.Choice([*PresenceRule, "policy"]), help="Whether its office needs codes.")
@click.option("--serves-all/--serves-own", default=None, help="Whether it knows the employees of all offices (USSD).")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
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
        office.admit(name, load_public(key), _now(), replace=replace)
        made = None
    else:
        made = office.invite(name, timedelta(days=days), _now(), replace=replace)
    _set_up(database, name, presence, serves_all)
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
    labels.change(database, gateway, wanted, commands.who(), _now())


def _set_up(database: Database, name: str, presence: str | None, serves_all: bool | None) -> None:
    if presence:
        fleet.set_presence(database, name, None if presence == "policy" else presence)
    if serves_all is not None:
        fleet.set_serves_all(database, name, serves_all=serves_all)


@gateway.command("set")
@click.argument("name")
@click.option("--presence", type=click.Choice([*PresenceRule, "policy"]), help="Whether its office needs codes.")
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
    if not database.row("SELECT 1 FROM gateway WHERE id = ?", name):
        raise click.ClickException(f"there is no gateway {name}")
    try:
        _label(database, name, label, number, tags)
    except LabelRefusal as error:
        raise click.ClickException(str(error)) from None
    _set_up(database, name, presence, serves_all)
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
    answer = office.sign(file.read_bytes(), "file", _now(), replace=replace)
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
    if not database.row("SELECT 1 FROM gateway WHERE id = ?", name):
        raise click.ClickException(f"there is no gateway {name}")
    ended = registrar(settings, database).revoke(name, reason, _now())
    click.echo(f"{name} is revoked, with {ended} certificates. What it recorded before stays.")
    if settings.broker.tls:
        click.echo(f"Now the broker: systemctl restart mosquitto ({broker_folder(settings) / REVOKED} is new;")
        click.echo("a reload would do as well, but leaves a connection open that is there now)")


@gateway.command("verify")
@click.argument("name")
@with_database
def gateway_verify(settings: Config, database: Database, name: str) -> None:
    """Check again that all records of the gateway NAME are what its key signed when they came."""
    found = list(evidence.verify(database, gateway_keys(settings, database), name))
    for line in found:
        click.echo(line)
    held = database.value("SELECT COUNT(*) FROM record WHERE gateway = ?", name)
    if found:
        raise click.ClickException(
            f"{len(found)} of {name}'s batches and records are not proven; it has {held} records"
        )
    click.echo(f"All {held} records of {name} are proven.")


@gateway.command("enrolments")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
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


@main.command("broker-config")
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
    written = mosquitto.write(folder, authority(settings), known, port or address.port, _now())
    registrar(settings, database, folder).publish_revocations(_now())
    for path in written:
        click.echo(path)
    click.echo(f"Its certificate is good for {', '.join(known)}. Next: docs/trust.md, The broker.")


@gateway.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@with_database
def gateway_list(settings: Config, database: Database, as_json: bool) -> None:
    """All gateways with their state, worst first."""
    found = queries.gateways(database, _now(), zone(settings))
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


@main.command("quarantine")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
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


@main.group()
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
        plan = roster_changes.apply(database, rows, replace=replace, who=commands.who(), now=_now())
    except BadRoster as error:
        raise click.ClickException(f"{file}: nothing was imported\n{error}") from None
    changed = refresh(settings, database)
    click.echo(f"{plan.active} employees are active; news for {len(changed)} gateways.")


@main.group()
def token() -> None:
    """Programs that may use the API."""


@token.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in access.Scope]),
    default=[scope.value for scope in access.USUAL_SCOPES], show_default=True,
    help="What it may do; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@with_database
def token_add(settings: Config, database: Database, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token for the program NAME. It is shown this once; a former one of that name ends."""
    del settings
    made = access.add_token(database, name, _now(), [access.Scope(scope) for scope in scopes])
    click.echo(json.dumps({"name": name, "token": made, "scopes": list(scopes)}) if as_json else made)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
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
    if not access.remove_token(database, name):
        raise click.ClickException(f"there is no token {name}")
    click.echo(f"The token {name} is no more.")


@main.group("audit")
def audit_group() -> None:
    """What people changed by hand."""


@audit_group.command("verify")
@click.option("--expect", metavar="HASH", help="The hash that was noted for a line: it must still be there.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
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


@main.group("shifts")
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


main.add_command(webhook_commands.group(with_database))
main.add_command(user_commands.group(with_database))
for group in retention_commands.groups(with_database, lambda settings, database: refresh(settings, database)):
    main.add_command(group)


# Parts


def data_folder(settings: Config) -> Path:
    return writable_folder(Path(settings.central.data_dir), "central.data_dir")


def sealing_key(settings: Config) -> X25519PrivateKey:
    return load_or_make_sealing(data_folder(settings) / "sealing.key")


def refresh(settings: Config, database: Database) -> list[str]:
    """Write what the gateways should hold now; returns those for which it changed."""
    return desired.refresh(database, settings.rules, _now(), public_text(sealing_key(settings)))


def zone(settings: Config) -> ZoneInfo:
    try:
        return ZoneInfo(settings.central.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"central.timezone: there is no zone {settings.central.timezone!r}") from None


def rulebook(settings: Config) -> Rulebook:
    try:
        return rulebooks.load(settings.attendance.rules)
    except BadPolicy as error:
        raise ConfigError(f"attendance.rules: {error}") from None


def gateway_keys(settings: Config, database: Database) -> GatewayKeys:
    folder = settings.gateways.keys_dir
    return GatewayKeys(Path(folder) if folder else None, database)


def central_key(settings: Config) -> Ed25519PrivateKey:
    return load_or_make(data_folder(settings) / "central.key")


def authority(settings: Config) -> Authority:
    return Authority(data_folder(settings) / "ca", _now())


def registrar(settings: Config, database: Database, folder: Path | None = None) -> Registrar:
    """`folder` is where the broker reads whom to refuse, if it is not the configured one."""
    return Registrar(
        database,
        gateway_keys(settings, database),
        authority(settings),
        central_key(settings),
        broker_address(settings),
        (folder or broker_folder(settings)) / REVOKED,
    )


def broker_folder(settings: Config) -> Path:
    chosen = settings.broker.config_dir
    return writable_folder(Path(chosen or data_folder(settings) / "broker"), "broker.config_dir")


def broker_address(settings: Config) -> Address:
    """The broker as gateways reach it."""
    host, _, port = settings.enrolment.broker.partition(":")
    broker = settings.broker
    return Address(host or broker.host, int(port or broker.port), broker.tls)


def enrolment_url(settings: Config) -> str:
    return settings.enrolment.url or f"http://{settings.web.listen}"


def collector_tls(settings: Config) -> Tls | None:
    """How the collector shows itself to the broker: by files that are named, or by those of its own authority."""
    broker = settings.broker
    if not broker.tls:
        return None
    own = authority(settings)
    certificate, key = collector_files(own, _now())
    return Tls(
        ca=Path(broker.ca or own.folder / "ca.crt"),
        certificate=Path(broker.certificate or certificate),
        key=Path(broker.key or key),
    )


def open_database(settings: Config) -> Database:
    """Every setting that a command may need is looked at here, before anything is written."""
    folder = data_folder(settings)
    zone(settings)
    rulebook(settings)
    keys = settings.gateways.keys_dir
    if keys and not Path(keys).is_dir():
        raise ConfigError(f"gateways.keys_dir: {keys} is no directory")
    return Database(settings.central.database_url or sqlite_url(folder / "central.db"))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
