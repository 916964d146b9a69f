"""Times in which people work on gateways: what goes wrong there then alarms nobody. Kept for good, ended or over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from . import audit
from .database import Database, micros, moment
from .refusal import Refusal

LONGEST = timedelta(days=60)
LONGEST_WHY = 200
_COLUMNS = "id, kind, target, since, until, who, why, ended, ended_by"


class BadWindow(Refusal):
    """A window that can not be, or is not there."""

    texts: ClassVar = {
        "window-order": "the end must be after the beginning, and still to come",
        "window-long": "at most {days} days at a time",
        "window-why": "say why, in at most {most} signs",
        "window-gateway": "there is no gateway {name}",
        "window-tag": "no gateway has the tag {name}",
        "window-unknown": "there is no window {number} that could be ended",
    }


class Kind(StrEnum):
    """Whom a window is about."""

    ALL = "all"  # and central itself
    TAG = "tag"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` up to `until`, or to when somebody ended it."""

    id: int
    kind: Kind
    target: str
    since: datetime
    until: datetime
    who: str
    why: str
    ended: datetime | None
    ended_by: str | None

    @property
    def end(self) -> datetime:
        return min(self.until, self.ended) if self.ended else self.until

    def holds(self, now: datetime) -> bool:
        return self.since <= now < self.end

    def covers(self, gateway: str, tags: frozenset[str]) -> bool:
        if self.kind is Kind.GATEWAY:
            return self.target == gateway
        return self.kind is Kind.ALL or self.target in tags


def active(database: Database, now: datetime) -> set[str]:
    """The gateways on which people work now."""
    held = [window for window in _held(database, now) if window.holds(now)]
    if not held:
        return set()
    return {gateway for gateway, own in tags(database).items() if any(window.covers(gateway, own) for window in held)}


def everything(database: Database, now: datetime) -> bool:
    """Whether all is worked on, central too."""
    return any(window.kind is Kind.ALL and window.holds(now) for window in _held(database, now))


def tags(database: Database) -> dict[str, frozenset[str]]:
    """Gateway → its tags."""
    return {id_: frozenset(text.split()) for id_, text in database.rows("SELECT id, tags FROM gateway")}


def add(
    database: Database, kind: Kind, target: str, since: datetime, until: datetime, who: str, why: str, now: datetime
) -> Window:
    """Raises `Refusal`."""
    target, why = target.replace("\0", "").strip(), " ".join(why.replace("\0", "").split())
    _check(database, kind, target, since, until, why, now)
    row = (kind, "" if kind is Kind.ALL else target, micros(since), micros(until), who, why)
    with database.transaction():
        database.insert_all("maintenance", ("kind", "target", "since", "until", "who", "why"), [row])
        made = _window(database.rows(f"SELECT {_COLUMNS} FROM maintenance ORDER BY id DESC LIMIT 1")[0])
        body = {"window": made.id, "kind": kind, "target": made.target, "until": until.isoformat(), "why": why}
        audit.append(database, who, "maintenance", body, now)
    return made


def end(database: Database, number: int, who: str, now: datetime) -> None:
    """Before its time; one that has not begun never will. Raises `Refusal`."""
    with database.transaction():
        changed = database.run(
            "UPDATE maintenance SET ended = ?, ended_by = ? WHERE id = ? AND ended IS NULL AND until > ?",
            micros(now), who, number, micros(now),
        )  # fmt: skip
        if not changed:
            raise BadWindow("window-unknown", number=number)
        audit.append(database, who, "maintenance-end", {"window": number}, now)


def coming(database: Database, now: datetime) -> list[Window]:
    """That hold or are still to come, as they begin."""
    return _held(database, now)


def former(database: Database, now: datetime, limit: int = 50) -> list[Window]:
    """That are over, the latest first."""
    return _select(
        database, "until <= ? OR ended IS NOT NULL ORDER BY since DESC, id DESC LIMIT ?", micros(now), limit
    )


def of(database: Database, gateway: str, begin: datetime, end: datetime) -> list[Window]:
    """Of that gateway, as its tags are now, in that time."""
    own = tags(database).get(gateway, frozenset())
    found = _select(database, "since < ? AND until > ? ORDER BY since, id", micros(end), micros(begin))
    return [window for window in found if window.covers(gateway, own) and max(window.since, begin) < window.end]


def _held(database: Database, now: datetime) -> list[Window]:
    return _select(database, "until > ? AND ended IS NULL ORDER BY since, id", micros(now))


def _select(database: Database, where: str, *values: Any) -> list[Window]:
    return [_window(row) for row in database.rows(f"SELECT {_COLUMNS} FROM maintenance WHERE {where}", *values)]


def _window(row: tuple[Any, ...]) -> Window:
    id_, kind, target, since, until, who, why, ended, ended_by = row
    over = moment(ended) if ended is not None else None
    return Window(id_, Kind(kind), target, moment(since), moment(until), who, why, over, ended_by)


def _check(
    database: Database, kind: Kind, target: str, since: datetime, until: datetime, why: str, now: datetime
) -> None:
    if until <= since or until <= now:
        raise BadWindow("window-order")
    if until - since > LONGEST:
        raise BadWindow("window-long", days=LONGEST.days)
    if not 0 < len(why) <= LONGEST_WHY:
        raise BadWindow("window-why", most=LONGEST_WHY)
    known = tags(database)
    if kind is Kind.GATEWAY and target not in known:
        raise BadWindow("window-gateway", name=target)
    if kind is Kind.TAG and not any(target in own for own in known.values()):
        raise BadWindow("window-tag", name=target)
