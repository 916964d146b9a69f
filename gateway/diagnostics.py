"""What IT staff get to see of a gateway from afar: one bounded bundle of JSON that names no person and no secret."""

from __future__ import annotations

import platform
import re
import sqlite3
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from modem.messages import ModemStatus
from mqtt_bridge import logs

from .clock import Now

if TYPE_CHECKING:
    from .core import Core

LONGEST = 16_000
NOTE_EVERY = 60.0  # seconds between two notes of the signal
HELD = 60
# Phone numbers, NIP, IMSI and codes, but no times and short hashes; keys and secrets in base32, base64 and hex.
_PRIVATE = re.compile(r"(?<![0-9a-fA-F.])(?!\d{4}-\d\d-\d\d)\+?\d(?:[ -]?\d){5,}(?![0-9a-fA-F])|[A-Za-z0-9+/_=]{20,}")
_SAID = frozenset({"timestamp", "level", "event", "logger", "problem", "exception", "loop"})


class Signals:
    """How strong the signal was lately."""

    def __init__(self) -> None:
        self._next = 0.0
        self._held: deque[tuple[datetime, int | None]] = deque(maxlen=HELD)

    def note(self, status: ModemStatus | None, now: Now) -> None:
        if status and now.monotonic >= self._next:
            self._held.append((now.wall, status.signal))
            self._next = now.monotonic + NOTE_EVERY

    def told(self) -> list[tuple[str, int | None]]:
        return [(f"{at.astimezone(UTC):%H:%M}", percent) for at, percent in self._held]


def bundle(core: Core, now: Now) -> str:
    """Raises `JournalError`."""
    status = core.status()
    modem = core.sides[0].watch.status
    told = {
        "versions": {"gardu": status.version, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
                     "machine": platform.machine()},
        "running": {"since": status.started, "starts": core.starts, "disk_free": status.disk_free,
                    "heat": status.heat},
        "clock": {"now": now.wall, "trusted": now.trusted, "synchronised": now.synchronised},
        "modem": status.modem,
        "registration": modem.registration if modem else None,
        "other_modems": core.other_modems(),
        "signal": core.signals.told(),
        "journal": {"id": status.journal, **core.journal.counts()},
        "complete_until": status.complete_until,
        "desired": status.desired,
        "certificate_until": status.certificate_until,
        "uplink": status.uplink,
        "reasons": [f"{reason.code}: {reason.text}" for reason in status.reasons],
        "warnings": [_line(event) for event in logs.remembered()],
    }  # fmt: skip
    return fitting(told)


def fitting(told: Mapping[str, Any]) -> str:
    """As JSON of at most `LONGEST` signs, without what is private; the oldest warnings go first."""
    kept = msgspec.to_builtins(told, builtin_types=())
    while True:
        text = msgspec.json.format(msgspec.json.encode(hidden(kept)), indent=1).decode()
        if len(text) <= LONGEST or not kept["warnings"]:
            return text[:LONGEST]
        kept["warnings"] = kept["warnings"][len(kept["warnings"]) // 4 + 1 :]


def hidden(value: Any) -> Any:
    """With every number of a person and every secret taken out of its texts."""
    if isinstance(value, str):
        return _PRIVATE.sub("[…]", value)
    if isinstance(value, Mapping):
        return {key: hidden(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(each) for each in value]
    return value


def _line(event: Mapping[str, str]) -> str:
    return " | ".join(f"{key}={event[key][:300]}" for key in sorted(event) if key in _SAID)
