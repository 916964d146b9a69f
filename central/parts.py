"""What the settings make: folders, keys, the database, and the parts that commands and services are built of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_bridge.client import Tls
from mqtt_bridge.keys import load_or_make, load_or_make_sealing
from mqtt_bridge.sealing import public_text
from mqtt_bridge.settings import ConfigError, writable_folder

from . import desired, rulebooks
from .authority import Authority, collector_files
from .config import Config
from .database import Database, sqlite_url
from .employee_ids import Ids, kept_in
from .keys import GatewayKeys
from .mosquitto import REVOKED
from .policy import BadPolicy, Rulebook
from .registrar import Address, Registrar


def data_folder(settings: Config) -> Path:
    return writable_folder(Path(settings.central.data_dir), "central.data_dir")


def sealing_key(settings: Config) -> X25519PrivateKey:
    return load_or_make_sealing(data_folder(settings) / "sealing.key")


def refresh(settings: Config, database: Database) -> list[str]:
    """Write what the gateways should hold now; returns those for which it changed."""
    return desired.refresh(database, settings.rules, now(), public_text(sealing_key(settings)))


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


def employee_ids(settings: Config) -> Ids:
    return kept_in(data_folder(settings) / "employee.key")


def central_key(settings: Config) -> Ed25519PrivateKey:
    return load_or_make(data_folder(settings) / "central.key")


def authority(settings: Config) -> Authority:
    return Authority(data_folder(settings) / "ca", now())


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
    certificate, key = collector_files(own, now())
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


def now() -> datetime:
    return datetime.now(UTC)
