"""Counts the city's days before somebody looks at them: the last two every minute, older ones once, latest first."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

from .attendance import DAY, Attendance
from .city import City
from .database import moment

STORED = timedelta(days=400)
REST = 0.05  # seconds after each few offices: the pages of this process come first


class Counting:
    def __init__(self, city: City, attendance: Attendance, clock: Callable[[], datetime], rest: float = REST) -> None:
        self._city = city
        self._attendance = attendance
        self._clock = clock
        self._rest = rest
        self._today: date | None = None
        self._older: list[date] = []

    def step(self) -> bool:
        """Tells whether more is to be done at once. Raises `StorageError`."""
        now = self._clock()
        today = self._attendance.today(now)
        if today != self._today:
            self._older = self._days_before(today)
            self._city.forget(today - STORED)
            self._today = today
        for day in (today, today - DAY):
            self._city.store(day, now, self._pause)
        while self._older:
            if self._city.store(self._older.pop(), now, self._pause):
                return True
        return False

    def _days_before(self, today: date) -> list[date]:
        """Back to the first record, the latest at the end."""
        first = self._attendance.database.value("SELECT MIN(at) FROM record")
        if first is None:
            return []
        begin = max(self._attendance.today(moment(first)), today - STORED)
        return [begin + number * DAY for number in range((today - DAY - begin).days)]

    def _pause(self) -> None:
        time.sleep(self._rest)
