"""A city that never was: offices, people and their records, in bulk straight into the collector's database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from central.database import Database, micros

ZONE = ZoneInfo("Asia/Jakarta")
RECORD = (
    "gateway", "journal", "seq", "employee", "action", "at", "received", "channel", "presence", "flags", "receipt",
    "fingerprint", "hash", "stored",
)  # fmt: skip
ROWS = 2000  # in one statement: SQLite takes 32,766 values
STATEMENTS = 50  # in one transaction


def fill(database: Database, *, gateways: int, people: int, records: int, last: date) -> date:
    """`people` in `gateways` offices, with about `records` records on the working days before `last` and on it.

    Returns the first day. Nine in a hundred are late, two in a hundred leave early, one in a hundred is missing.
    """
    names = [f"kantor-{number:04}" for number in range(gateways)]
    staff = [(f"e-{number:06}", names[number % gateways]) for number in range(people)]
    days = list(_working_days(last, max(1, round(records / (1.98 * people)))))
    since = micros(datetime.combine(days[0] - timedelta(days=1), time(), ZONE))
    until = micros(datetime.combine(last, time(23), ZONE))
    with database.transaction():
        _put(database, "gateway", ("id", "added", "online"), [(name, since, 1) for name in names])
        _put(
            database,
            "chain",
            ("gateway", "journal", "seq", "hash", "first_seen"),
            [(n, "j", 0, "", 0) for n in names],
        )
        _put(database, "watermark", ("gateway", "journal", "until"), [(name, "j", until) for name in names])
        columns = ("id", "nip", "name", "phone", "gateway")
        rows = [(id_, f"{n:018}", f"Pegawai {n:05}", f"+62812{n:07}", at) for n, (id_, at) in enumerate(staff)]
        _put(database, "employee", columns, rows)
        _put(database, "placement", ("employee", "gateway", "since"), [(id_, at, since) for id_, at in staff])
    _put_records(database, staff, days)
    database.run("UPDATE chain SET seq = (SELECT MAX(seq) FROM record WHERE record.gateway = chain.gateway)")
    database.analyse()
    return days[0]


def _put_records(database: Database, staff: list[tuple[str, str]], days: list[date]) -> None:
    rows: list[tuple[Any, ...]] = []
    for row in _records(staff, days):
        rows.append(row)
        if len(rows) == ROWS * STATEMENTS:
            with database.transaction():
                _put(database, "record", RECORD, rows)
            rows = []
    with database.transaction():
        _put(database, "record", RECORD, rows)


def _records(staff: list[tuple[str, str]], days: list[date]) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(1)
    seqs: dict[str, int] = {}
    for day in days:
        midnight = micros(datetime.combine(day, time(), ZONE))
        for action, around in (("in", 7 * 60 + 15), ("out", 16 * 60 + 40)):
            for employee, gateway in staff:
                if chance.random() < 0.01:
                    continue
                seqs[gateway] = seq = seqs.get(gateway, 0) + 1
                at = midnight + int((around + chance.gauss(0, 12)) * 60_000_000)
                receipt, digest = f"{seq % 2**20:05X}", f"{seq:064x}"
                rest = ("sms", "none", "", receipt, digest, digest, at + 5_000_000)
                yield (gateway, "j", seq, employee, action, at, at + 4_000_000, *rest)


def _working_days(last: date, number: int) -> Iterator[date]:
    """That many, in their order."""
    days: list[date] = []
    while len(days) < number:
        if last.weekday() < 5:
            days.append(last)
        last -= timedelta(days=1)
    yield from reversed(days)


def _put(database: Database, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), ROWS):
        database.insert_all(table, columns, rows[start : start + ROWS])
