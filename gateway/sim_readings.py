"""The journal's answers of operators: balance and validity of the SIMs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from modem.ussd import Reading

from .rows import as_text, as_time
from .store import Store

_SIM_READINGS = 100  # more than the days that a forecast looks back


@dataclass(frozen=True, slots=True)
class Unread:
    """What an operator answered that was not understood; `answered` is False where `raw` says why it did not."""

    raw: str
    answered: bool


class SimReadings(Store):
    """By a mark of the SIM: a card that is changed begins anew."""

    def keep_sim_reading(self, sim: str, reading: Reading, raw: str, *, answered: bool) -> None:
        """Keep what the operator answered, understood or not, or why it did not."""
        until = reading.valid_until.isoformat() if reading.valid_until else None
        with self._transaction():
            self._run(
                "INSERT INTO sim_reading (sim, at, balance, valid_until, raw, answered) VALUES (?, ?, ?, ?, ?, ?)",
                sim,
                as_text(reading.at),
                reading.balance,
                until,
                raw,
                answered,
            )

    def sim_readings(self, sim: str) -> tuple[tuple[Reading, ...], tuple[Unread, ...]]:
        """The last answers that were understood, and those since then that were not; oldest first."""
        understood = "(balance IS NOT NULL OR valid_until IS NOT NULL)"
        with self._guarded():
            rows = self._rows(
                f"SELECT id, at, balance, valid_until FROM sim_reading WHERE sim = ? AND {understood}"
                " ORDER BY id DESC LIMIT ?",
                sim,
                _SIM_READINGS,
            )
            unread = self._rows(
                "SELECT raw, answered FROM sim_reading WHERE sim = ? AND id > ? ORDER BY id DESC LIMIT ?",
                sim,
                rows[0][0] if rows else 0,
                _SIM_READINGS,
            )
        known = [
            Reading(as_time(at), balance, date.fromisoformat(day) if day else None) for _, at, balance, day in rows
        ]
        return tuple(reversed(known)), tuple(Unread(raw, bool(told)) for raw, told in reversed(unread))
