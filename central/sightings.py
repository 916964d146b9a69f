"""What the database and this machine tell alerts: of every gateway, and of central itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from mqtt_bridge.records import BadPayload, Status, decode

from . import deliveries, endpoints, keys, pulse
from .alerting import Self, Sight
from .database import Database, micros, moment
from .link_words import TROUBLES
from .quarantine import STRANGER
from .witness import REPLACED

ASIDE_FOR = timedelta(days=1)
ATTACK_FOR = timedelta(hours=1)
_WORDS = {str(trouble): words for trouble, words in TROUBLES.items()}
_WELCOME = ("enrolled", "renewed", "revoked")  # outcomes of the registrar that are no attempts


@dataclass(frozen=True, slots=True)
class Place:
    """What of this machine is looked at, and the names of the channels that there are."""

    data_dir: Path | None = None
    broker_certificate: Path | None = None
    channels: frozenset[str] = frozenset()


def gateways(database: Database, now: datetime) -> dict[str, Sight]:
    """Those whose keys count."""
    ended = keys.revoked(database)
    held = {
        (gateway, journal): seq for gateway, journal, seq in database.rows("SELECT gateway, journal, seq FROM chain")
    }
    complete = dict(
        database.rows("SELECT gateway, MAX(until) FROM watermark WHERE until IS NOT NULL GROUP BY gateway")
    )
    aside = _aside(database, now)
    replaced = _replaced(database, now)
    found = {}
    for id_, online, seen, kept, wanted, rival in database.rows(
        "SELECT id, online, seen, status, version, rival"
        " FROM gateway LEFT JOIN desired ON desired.gateway = gateway.id"
    ):
        status = _status(kept)
        if id_ in ended:
            continue
        found[id_] = Sight(
            id=id_,
            online=bool(online),
            seen=_moment(seen),
            status=status,
            wanted=wanted or 0,
            held=held.get((id_, status.journal), 0) if status else 0,
            rival=_moment(rival),
            aside=aside.get(id_, ()),
            complete=_moment(complete.get(id_)),
            replaced=id_ in replaced,
        )
    return found


def central(database: Database, place: Place, now: datetime) -> Self:
    """As this machine and the database see it; a collector that never ran is none that is missing."""
    beat = pulse.last(database)
    names = {endpoint.id: endpoint.name for endpoint in endpoints.everyone(database)}
    dead = {
        names[id_]: count.dead for id_, count in deliveries.counts(database).items() if count.dead and id_ in names
    }
    since = micros(now - ATTACK_FOR)
    marks = ", ".join("?" * len(_WELCOME))
    failing = database.rows("SELECT name, problem FROM alert_channel WHERE failures > 0")
    return Self(
        listening=beat.listening(now) if beat else False,
        collector_gone=beat.gone(now) if beat else False,
        broker_problem=_WORDS.get(beat.problem, beat.problem) if beat else "",
        disk_free=shutil.disk_usage(place.data_dir).free if place.data_dir else None,
        broker_certificate=_not_after(place.broker_certificate),
        dead=dead,
        refused=int(
            database.value(
                f"SELECT COUNT(*) FROM enrolment WHERE at > ? AND outcome NOT IN ({marks})", since, *_WELCOME
            )
        ),
        strangers=int(
            database.value("SELECT COUNT(*) FROM quarantine WHERE gateway = ? AND seen > ?", STRANGER, since)
        ),
        failing={name: problem for name, problem in failing if name in place.channels},
    )


def _aside(database: Database, now: datetime) -> Mapping[str, tuple[str, ...]]:
    """Why something of each gateway was put aside, the latest first."""
    found: dict[str, tuple[str, ...]] = {}
    for gateway, reason in database.rows(
        "SELECT gateway, reason FROM quarantine WHERE seen > ? ORDER BY seen DESC", micros(now - ASIDE_FOR)
    ):
        found[gateway] = (*found.get(gateway, ()), reason)
    return found


def _replaced(database: Database, now: datetime) -> set[str]:
    rows = database.rows(
        "SELECT DISTINCT gateway FROM incident WHERE reason = ? AND until > ? AND since <> until"
        " AND gateway IN (SELECT gateway FROM chain GROUP BY gateway HAVING COUNT(*) > 1)",
        REPLACED, micros(now - ASIDE_FOR),
    )  # fmt: skip
    return {gateway for (gateway,) in rows}


def _status(kept: bytes | None) -> Status | None:
    try:
        status = decode(bytes(kept)) if kept is not None else None
    except BadPayload:
        return None  # of an older version
    return status if isinstance(status, Status) else None


def _moment(kept: int | None) -> datetime | None:
    return moment(kept) if kept is not None else None


def _not_after(path: Path | None) -> datetime | None:
    """When the certificate in that file ends; None where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc if path else None
    except (OSError, ValueError):
        return None
