"""`gardu-central`: builds the parts, runs them, and shuts them down in reverse."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import structlog

from mqtt_bridge import cli, logs
from mqtt_bridge.client import MqttLink, Problem
from mqtt_bridge.keys import load_or_make, load_public
from mqtt_bridge.loop import Loop
from mqtt_bridge.settings import ConfigError, writable_folder
from mqtt_bridge.topics import UPLINK

from . import access, config, desired, fleet, queries
from .collector import Collector
from .config import Config
from .database import Database, StorageError, moment, sqlite_url
from .keys import GatewayKeys
from .roster import BadRoster, parse, store

log = structlog.get_logger(__name__)

PAUSE = 0.5  # seconds between two looks at what is to be told
UPLINK_PAUSE = 2.0
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
        except (StorageError, OSError) as error:
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
    """Run collector, pages and, if it is configured, the embedded broker, until told to stop."""
    logs.set_up()
    with ExitStack() as parts:
        if settings.broker.embedded:
            _start_broker(settings, parts)
        link = _start_collector(settings, database, parts)
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


def _start_collector(settings: Config, database: Database, parts: ExitStack) -> MqttLink:
    desired.refresh(database, settings.policy, _now())
    key = load_or_make(data_folder(settings) / "central.key")
    client_id = f"central-{secrets.token_hex(4)}"
    link = MqttLink(settings.broker.host, settings.broker.port, client_id, UPLINK, wake=lambda: loop.wake())
    work = Collector(link, database, gateway_keys(settings), key)
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
    desired.refresh(database, settings.policy, _now())
    key = load_or_make(data_folder(settings) / "central.key")
    modem = ModemWorker(terms.device, terms.connection)
    work = Uplink(modem, database, gateway_keys(settings), key, zone(settings), terms.answers_per_day)
    loop = Loop(
        "uplink", lambda: work.step(_now(), time.monotonic()), UPLINK_PAUSE, expected=(ModemError, StorageError)
    )
    parts.callback(modem.close)
    parts.callback(loop.stop, STOP_SECONDS)
    loop.start()


def _start_web(
    settings: Config, database: Database, parts: ExitStack, link_problem: Callable[[], Problem | None]
) -> None:
    from .web.app import create_app, serve  # the collector alone needs no web server
    from .web.office import Office

    folder = data_folder(settings)
    first = access.first_person(database, folder, _now())
    if first:
        click.echo(f"The first login is admin; its password is in {first}")
    office = Office(database, zone(settings), link_problem)
    app = create_app(office, access.session_secret(folder), secure_cookies=settings.web.secure_cookies)
    parts.enter_context(serve(settings.web.listen, app))


# What is set up


@main.group()
def gateway() -> None:
    """The gateways that may deliver."""


@gateway.command("add")
@click.argument("name")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="Its public key, put where it belongs.")
@with_database
def gateway_add(settings: Config, database: Database, name: str, key: Path | None) -> None:
    """Make the gateway NAME known, such as dinkes-01."""
    if not GATEWAY_ID.fullmatch(name):
        raise click.BadParameter("small letters, digits and hyphens only, such as dinkes-01", param_hint="NAME")
    if key:
        load_public(key)
        (Path(settings.gateways.keys_dir) / f"{name}.pub").write_bytes(key.read_bytes())
    new = fleet.add(database, name, _now())
    desired.refresh(database, settings.policy, _now())
    click.echo(f"{name} is {'now' if new else 'already'} known.")
    if gateway_keys(settings).get(name) is None:
        click.echo(f"Its public key is still missing: {settings.gateways.keys_dir}/{name}.pub")


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
    """Take employees from the CSV FILE (nip, name, phone, gateway): all of it, or nothing if anything is wrong."""
    known = {id_ for (id_,) in database.rows("SELECT id FROM gateway")}
    try:
        active = store(database, parse(file.read_text(encoding="utf-8-sig"), known), replace=replace)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}: not UTF-8; save it as CSV UTF-8") from None
    except BadRoster as error:
        raise click.ClickException(f"{file}: nothing was imported\n{error}") from None
    changed = desired.refresh(database, settings.policy, _now())
    click.echo(f"{active} employees are active; news for {len(changed)} gateways.")


@main.group()
def user() -> None:
    """Who may log in."""


@user.command("add")
@click.argument("name")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Read it there.")
@with_database
def user_add(settings: Config, database: Database, name: str, password_file: Path | None) -> None:
    """Add the login NAME, or give it another password; without --password-file one is made and shown."""
    del settings
    password = password_file.read_text().strip() if password_file else secrets.token_urlsafe(12)
    try:
        access.set_password(database, name, password, _now())
    except access.BadPassword as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{name} can log in." if password_file else f"{name} can log in with the password {password}")


@main.group()
def token() -> None:
    """Programs that may use the API."""


@token.command("add")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@with_database
def token_add(settings: Config, database: Database, name: str, as_json: bool) -> None:
    """Make a token for the program NAME. It is shown this once; a former one of that name ends."""
    del settings
    made = access.add_token(database, name, _now())
    click.echo(json.dumps({"name": name, "token": made}) if as_json else made)


# Parts


def data_folder(settings: Config) -> Path:
    return writable_folder(Path(settings.central.data_dir), "central.data_dir")


def zone(settings: Config) -> ZoneInfo:
    try:
        return ZoneInfo(settings.central.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"central.timezone: there is no zone {settings.central.timezone!r}") from None


def gateway_keys(settings: Config) -> GatewayKeys:
    folder = Path(settings.gateways.keys_dir)
    if not folder.is_dir():
        raise ConfigError(f"gateways.keys_dir: {folder} is no directory")
    return GatewayKeys(folder)


def open_database(settings: Config) -> Database:
    """Every setting that a command may need is looked at here, before anything is written."""
    folder = data_folder(settings)
    zone(settings)
    gateway_keys(settings)
    return Database(settings.central.database_url or sqlite_url(folder / "central.db"))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
