"""What a channel is told: one message of all that happened since the last, and one every morning. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .alert_life import Alert, Event
from .alerting import CENTRAL, Severity, Sight, named

MOST_NAMES = 12  # of one line
MOST_LINES = 40  # of one message: a phone is read, not studied
HEADS = {Severity.CRITICAL: "GAWAT", Severity.WARNING: "PERINGATAN", Severity.INFO: "INFO"}
ALL_WELL = "Semua baik"


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    body: str


def compose(happened: Sequence[tuple[Alert, Event]], zone: ZoneInfo, now: datetime, page: str) -> Message | None:
    """Of each alert only how it is by now; None when there is nothing to tell. `page` is where to look further."""
    last = {alert.id: (alert, event) for alert, event in happened}
    over = [alert for alert, _ in last.values() if alert.resolved]
    still = [(alert, event) for alert, event in last.values() if not alert.resolved]
    new = [alert for alert, event in still if event is Event.FIRED]
    again = [alert for alert, event in still if event is not Event.FIRED]
    if not last:
        return None
    lines: list[str] = []
    for severity in Severity:
        lines += _section(HEADS[severity], [each for each in new if each.severity is severity], zone, now)
    lines += _section("MASIH TERBUKA", again, zone, now)
    lines += _section("PULIH", over, zone, now)
    return Message(_title(new, again, over), _body(lines, page))


def digest(
    open_: Sequence[Alert], sights: Sequence[Sight], zone: ZoneInfo, now: datetime, page: str, sim_days: int
) -> Message:
    """The morning's message: also when all is well, so that silence means that something is broken."""
    silent = [_silent(each, zone, now) for each in sights if not each.reports(now)]
    running_out = [text for each in sights if (text := _running_out(each, now.astimezone(zone).date(), sim_days))]
    lines = _section("TERBUKA", open_, zone, now)
    lines += _list("TANPA KABAR", silent)
    lines += _list("PULSA ATAU MASA AKTIF HABIS MINGGU INI", running_out)
    day = f"{now.astimezone(zone):%d/%m/%Y}"
    if not lines:
        return Message(f"Gardu {day}: semua baik", _body([f"{ALL_WELL}: {len(sights)} gateway memberi kabar."], page))
    counts = [f"{len(open_)} terbuka"] if open_ else []
    counts += [f"{len(silent)} tanpa kabar"] if silent else []
    counts += [f"{len(running_out)} pulsa hampir habis"] if running_out else []
    return Message(f"Gardu {day}: {', '.join(counts)}", _body(lines, page))


def test(name: str) -> Message:
    return Message("Gardu: pesan uji", f"Saluran {name} bekerja. Tidak ada yang perlu dilakukan.")


def span(lasted: timedelta) -> str:
    """Such as `2 jam 5 menit`, never finer than a minute."""
    minutes = int(lasted.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} hari {hours} jam" if hours else f"{days} hari"
    if hours:
        return f"{hours} jam {minutes % 60} menit" if minutes % 60 else f"{hours} jam"
    return f"{minutes} menit"


def _title(new: Sequence[Alert], again: Sequence[Alert], over: Sequence[Alert]) -> str:
    parts = []
    for severity in Severity:
        count = sum(each.severity is severity for each in new)
        parts += [f"{count} {HEADS[severity].lower()}"] if count else []
    parts += [f"{len(again)} masih terbuka"] if again else []
    parts += [f"{len(over)} pulih"] if over else []
    only = [*new, *again, *over]
    about = f" ({named(only[0].subject)})" if len(only) == 1 else ""
    return f"Gardu: {', '.join(parts)}{about}"


def _body(lines: Sequence[str], page: str) -> str:
    kept = list(lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        kept.append(f"… dan {len(lines) - MOST_LINES} baris lagi")
    return "\n".join([*kept, "", page]).rstrip()


def _section(head: str, alerts: Sequence[Alert], zone: ZoneInfo, now: datetime) -> list[str]:
    """What is said of several in the same words is said once."""
    if not alerts:
        return []
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in sorted(alerts, key=lambda each: (each.severity.rank, each.subject)):
        groups.setdefault((alert.text, "" if alert.resolved else alert.remedy), []).append(alert)
    lines = [head]
    for (text, remedy), same in groups.items():
        lines.append(f"- {_names(same)}: {text} ({_when(same, zone, now)})")
        lines += [f"  → {remedy}"] if remedy else []
    return lines


def _list(head: str, texts: Sequence[str]) -> list[str]:
    return [head, *(f"- {text}" for text in texts)] if texts else []


def _names(alerts: Sequence[Alert]) -> str:
    names = sorted({named(alert.subject) for alert in alerts})
    more = f" dan {len(names) - MOST_NAMES} lagi" if len(names) > MOST_NAMES else ""
    of_central = any(alert.subject.startswith(CENTRAL) for alert in alerts)
    count = f"{len(names)} gateway, " if len(names) > 1 and not of_central else ""
    return count + ", ".join(names[:MOST_NAMES]) + more


def _when(alerts: Sequence[Alert], zone: ZoneInfo, now: datetime) -> str:
    first = min(alerts, key=lambda each: each.since)
    if first.resolved:
        return f"setelah {span((first.absent or first.resolved) - first.since)}"
    seen = f", diurus {first.acknowledged_by}" if len(alerts) == 1 and first.acknowledged_by else ""
    return f"sejak {first.since.astimezone(zone):%d/%m %H.%M}, {span(now - first.since)}{seen}"


def _silent(sight: Sight, zone: ZoneInfo, now: datetime) -> str:
    if sight.seen is None:
        return f"{sight.id}: belum pernah terhubung"
    return f"{sight.id}: sejak {sight.seen.astimezone(zone):%d/%m %H.%M}, {span(now - sight.seen)}"


def _running_out(sight: Sight, today: date, days: int) -> str:
    sim = sight.status.sim if sight.status else None
    if sim is None:
        return ""
    left = [sim.days_left] if sim.days_left is not None else []
    left += [(sim.valid_until - today).days] if sim.valid_until else []
    if not left or min(left) > days:
        return ""
    balance = f", pulsa Rp {f'{sim.balance:,}'.replace(',', '.')}" if sim.balance is not None else ""
    return f"{sight.id}: {max(0, min(left))} hari lagi{balance}"
