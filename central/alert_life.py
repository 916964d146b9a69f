"""The life of an alert: pending, firing, acknowledged, resolved; the more it flaps, the slower it ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from .alerting import Finding, Rule, Severity

# One that comes back within this time after its end is taken for the same that flaps.
REMEMBERED = timedelta(hours=2)
LONGEST_CLEAR = timedelta(hours=1)  # that flapping can ask for


class State(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What people are told."""

    FIRED = "fired"
    AGAIN = "again"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """`since` is when its condition began to hold, `told` when people were told last, `absent` since when the
    condition does not hold, `flaps` how often it came back in that time. `id` is 0 before it is kept.
    """

    rule: str
    subject: str
    severity: Severity
    text: str
    remedy: str
    since: datetime
    id: int = 0
    fired: datetime | None = None
    told: datetime | None = None
    absent: datetime | None = None
    flaps: int = 0
    acknowledged: datetime | None = None
    acknowledged_by: str | None = None
    note: str = ""
    resolved: datetime | None = None

    @property
    def state(self) -> State:
        if self.resolved:
            return State.RESOLVED
        if self.fired is None:
            return State.PENDING
        return State.ACKNOWLEDGED if self.acknowledged else State.FIRING


Step = tuple[Alert | None, Event | None]


def begun(finding: Finding, rule: Rule, now: datetime, flaps: int = 0) -> Alert:
    """`flaps` are those of the one before it, if that ended a short time ago."""
    return Alert(finding.rule, finding.subject, rule.severity, finding.text, finding.remedy, now, flaps=flaps)


def advance(
    alert: Alert, finding: Finding | None, rule: Rule, now: datetime, *, silenced: bool, renotify: timedelta
) -> Step:
    """One look later; None for one that never fired and is over. What is `silenced` waits until that ends."""
    if finding is None:
        return _without(alert, rule, now)
    alert = replace(alert, text=finding.text, remedy=finding.remedy, severity=rule.severity)
    if alert.fired is None:
        return _pending(alert, rule, now, silenced=silenced)
    if alert.absent is not None:
        alert = replace(alert, absent=None, flaps=alert.flaps + 1)
    due = alert.told is None or now - alert.told >= renotify
    if due and not silenced and not alert.acknowledged:
        return replace(alert, told=now), Event.AGAIN
    return alert, None


def clear_after(rule: Rule, flaps: int) -> timedelta:
    return min(rule.clear * (1 << min(flaps, 10)), max(rule.clear, LONGEST_CLEAR))


def _pending(alert: Alert, rule: Rule, now: datetime, *, silenced: bool) -> Step:
    if silenced:
        return replace(alert, since=now), None  # counts anew from the end of the maintenance
    if now - alert.since < rule.after:
        return alert, None
    return replace(alert, fired=now, told=now), Event.FIRED


def _without(alert: Alert, rule: Rule, now: datetime) -> Step:
    if alert.fired is None:
        return None, None
    alert = alert if alert.absent is not None else replace(alert, absent=now)
    if now - (alert.absent or now) < clear_after(rule, alert.flaps):
        return alert, None
    return replace(alert, resolved=now), Event.RESOLVED
