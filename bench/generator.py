"""A city that never was: offices, people and their records, in bulk straight into the collector's database."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from central.database import Database, micros
from central.gateway_history import COLUMNS, KEPT
from mqtt_bridge.records import ModemReport, Reason, SimReport, Status, encode

ZONE = ZoneInfo("Asia/Jakarta")
RECORD = (
    "gateway", "journal", "seq", "employee", "action", "at", "received", "channel", "presence", "flags", "receipt",
    "fingerprint", "hash", "stored",
)  # fmt: skip
HISTORY = ("gateway", "step", "at", *COLUMNS)
TAGS = ("utara", "selatan", "timur", "barat", "utara puskesmas", "selatan sekolah")
WRONG = (
    ("clock", "Jam gateway belum benar; yang dipakai waktu dari SMS centre"),
    ("network", "Modem masih mencari jaringan"),
    ("sim-balance", "Pulsa kartu SIM tinggal Rp 5.000, cukup sekitar 2 hari; isi pulsa"),
    ("disk", "Sisa ruang kartu SD hanya 180 MB"),
)
WEEK = 5  # working days
DAY = 86_400_000_000
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
    _put_statuses(database, names, datetime.combine(last, time(23, 30), ZONE))
    database.analyse()
    return days[0]


def _put_records(database: Database, staff: list[tuple[str, str]], days: list[date]) -> None:
    """The first week is made here; the database itself makes the others of it, many times faster."""
    rows = list(_records(staff, days[:WEEK]))
    for start in range(0, len(rows), ROWS * STATEMENTS):
        with database.transaction():
            _put(database, "record", RECORD, rows[start : start + ROWS * STATEMENTS])
    length = max(row[2] for row in rows)
    database.analyse()
    for place, day in enumerate(days[WEEK:], WEEK):
        like = days[place % WEEK]
        begin, shift = micros(datetime.combine(like, time(), ZONE)), (day - like).days * DAY
        with database.transaction():
            database.run(
                f"INSERT INTO record ({', '.join(RECORD)})"
                " SELECT gateway, journal, seq + ?, employee, action, at + ?, received + ?, channel, presence, flags,"
                " receipt, fingerprint, hash, stored + ? FROM record WHERE at >= ? AND at < ? ORDER BY at",
                place // WEEK * length, shift, shift, shift, begin, begin + DAY,
            )  # fmt: skip


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


def _put_statuses(database: Database, names: list[str], now: datetime) -> None:
    """What the gateways said last, nine in ten of them well; and how they were for 35 days."""
    chance, held = random.Random(3), dict(database.rows("SELECT gateway, seq FROM chain"))
    for some in range(0, len(names), STATEMENTS):
        with database.transaction():
            for name in names[some : some + STATEMENTS]:
                said = status(name, now, chance, held.get(name) or 0)
                fate = chance.random()
                online, age = int(fate > 0.03), timedelta(seconds=30 if fate > 0.06 else 600)
                database.run(
                    "UPDATE gateway SET online = ?, seen = ?, status = ?, tags = ?, name = ? WHERE id = ?",
                    online, micros(now - age), encode(said), chance.choice(TAGS), f"Kantor {name[-4:]}", name,
                )  # fmt: skip
                _put(database, "gateway_history", HISTORY, list(_history(name, now, chance)))


def status(name: str, now: datetime, chance: random.Random, last_seq: int) -> Status:
    """What a gateway might say."""
    wrong = chance.choice(WRONG) if chance.random() < 0.1 else None
    balance = chance.randrange(5_000, 120_000)
    return Status(
        gateway=name,
        journal="j",
        at=now,
        started=now - timedelta(hours=chance.randrange(1, 2000)),
        version=chance.choice(("0.9.1", "0.10.0", "0.10.0")),
        reasons=(Reason(code=wrong[0], text=wrong[1]),) if wrong else (),
        modem=ModemReport(
            state="searching" if wrong and wrong[0] == "network" else "registered",
            signal=chance.randrange(15, 99),
            operator=chance.choice(("TELKOMSEL", "INDOSAT", "XL")),
            used=chance.randrange(5),
            capacity=50,
            model="HUAWEI E173",
        ),
        last_seq=last_seq + (chance.randrange(40) if wrong else 0),
        delivered=last_seq,
        replies_waiting=chance.randrange(3),
        complete_until=now,
        desired=1,
        clock_trusted=not wrong or wrong[0] != "clock",
        disk_free=chance.randrange(1, 28) * 1_000_000_000,
        heat=chance.uniform(38, 75),
        starts=chance.randrange(1, 60),
        count=chance.randrange(1, 5000),
        certificate_until=now + timedelta(days=chance.randrange(5, 365)),
        sim=SimReport(
            at=now, balance=balance, valid_until=now.date() + timedelta(days=60), days_left=balance // 3000
        ),
        messages=last_seq + 20,
        replies=last_seq,
    )


def _history(name: str, now: datetime, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    """Balance and disk sink, it is warmer by day, and a modem is away for a while."""
    for step, kept in KEPT.items():
        seconds = step // timedelta(seconds=1)
        end = int(now.timestamp()) // seconds * seconds
        many, gone = kept // step, chance.randrange(40, 200)
        for place in range(many):
            at = end - (many - place) * seconds
            if gone < place < gone + 12:
                continue
            by_day = max(0.0, math.sin((at / 3600 + 1) % 24 / 24 * 2 * math.pi - math.pi / 2))
            yield (
                name, seconds, at, 60 + chance.randrange(-15, 15), int(chance.expovariate(2)),
                100_000 - 80_000 * place // many, 42 + 18 * by_day + chance.uniform(-1, 1),
                20_000_000_000 - place * 1_000_000, int(place * seconds / 400), int(place * seconds / 500),
            )  # fmt: skip


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
