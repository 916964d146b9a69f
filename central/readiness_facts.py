"""What is known of every office for `readiness`: one query for each kind of fact, however many offices there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from mqtt_bridge.records import BadPayload, PresenceRule, Status, decode

from . import audit, orders
from .database import Database, moment
from .keys import revoked
from .readiness import Facts

CITY = ""  # the name under which the date for all offices is kept


class _PolicyPart(msgspec.Struct, frozen=True):
    presence: PresenceRule = PresenceRule.OFF


class _DesiredPart(msgspec.Struct):
    """All that is needed of what a gateway should hold: the rest is skipped unread."""

    policy: _PolicyPart = _PolicyPart()


@dataclass(frozen=True, slots=True)
class _Latest:
    """When an SMS, and when a code, came last."""

    text: datetime | None
    code: datetime | None


def every(database: Database) -> list[Facts]:
    """Of all offices: gateways that serve employees of their own, or are to. Others have nothing to be ready for."""
    ended, until = revoked(database), certificates(database)
    people, latest, looped = _people(database), _latest(database), loop_passed(database)
    days, usual = deadlines(database), _usual_presence(database)
    found = []
    for id_, online, seen, kept, presence, serves_all, wanted in _gateways(database):
        many, trained = people.get(id_, (0, 0))
        if not many and (serves_all or id_ in ended):
            continue
        facts = Facts(
            gateway=id_,
            deadline=days.get(id_, days.get(CITY)),
            certificate_until=until.get(id_),
            ended=ended.get(id_),
            online=bool(online),
            seen=_moment(seen),
            status=status_of(kept),
            wanted=wanted or 0,
            people=many,
            trained=trained,
            needs_codes=(presence or usual) == PresenceRule.REQUIRED,
            coded=latest[id_].code,
            looped=max(filter(None, (latest[id_].text, looped.get(id_))), default=None),
        )
        found.append(facts)
    return found


def loop_passed(database: Database) -> dict[str, datetime]:
    """Gateway → when a test SMS of it last came through, or an SMS of it was answered from here.

    Check-ins by SMS, which prove as much, are apart.
    """
    rows = database.rows("SELECT gateway, MAX(tried) FROM uplink_answer GROUP BY gateway")
    found = orders.looped(database)
    for gateway, tried in rows:
        found[gateway] = max(moment(tried), found.get(gateway, moment(tried)))
    return found


def untrained(database: Database, gateway: str) -> list[str]:
    """The names of those who never checked in."""
    rows = database.rows(
        "SELECT name FROM employee WHERE gateway = ? AND active = 1 AND NOT EXISTS"
        f" (SELECT 1 FROM record WHERE {_FIRST}) ORDER BY name",
        gateway,
    )
    return [name for (name,) in rows]


def deadlines(database: Database) -> dict[str, date]:
    """Gateway → its own date; that of the city under `CITY`."""
    return {id_: date.fromisoformat(day) for id_, day in database.rows("SELECT gateway, day FROM readiness_deadline")}


def set_deadline(database: Database, gateway: str, day: date | None, who: str, now: datetime) -> None:
    """For one gateway, or for all that have none of their own (`CITY`); None takes it away."""
    with database.transaction():
        database.run("DELETE FROM readiness_deadline WHERE gateway = ?", gateway)
        if day:
            database.insert_all("readiness_deadline", ("gateway", "day"), [(gateway, day.isoformat())])
        audit.append(database, who, "deadline-set", {"gateway": gateway, "day": day}, now)


_FIRST = "record.employee = employee.id AND record.action IN ('in', 'out')"


def _gateways(database: Database) -> Iterator[tuple[str, int, int | None, bytes | None, str | None, int, int | None]]:
    yield from database.rows(
        "SELECT id, online, seen, status, presence, serves_all, version"
        " FROM gateway LEFT JOIN desired ON desired.gateway = gateway.id ORDER BY id"
    )


def certificates(database: Database) -> dict[str, datetime]:
    """Gateway → until when the latest of its certificates is good that was not revoked."""
    rows = database.rows("SELECT gateway, MAX(not_after) FROM certificate WHERE revoked_at IS NULL GROUP BY gateway")
    return {gateway: moment(until) for gateway, until in rows}


def _people(database: Database) -> dict[str, tuple[int, int]]:
    """Gateway → how many employees, and how many of them checked in at some time."""
    rows = database.rows(
        "SELECT gateway, COUNT(*),"
        f" SUM(CASE WHEN EXISTS (SELECT 1 FROM record WHERE {_FIRST}) THEN 1 ELSE 0 END)"
        " FROM employee WHERE active = 1 GROUP BY gateway"
    )
    return {gateway: (int(many), int(trained)) for gateway, many, trained in rows}


def _latest(database: Database) -> dict[str, _Latest]:
    """By the index of gateway and time: the latest of each, not all of a year."""
    latest = "(SELECT at FROM record WHERE record.gateway = gateway.id AND {} ORDER BY at DESC LIMIT 1)"
    text, code = latest.format("channel = 'sms'"), latest.format("record.presence = 'code'")
    rows = database.rows(f"SELECT id, {text}, {code} FROM gateway")
    return {id_: _Latest(_moment(texted), _moment(coded)) for id_, texted, coded in rows}


def _usual_presence(database: Database) -> PresenceRule:
    """What the policy asks of offices that nothing else is set for: it is the same in all they should hold."""
    body = database.value(
        "SELECT body FROM desired JOIN gateway ON gateway.id = desired.gateway WHERE presence IS NULL"
        " ORDER BY version DESC LIMIT 1"
    )
    return msgspec.json.decode(bytes(body), type=_DesiredPart).policy.presence if body else PresenceRule.OFF


def _moment(micros: int | None) -> datetime | None:
    return moment(micros) if micros is not None else None


def status_of(kept: bytes | None) -> Status | None:
    """What was kept, if it can still be read."""
    try:
        status = decode(bytes(kept)) if kept is not None else None
    except BadPayload:
        return None  # of an older version
    return status if isinstance(status, Status) else None
