"""Batches as gateways send them, and the keys that they sign with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from central.ingest import Envelope
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import (
    Action,
    Batch,
    Channel,
    Flag,
    ModemReport,
    Presence,
    Reason,
    Record,
    Status,
    chained,
    genesis,
)

GATEWAY = "dinkes-01"
OTHER = "disdik-01"
JOURNAL = "4d1c9f00a1b2c3d4"
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)[:32]) for name in (GATEWAY, OTHER)}
CENTRAL_KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)


class KnownKeys:
    """The keys of the two gateways."""

    def get(self, gateway: str) -> Ed25519PublicKey | None:
        return KEYS[gateway].public_key() if gateway in KEYS else None

    def ended(self, gateway: str) -> str | None:
        return None

    def gone(self) -> set[str]:
        return set()


def record(seq: int, **changes: Any) -> Record:
    values = {
        "seq": seq, "employee": f"e-{seq}", "action": Action.IN, "at": NOW - timedelta(minutes=60 - seq % 60),
        "received": NOW + timedelta(microseconds=seq), "channel": Channel.SMS, "presence": Presence.NONE,
        "flags": (Flag.CLOCK_UNTRUSTED,) if seq % 3 == 0 else (), "receipt": f"R{seq:03}",
        "fingerprint": f"{seq:064x}",
    }  # fmt: skip
    return Record(**{**values, **changes})


def chain(
    length: int, gateway: str = GATEWAY, journal: str = JOURNAL, *, messages: str = "", **changes: Any
) -> list[Record]:
    """Records of messages that no other journal has, unless `messages` names one."""
    made: list[Record] = []
    base = int.from_bytes((messages or journal).encode()) % 2**100 << 64
    previous = genesis(gateway, journal)
    for seq in range(1, length + 1):
        made.append(chained(previous, record(seq, **{"fingerprint": f"{base + seq:064x}", **changes})))
        previous = str(made[-1].hash)
    return made


def batch(records: list[Record], first: int, last: int, gateway: str = GATEWAY, journal: str = JOURNAL) -> Batch:
    """Records first..last of a chain that starts at 1."""
    previous = str(records[first - 2].hash) if first > 1 else genesis(gateway, journal)
    return Batch(gateway=gateway, journal=journal, previous=previous, sent=NOW, records=records[first - 1 : last])


def envelope(payload: Any, gateway: str = GATEWAY, topic: str | None = None) -> Envelope:
    return Envelope(topic or gateway, seal(payload, KEYS[gateway]))


def status(gateway: str = GATEWAY, **changes: Any) -> Status:
    values = {
        "gateway": gateway, "journal": JOURNAL, "at": NOW, "started": NOW, "version": "0.1.0", "reasons": (),
        "modem": ModemReport(state="home", signal=61, operator="TELKOMSEL"), "last_seq": 5, "delivered": 3,
        "replies_waiting": 0, "complete_until": NOW, "desired": 1, "clock_trusted": True,
    }  # fmt: skip
    return Status(**{**values, **changes})


def reason(code: str) -> Reason:
    return Reason(code=code, text=f"sebab {code}")
