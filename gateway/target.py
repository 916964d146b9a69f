"""Where the broker is and whose word counts there: what the configuration names, else what the enrolment says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.client import Tls
from mqtt_bridge.keys import load_public

from .config import BrokerSection, Config
from .enrolment import Enrolment, NotEnrolled

UNKNOWN = "gateway ini belum didaftarkan: gardu-gateway enrol"


@dataclass(frozen=True, slots=True)
class Target:
    """The broker, how to speak with it, and the collector's key."""

    host: str
    port: int
    tls: Tls | None
    central: Ed25519PublicKey


def target(settings: Config, held: Enrolment | None) -> Target:
    """Raises `NotEnrolled` when there is something missing yet, `BadKey`."""
    ours = settings.gateway.id
    if held and held.broker.gateway != ours:
        raise NotEnrolled(f"gateway ini didaftarkan sebagai {held.broker.gateway}, bukan {ours}: gardu-gateway enrol")
    host, port, tls = _broker(settings.broker, held)
    return Target(host, port, tls, _central(settings.central.public_key, held))


def _broker(named: BrokerSection, held: Enrolment | None) -> tuple[str, int, Tls | None]:
    if named.host:
        return named.host, named.port, _files(named, held) if named.tls else None
    if held is None:
        raise NotEnrolled(UNKNOWN)
    return held.broker.host, held.broker.port, held.files if held.broker.tls else None


def _files(named: BrokerSection, held: Enrolment | None) -> Tls:
    files = [named.ca, named.certificate, named.key]
    if held:
        ours = (held.files.ca, held.files.certificate, held.files.key)
        return Tls(*(Path(file) if file else own for file, own in zip(files, ours, strict=True)))
    if not all(files):
        raise NotEnrolled(UNKNOWN)
    return Tls(*map(Path, files))


def _central(named: str, held: Enrolment | None) -> Ed25519PublicKey:
    if named:
        try:
            return load_public(Path(named))
        except FileNotFoundError:
            raise NotEnrolled(f"kunci publik pusat belum ada di {named}") from None
    if held is None:
        raise NotEnrolled(UNKNOWN)
    return held.central
