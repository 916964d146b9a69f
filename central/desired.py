"""What each gateway should hold: its employees and the policy, with a version that only grows."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Sequence
from datetime import datetime

import msgspec

from mqtt_bridge.envelope import SIGNATURE, SIZE_LIMIT
from mqtt_bridge.records import Desired, Language, Member, Policy, PresenceRule, encode

from . import numbering
from .database import Database


def refresh(database: Database, policy: Policy, now: datetime, sealing_key: str = "") -> list[str]:
    """Write a new version for every gateway for which something changed; returns those gateways."""
    with database.transaction():
        gateways = database.rows("SELECT id, presence, serves_all FROM gateway ORDER BY id")
        _make_secrets(database, [id_ for id_, _, _ in gateways])
        by_office = dict(database.rows("SELECT office, presence FROM secret"))
        changed = []
        for id_, presence, serves_all in gateways:
            wanted = Desired(
                gateway=id_,
                version=1,
                issued=now,
                roster=_roster(database, id_, serves_all=bool(serves_all)),
                policy=msgspec.structs.replace(policy, presence=PresenceRule(presence)) if presence else policy,
                secrets=by_office if serves_all else {id_: by_office[id_]},
                sealing_key=sealing_key,
            )
            if _write(database, wanted):
                changed.append(id_)
        return changed


def versions(database: Database) -> dict[str, int]:
    """Gateway → newest version."""
    return dict(database.rows("SELECT gateway, version FROM desired"))


def oversized(database: Database) -> list[str]:
    """Gateways that go on with what they hold: what they should hold is more than a message takes."""
    most = SIZE_LIMIT - SIGNATURE
    return [
        id_ for (id_,) in database.rows("SELECT gateway FROM desired WHERE LENGTH(body) > ? ORDER BY gateway", most)
    ]


def newest(database: Database, gateway: str) -> Desired | None:
    body = database.value("SELECT body FROM desired WHERE gateway = ?", gateway)
    return msgspec.json.decode(bytes(body), type=Desired) if body is not None else None


def _make_secrets(database: Database, offices: Sequence[str]) -> None:
    """Each office's codes come from a secret of its own, made once."""
    known = {office for (office,) in database.rows("SELECT office FROM secret")}
    made = [(office, _new_secret()) for office in offices if office not in known]
    if made:
        database.insert_all("secret", ("office", "presence"), made)


def _new_secret() -> str:
    """160 random bits in base32, as RFC 4226 recommends."""
    return b32encode(secrets.token_bytes(20)).decode()


def _roster(database: Database, gateway: str, *, serves_all: bool) -> tuple[Member, ...]:
    where = "1 = 1" if serves_all else "gateway = ?"
    rows = database.rows(
        "SELECT id, phone, alias, presence, language, shift, gateway FROM employee"
        f" WHERE active = 1 AND SUBSTR(phone, 1, 1) = '+' AND {where} ORDER BY id",
        *([] if serves_all else [gateway]),
    )
    return tuple(
        Member(
            employee=id_,
            phone=phone,
            alias=alias,
            presence=PresenceRule(presence) if presence else None,
            language=Language(language) if language else None,
            shift=shift,
            office="" if office == gateway else office,
        )
        for id_, phone, alias, presence, language, shift, office in rows
    )


def _write(database: Database, wanted: Desired) -> bool:
    """Keep it under a new version, unless what is held says the same."""
    held = newest(database, wanted.gateway)
    numbering.remember(database, wanted.gateway, (member.employee for member in wanted.roster))
    if held and msgspec.structs.replace(wanted, version=held.version, issued=held.issued) == held:
        return False
    # Not only larger than the last one: also than any that a lost database may have given out before.
    version = max(held.version + 1 if held else 1, int(wanted.issued.timestamp()))
    body = encode(msgspec.structs.replace(wanted, version=version))
    if held:
        database.run("UPDATE desired SET version = ?, body = ? WHERE gateway = ?", version, body, wanted.gateway)
    else:
        database.insert_all("desired", ("gateway", "version", "body"), [(wanted.gateway, version, body)])
    return True
