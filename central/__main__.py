"""`gardu-central`: builds the parts, runs them, and shuts them down in reverse."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click
import structlog

from mqtt_bridge import cli, logs
from mqtt_bridge.client import MqttLink, Problem
from mqtt_bridge.loop import Loop
from mqtt_bridge.settings import ConfigError
from mqtt_bridge.topics import UPLINK

from . import (
    access,
    alert_commands,
    audit_commands,
    channels,
    evidence_commands,
    gateway_commands,
    order_commands,
    readiness_commands,
    retention_commands,
    roster_commands,
    token_commands,
    user_commands,
    webhook_commands,
)
from .alert_watch import Alerts
from .collector import Collector
from .commands import configured, now, with_database
from .config import Config
from .database import Database, StorageError
from .parts import (
    central_key,
    collector_tls,
    data_folder,
    employee_ids,
    enrolment_url,
    gateway_keys,
    refresh,
    registrar,
    rulebook,
    sealing_key,
    zone,
)
from .pulse import Pulse
from .webhooks import Webhooks, rules

log = structlog.get_logger(__name__)

PAUSE = 0.5  # seconds between two looks at what is to be told
UPLINK_PAUSE = 2.0
COUNTING_PAUSE = 60.0
STOP_SECONDS = 8.0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gardu")
def main() -> None:
    """The collector at the data centre: takes the gateways' records in, and shows them."""
    os.umask(0o077)  # journals, databases and secrets are for their owner alone


# What runs


@main.command("run")
@with_database
def run(settings: Config, database: Database) -> None:
    """Run collector, webhooks, alerts, pages and, if it is configured, the embedded broker, until told to stop."""
    with _running(settings) as parts:
        if settings.broker.embedded:
            _start_broker(settings, parts)
        link = _start_collector(settings, database, parts)
        _start_webhooks(settings, database, parts)
        _start_alerts(settings, database, parts)
        _start_web(settings, database, parts, lambda: link.problem)


@main.command("collector")
@with_database
def collector(settings: Config, database: Database) -> None:
    """Run the collector alone."""
    with _running(settings) as parts:
        _start_collector(settings, database, parts)


@main.command("web")
@with_database
def web(settings: Config, database: Database) -> None:
    """Run the pages alone."""
    with _running(settings) as parts:
        _start_web(settings, database, parts, lambda: None)


@main.command("webhooks")
@with_database
def webhooks(settings: Config, database: Database) -> None:
    """Run alone what tells other programs of new records."""
    with _running(settings) as parts:
        _start_webhooks(settings, database, parts)


@main.command("uplink")
@with_database
def uplink(settings: Config, database: Database) -> None:
    """Take records that offices without data send by SMS, with a modem here."""
    with _running(settings) as parts:
        _start_uplink(settings, database, parts)


@alert_commands.watch.command("run")
@with_database
def alerts(settings: Config, database: Database) -> None:
    """Run alone what watches and tells people."""
    with _running(settings) as parts:
        _start_alerts(settings, database, parts)


@main.command("broker")
@configured
def broker(settings: Config) -> None:
    """Run the embedded broker alone: for a demo, or everything on one machine."""
    try:
        with _running(settings) as parts:
            _start_broker(settings, parts)
    except OSError as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _running(settings: Config) -> Iterator[ExitStack]:
    """What is started in it runs until the process is told to stop, and is then stopped in reverse."""
    logs.set_up()
    wait_for_stop = cli.told_to_stop()
    with ExitStack() as parts:
        yield parts
        place = f"{settings.broker.host}:{settings.broker.port}"
        log.info("running", broker=place, page=f"http://{settings.web.listen}/")
        wait_for_stop()
        log.info("stopping")


def _start_broker(settings: Config, parts: ExitStack) -> None:
    from mqtt_bridge.broker import EmbeddedBroker  # only whoever runs it needs its library

    parts.enter_context(EmbeddedBroker(settings.broker.host, settings.broker.port))
    log.warning("the embedded broker lets anybody on this machine in: for a demo, or all on one machine")


def _start_collector(settings: Config, database: Database, parts: ExitStack) -> MqttLink:
    refresh(settings, database)
    key = central_key(settings)
    trust = registrar(settings, database)
    trust.publish_revocations(now())  # what a crash may have kept from the file
    pulse = Pulse(database)
    link = MqttLink(
        settings.broker.host, settings.broker.port, f"central-{secrets.token_hex(4)}", UPLINK,
        tls=collector_tls(settings), wake=lambda: loop.wake(),
    )  # fmt: skip
    work = Collector(link, database, gateway_keys(settings, database), key, trust)

    def step() -> bool:
        problem = link.problem
        pulse.beat(problem.trouble if problem else "", now())
        return work.step(now())

    loop = Loop("collector", step, PAUSE, expected=(StorageError,))
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
        "uplink", lambda: work.step(now(), time.monotonic()), UPLINK_PAUSE, expected=(ModemError, StorageError)
    )
    parts.callback(modem.close)
    parts.callback(loop.stop, STOP_SECONDS)
    loop.start()


def _start_webhooks(settings: Config, database: Database, parts: ExitStack) -> None:
    work = Webhooks(database, rules(settings.webhooks), now)
    parts.callback(work.stop, STOP_SECONDS)
    work.start()


def _start_alerts(settings: Config, database: Database, parts: ExitStack) -> None:
    work = Alerts(database, alert_commands.plan(settings), now)
    parts.callback(work.stop, STOP_SECONDS)
    work.start()


def _start_web(
    settings: Config, database: Database, parts: ExitStack, link_problem: Callable[[], Problem | None]
) -> None:
    from .web.app import create_app, serve  # the collector alone needs no web server
    from .web.office import Office

    folder = data_folder(settings)
    first = access.first_person(database, folder, now())
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
        keys=gateway_keys(settings, database),
        ids=employee_ids(settings),
        enrolment_url=enrolment_url(settings),
        channels=channels.load(settings.alerts.channels),
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

for command in (
    gateway_commands.gateway,
    gateway_commands.broker_config,
    gateway_commands.quarantine,
    roster_commands.roster,
    roster_commands.shifts_group,
    token_commands.token,
    audit_commands.audit_group,
    evidence_commands.verify,
    evidence_commands.evidence,
    webhook_commands.webhook,
    user_commands.user,
    alert_commands.watch,
    alert_commands.work,
    order_commands.order,
    retention_commands.keeping,
    retention_commands.person,
    readiness_commands.group,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
