"""What each gateway should hold: its employees and the policy, with a version that only grows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mqtt_bridge.records import Desired, Member, Policy, encode

from . import numbering
from .database import Database


def refresh(database: Database, policy: Policy, now: datetime) -> list[str]:
    """Write a new version for every gateway for which something changed; returns those gateways."""
    with database.transaction():
        gateways = [gateway for (gateway,) in database.rows("SELECT id FROM gateway ORDER BY id")]
        return [gateway for gateway in gateways if _refresh_one(database, gateway, policy, now)]


def versions(database: Database) -> dict[str, int]:
    """Gateway → newest version."""
    return dict(database.rows("SELECT gateway, version FROM desired"))


def newest(database: Database, gateway: str) -> Desired | None:
    body = database.value("SELECT body FROM desired WHERE gateway = ?", gateway)
    return msgspec.json.decode(bytes(body), type=Desired) if body is not None else None


def _refresh_one(database: Database, gateway: str, policy: Policy, now: datetime) -> bool:
    held = newest(database, gateway)
    roster = tuple(
        Member(employee=employee, phone=phone)
        for employee, phone in database.rows(
            "SELECT id, phone FROM employee WHERE gateway = ? AND active = 1 ORDER BY id", gateway
        )
    )
    numbering.remember(database, gateway, (member.employee for member in roster))
    if held and (held.roster, held.policy) == (roster, policy):
        return False
    # Not only larger than the last one: also than any that a lost database may have given out before.
    version = max(held.version + 1 if held else 1, int(now.timestamp()))
    body = encode(Desired(gateway=gateway, version=version, issued=now, roster=roster, policy=policy))
    if held:
        database.run("UPDATE desired SET version = ?, body = ? WHERE gateway = ?", version, body, gateway)
    else:
        database.insert_all("desired", ("gateway", "version", "body"), [(gateway, version, body)])
    return True
