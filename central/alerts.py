"""The alerts as they are kept: looked at again and again, acknowledged, and read for pages and messages.

An alert and the event that tells of it are written in one transaction: neither is there without the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar

from . import alert_life, alerting, audit, maintenance
from .alert_life import Alert, Event
from .alerting import Finding, Self, Severity, Sight, Terms
from .database import Database, micros, moment
from .refusal import Refusal

LONGEST_NOTE = 200
_FIELDS = tuple(field.name for field in fields(Alert))
_COLUMNS = ", ".join(_FIELDS)
_TIMES = frozenset({"since", "fired", "told", "absent", "acknowledged", "resolved"})


class BadAlert(Refusal):
    """What can not be done to an alert."""

    texts: ClassVar = {
        "alert-over": "there is no alert {number} that could be acknowledged",
        "alert-note": "the note: at most {most} signs",
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts; what is empty does not narrow. `gateways` may be seen, None stands for all and central."""

    severity: str = ""
    subject: str = ""
    rule: str = ""
    gateways: frozenset[str] | None = None


def evaluate(
    database: Database, sights: Mapping[str, Sight], central: Self, terms: Terms, now: datetime
) -> list[tuple[Alert, Event]]:
    """Look once: what holds now is written down, and what people are to be told returned. Raises `StorageError`."""
    found = alerting.findings(sights, central, terms, now)
    with database.transaction():
        paused, everything = maintenance.active(database, now), maintenance.everything(database, now)
        known = {(alert.rule, alert.subject): alert for alert in opened(database)}
        told = []
        for key in sorted({*known, *found}):
            finding = found.get(key)
            if finding is None and alerting.unknown(*key, sights, central, now):
                continue
            silenced = everything or key[1] in paused
            event = _look(database, known.get(key), finding, terms, now, silenced=silenced)
            told.extend([event] if event else [])
    return told


def _look(
    database: Database, known: Alert | None, finding: Finding | None, terms: Terms, now: datetime, *, silenced: bool
) -> tuple[Alert, Event] | None:
    rule = terms.rules[known.rule if known else finding.rule]  # type: ignore[union-attr]
    alert = known
    if alert is None and finding is not None:
        alert = alert_life.begun(finding, rule, now, _flaps_before(database, finding, now))
    if alert is None:
        return None
    after, event = alert_life.advance(alert, finding, rule, now, silenced=silenced, renotify=terms.renotify)
    if after is None:
        database.run("DELETE FROM alert WHERE id = ?", alert.id)
        return None
    kept = _keep(database, after) if after != known else after
    if event is None:
        return None
    database.insert_all("alert_event", ("alert", "kind", "at"), [(kept.id, event, micros(now))])
    return kept, event


def opened(database: Database) -> list[Alert]:
    """All that are not over, pending ones too."""
    return _select(database, "resolved IS NULL ORDER BY id")


def firing(database: Database, gateways: frozenset[str] | None = None) -> list[Alert]:
    """Of which people were told, worst first, then the oldest; of those gateways, or of all and central."""
    found = [each for each in opened(database) if each.fired and _inside(each, gateways)]
    return sorted(found, key=lambda each: (each.severity.rank, bool(each.acknowledged), each.since))


def former(database: Database, wanted: Wanted, limit: int, offset: int = 0) -> list[Alert]:
    """That are over, the latest first."""
    conditions, values = ["resolved IS NOT NULL"], []
    for column, value in (("severity", wanted.severity), ("subject", wanted.subject), ("rule", wanted.rule)):
        if value:
            conditions.append(f"{column} = ?")
            values.append(value.replace("\0", ""))
    if wanted.gateways is not None:
        conditions.append(f"subject IN ({', '.join('?' * len(wanted.gateways)) or 'NULL'})")
        values.extend(sorted(wanted.gateways))
    where = " AND ".join(conditions)
    return _select(database, f"{where} ORDER BY resolved DESC, id DESC LIMIT ? OFFSET ?", *values, limit, offset)


def of(database: Database, gateway: str, begin: datetime, end: datetime) -> list[Alert]:
    """Of that gateway, that people were told of in that time, as they began."""
    return _select(
        database, "subject = ? AND fired IS NOT NULL AND since < ? AND (resolved IS NULL OR resolved > ?)"
        " ORDER BY since, id", gateway, micros(end), micros(begin),
    )  # fmt: skip


def by_ids(database: Database, ids: set[int]) -> list[Alert]:
    return _select(database, f"id IN ({', '.join('?' * len(ids))})", *sorted(ids)) if ids else []


def acknowledge(database: Database, number: int, who: str, note: str, now: datetime) -> None:
    """Somebody sees to it: nobody is told again until it is over. Raises `Refusal`."""
    note = " ".join(note.replace("\0", "").split())
    if len(note) > LONGEST_NOTE:
        raise BadAlert("alert-note", most=LONGEST_NOTE)
    with database.transaction():
        changed = database.run(
            "UPDATE alert SET acknowledged = ?, acknowledged_by = ?, note = ?"
            " WHERE id = ? AND fired IS NOT NULL AND resolved IS NULL",
            micros(now), who, note, number,
        )  # fmt: skip
        if not changed:
            raise BadAlert("alert-over", number=number)
        audit.append(database, who, "alert-acknowledged", {"alert": number, "note": note}, now)


def counts(database: Database) -> Counter[Severity]:
    """How many are open, by severity."""
    rows = database.rows(
        "SELECT severity, COUNT(*) FROM alert WHERE fired IS NOT NULL AND resolved IS NULL GROUP BY severity"
    )
    return Counter({Severity(severity): int(count) for severity, count in rows})


def _inside(alert: Alert, gateways: frozenset[str] | None) -> bool:
    return gateways is None or alert.subject in gateways


def _flaps_before(database: Database, finding: Finding, now: datetime) -> int:
    flaps = database.value(
        "SELECT flaps FROM alert WHERE rule = ? AND subject = ? AND resolved > ? ORDER BY id DESC LIMIT 1",
        finding.rule, finding.subject, micros(now - alert_life.REMEMBERED),
    )  # fmt: skip
    return int(flaps) + 1 if flaps is not None else 0


def _keep(database: Database, alert: Alert) -> Alert:
    values = [micros(each) if isinstance(each, datetime) else each for each in astuple(alert)]
    row = {name: value for name, value in zip(_FIELDS, values, strict=True) if name != "id"}
    if alert.id:
        database.run(
            f"UPDATE alert SET {', '.join(f'{name} = ?' for name in row)} WHERE id = ?", *row.values(), alert.id
        )
        return alert
    database.insert_all("alert", tuple(row), [tuple(row.values())])
    return replace(alert, id=int(database.value("SELECT MAX(id) FROM alert")))


def _select(database: Database, where: str, *values: Any) -> list[Alert]:
    return [_alert(row) for row in database.rows(f"SELECT {_COLUMNS} FROM alert WHERE {where}", *values)]


def _alert(row: tuple[Any, ...]) -> Alert:
    found = dict(zip(_FIELDS, row, strict=True))
    for name in _TIMES:
        found[name] = moment(found[name]) if found[name] is not None else None
    return Alert(**{**found, "severity": Severity(found["severity"])})
