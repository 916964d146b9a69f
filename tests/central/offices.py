"""Offices with people and records for what attendance makes of them; written straight into the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from central import fleet
from central.database import Database, micros
from central.roster import Row, store
from mqtt_bridge.records import Action

WIB = ZoneInfo("Asia/Jakarta")
DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=WIB)


def at(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), WIB)


class City:
    """Everybody is enrolled since 2026 began."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._seq = 0

    def office(self, gateway: str, names: Sequence[str]) -> dict[str, str]:
        """Name → id."""
        fleet.add(self.database, gateway, at("00:00", date(2026, 1, 1)))
        known = int(self.database.value("SELECT COUNT(*) FROM employee"))
        rows = [
            Row(number, f"{known + number:018}", name, f"+62812{known + number:07}", gateway)
            for number, name in enumerate(names, 1)
        ]
        store(self.database, rows, now=at("00:00", date(2026, 1, 1)))
        return {name: self.id(name) for name in names}

    def id(self, name: str) -> str:
        return str(self.database.value("SELECT id FROM employee WHERE name = ?", name))

    def record(self, name: str, action: Action, clock: str, day: date = DAY, gateway: str = "dinkes-01") -> int:
        self._seq += 1
        columns = (
            "gateway", "journal", "seq", "employee", "action", "at", "received", "channel", "presence", "flags",
            "receipt", "fingerprint", "hash", "stored",
        )  # fmt: skip
        time_ = micros(at(clock, day))
        rest = ("sms", "none", "", f"R{self._seq}", "", "", time_)
        self.database.insert_all(
            "record", columns, [(gateway, "j", self._seq, self.id(name), action, time_, time_, *rest)]
        )
        if not self.database.run("UPDATE chain SET seq = ? WHERE gateway = ?", self._seq, gateway):
            self.database.insert_all(
                "chain", ("gateway", "journal", "seq", "hash", "first_seen"), [(gateway, "j", self._seq, "", 0)]
            )
        return int(self.database.value("SELECT MAX(id) FROM record"))

    def complete(self, until: datetime, gateway: str = "dinkes-01") -> None:
        self.database.run("DELETE FROM watermark WHERE gateway = ?", gateway)
        row = (gateway, "j", micros(until))
        self.database.insert_all("watermark", ("gateway", "journal", "until"), [row])

    def incident(self, reason: str, since: str, until: str | None, gateway: str = "dinkes-01") -> None:
        row = (gateway, reason, micros(at(since)), micros(at(until)) if until else None)
        self.database.insert_all("incident", ("gateway", "reason", "since", "until"), [row])


def later(**spans: float) -> datetime:
    return NOW + timedelta(**spans)
