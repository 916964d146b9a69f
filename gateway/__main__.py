"""`gardu-gateway`: builds the parts, runs them, and shuts them down in reverse."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modem import operators, usb
from modem.messages import Modem, ModemError
from modem.operators import BadOperators, Operator
from modem.unfitted import Unfitted
from modem.worker import ModemWorker
from mqtt_bridge import cli, logs
from mqtt_bridge.client import MqttLink, Will
from mqtt_bridge.enrolment import BadToken, fingerprint, mark, parse_token, readable
from mqtt_bridge.keys import BadKey, load_or_make, write_whole
from mqtt_bridge.loop import Loop
from mqtt_bridge.settings import ConfigError, writable_folder
from mqtt_bridge.topics import Leaf, downlink, topic
from mqtt_bridge.uplink_keys import uplink_keys

from . import config, enrolment
from .application import apply
from .clock import SystemClock
from .config import Config
from .core import Core
from .enrolment import Enrolment, NotEnrolled
from .guardian import Guardian, SimSettings
from .health import last_will
from .journal import Journal
from .renewal import Renewer
from .sender import Limits
from .store import JournalError
from .target import target
from .web.server import serve

log = structlog.get_logger(__name__)

STOP_SECONDS = 8.0
COLLECTOR_PAUSE = 1.0
_MODEM_ERRORS = (ModemError, JournalError)


configured = cli.configured(config.read, "/etc/gardu/gateway.toml")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gardu")
def main() -> None:
    """The gateway of one office: attendance by SMS, kept here and forwarded to the collector."""
    os.umask(0o077)  # journals, databases and secrets are for their owner alone


@main.command("run")
@configured
def run(settings: Config) -> None:
    """Run the gateway until it is told to stop."""
    logs.set_up()
    wait_for_stop = cli.told_to_stop()
    folder = data_folder(settings)
    with ExitStack() as parts:
        try:
            _start(settings, folder, parts)
        except (JournalError, OSError) as error:
            raise click.ClickException(str(error)) from None
        wait_for_stop()
        log.info("stopping")
    # A modem call may still hang in its thread; all that counts is committed.
    sys.stderr.flush()
    os._exit(0)


@main.command("check-config")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@configured
def check_config(settings: Config, as_json: bool) -> None:
    """Say whether the configuration can be used as it stands on this machine."""
    data_folder(settings)
    _operators(settings)
    for place, name in enumerate(_devices(settings)):
        if name and not _found(name):
            setting = "modem.more_devices" if place else "modem.device"
            raise ConfigError(f"{setting}: {name} does not exist; plug the modem in, or name its device")
    click.echo(json.dumps(msgspec.to_builtins(settings), indent=2) if as_json else "The configuration is good.")


def _operators(settings: Config) -> tuple[Operator, ...]:
    try:
        return operators.load(Path(settings.sim.operators) if settings.sim.operators else operators.SHIPPED)
    except BadOperators as error:
        raise ConfigError(f"sim.operators: {error}") from None


def _sim(settings: Config) -> SimSettings:
    sim = settings.sim
    return SimSettings(sim.check_hours, sim.code, sim.choices, sim.low_balance)


def _devices(settings: Config) -> list[str]:
    devices = [settings.modem.device, *settings.modem.more_devices]
    if twice := {device for device in devices if devices.count(device) > 1}:
        raise ConfigError(f"modem.more_devices: {min(twice)} is named twice; each modem has a device of its own")
    return devices


def _limits(settings: Config) -> Limits:
    return Limits(settings.sms.per_day, settings.sms.per_month, settings.sms.own_numbers)


@main.command("enrol")
@click.argument("invitation", nargs=-1, metavar="[URL TOKEN]")
@click.option("--request", type=click.Path(path_type=Path), help="No network: write the request into this file.")
@click.option(
    "--answer", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="What central made of the request."
)
@configured
def enrol(settings: Config, invitation: tuple[str, ...], request: Path | None, answer: Path | None) -> None:
    """Make this gateway one of central's, by the URL and TOKEN that `gardu-central gateway add` shows.

    Without a network: write a --request, have it signed by `gardu-central gateway sign`, and take the --answer.
    """
    folder, words = data_folder(settings), " ".join(invitation).split(maxsplit=1)
    if sum((bool(words), bool(request), bool(answer))) != 1 or len(words) == 1:
        raise click.UsageError("one of: URL TOKEN, --request FILE, --answer FILE")
    try:
        if request:
            sealed = enrolment.ask(folder, settings.gateway.id, datetime.now(UTC))
            write_whole(request, sealed, 0o644)
            click.echo(f"Next, at central: gardu-central gateway sign {request.name} --out ANSWER")
            click.echo(f"Request {readable(mark(sealed))}")
            return
        made = _by_file(settings, folder, answer) if answer else _by_token(settings, folder, *words)
    except (NotEnrolled, BadToken, OSError) as error:
        raise click.ClickException(str(error)) from None
    broker = f"{'mqtts' if made.broker.tls else 'mqtt'}://{made.broker.host}:{made.broker.port}"
    click.echo(f"{settings.gateway.id} is enrolled until {made.until:%Y-%m-%d}; its broker is {broker}.")


def _by_token(settings: Config, folder: Path, url: str, text: str) -> Enrolment:
    token = parse_token(text)
    answer = apply(url, token, enrolment.ask(folder, settings.gateway.id, datetime.now(UTC)))
    return enrolment.take(folder, settings.gateway.id, answer, token.fingerprint)


def _by_file(settings: Config, folder: Path, file: Path) -> Enrolment:
    made = enrolment.take(folder, settings.gateway.id, file.read_bytes(), None)
    known = fingerprint((made.folder / "ca.crt").read_text(), (made.folder / "central.pub").read_text())
    click.echo(f"Central {readable(known)}: it must be what central showed.")
    return made


def _found(device: str) -> bool:
    place = usb.locate(device)
    return place is not None and Path(place).exists()


def data_folder(settings: Config) -> Path:
    return writable_folder(Path(settings.gateway.data_dir), "gateway.data_dir")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second gateway off this directory: two on one modem and journal would get in each other's way."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(f"another gateway is running on {folder}") from None
        yield


def _start(settings: Config, folder: Path, parts: ExitStack) -> None:
    """Start every part; each is stopped in reverse when `parts` is closed."""
    parts.enter_context(alone(folder))
    key = load_or_make(folder / "gateway.key")
    journal = Journal(folder / "journal.db", settings.gateway.id)
    parts.callback(journal.close)
    clock = SystemClock(journal.latest())
    profiles = _operators(settings)
    modems = {device: _modem(settings, device) for device in _devices(settings)}
    for modem in modems.values():
        parts.callback(modem.close)
    first, *others = modems
    more = {device: modems[device] for device in others}
    core = Core(
        modems[first], journal, clock, folder, name=first, more=more, limits=_limits(settings), operators=profiles,
        own_number=settings.own_number,
    )  # fmt: skip
    for side in core.sides:
        if side.name:  # who has no modem has no SIM to look after
            side.guardian = Guardian(side.modem, journal, profiles, _sim(settings), side.name)
        side.poker.own_number = settings.screen.number

    def step_collector() -> bool:
        if core.collector is None:
            _connect(settings, folder, core, key, collector.wake)
        return core.step_collector()

    collector = Loop("collector", step_collector, COLLECTOR_PAUSE, expected=(JournalError,))
    receiving = [
        Loop(f"modem {place + 1}", partial(_step_modem, core, place, settings.modem.poll_seconds), 0.0, _MODEM_ERRORS)
        for place in range(len(core.sides))
    ]
    parts.enter_context(serve(settings, core))
    parts.callback(core.disconnect)
    for loop in (collector, *receiving):
        parts.callback(loop.stop, STOP_SECONDS / 2)
        loop.start()
    log.info("running", gateway=settings.gateway.id, journal=journal.id, page=f"http://{settings.web.listen}/")


def _step_modem(core: Core, place: int, pause: float) -> bool:
    """A round, and where there was nothing to do a pause, which the modem's word of a new SMS ends."""
    return core.step_modem(place) or core.sides[place].wait(pause)


def _modem(settings: Config, device: str) -> Modem:
    return ModemWorker(device, settings.modem.connection) if device else Unfitted()


def _connect(settings: Config, folder: Path, core: Core, key: Ed25519PrivateKey, wake: Callable[[], None]) -> None:
    """Connect once it is known to whom: before, nothing that is said could be checked."""
    try:
        held = enrolment.load(folder)
        place = target(settings, held)
    except (BadKey, NotEnrolled, OSError) as error:
        core.waiting_for = str(error)
        return
    gateway = settings.gateway.id
    link = MqttLink(
        place.host,
        place.port,
        gateway,
        [downlink(gateway), topic(gateway, Leaf.CONNECTION)],
        tls=place.tls,
        will=Will(topic(gateway, Leaf.CONNECTION), last_will(gateway, core.started, core.starts, key)),
        wake=wake,
    )
    renewer = Renewer(link, key, folder, held) if held else None
    core.connect(link, key, place.central, renewer, uplink_keys(key, place.central, gateway))


if __name__ == "__main__":
    main()
