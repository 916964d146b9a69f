"""A million signed records, checked again to the last column, beside reading the rows and hashing the raw batches.

Both read the whole store once. `GARDU_BENCH_SIGNED` sets how many records; `GARDU_BENCH_DATABASE` names a database to
be filled instead of a file that is thrown away, such as one of PostgreSQL.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.database import Database, sqlite_url
from central.evidence import Check
from central.ingest import Envelope, Ingest
from central.keys import GatewayKeys
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make
from mqtt_bridge.records import BATCH_LIMIT, Action, Batch, Channel, Flag, Presence, Record, chained, genesis

from .report import compare

RECORDS = int(os.environ.get("GARDU_BENCH_SIGNED", "1000000"))
GATEWAYS = 20
JOURNAL = "4d1c9f00a1b2c3d4"
START = datetime(2026, 1, 5, 0, 15, tzinfo=UTC)
PAGE = 10_000


def main() -> None:
    with filled() as (database, keys):

        def ours() -> float:
            start = time.perf_counter()
            check = Check(database, keys)
            assert list(check.faults()) == []
            assert check.records == RECORDS
            return RECORDS / (time.perf_counter() - start)

        def peer() -> float:
            start = time.perf_counter()
            read = sum(len(page) for page in pages(database, "record", PAGE))
            for page in pages(database, "batch", 20):
                for each in page:
                    hashlib.sha256(each[5]).hexdigest()
            assert read == RECORDS
            return RECORDS / (time.perf_counter() - start)

        title = f"Checking {RECORDS:,} records against what was signed, one process"
        compare(title, "records/s", ours, peer, "read and hash")


def pages(database: Database, table: str, number: int) -> Iterator[list[tuple[Any, ...]]]:
    last = 0
    while page := database.rows(f"SELECT * FROM {table} WHERE id > ? ORDER BY id LIMIT {number}", last):
        yield page
        last = page[-1][0]


@contextmanager
def filled() -> Iterator[tuple[Database, GatewayKeys]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        database = Database(os.environ.get("GARDU_BENCH_DATABASE") or sqlite_url(place / "central.db"))
        keys = GatewayKeys(place, database)
        fill(database, keys, place)
        yield database, keys
        database.close()


def fill(database: Database, keys: GatewayKeys, folder: Path) -> None:
    """As the gateways send them, through the collector's own door: batches of 500, twenty in a transaction."""
    ingest = Ingest(database, keys)
    names = [f"kantor-{number:02}" for number in range(GATEWAYS)]
    makers = [batches(name, load_or_make(folder / f"{name}.key")) for name in names]
    waiting, now = RECORDS // BATCH_LIMIT, START
    while waiting:
        now += timedelta(minutes=1)
        together = [next(maker) for maker in makers[: min(waiting, GATEWAYS)]]
        waiting -= len(together)
        assert not any(ack.refused for ack in ingest.take(together, now))
    database.analyse()


def batches(gateway: str, key: Ed25519PrivateKey) -> Iterator[Envelope]:
    previous, seq = genesis(gateway, JOURNAL), 1
    while True:
        records, before = [], previous
        for _ in range(BATCH_LIMIT):
            records.append(chained(previous, record(gateway, seq)))
            previous, seq = str(records[-1].hash), seq + 1
        batch = Batch(gateway=gateway, journal=JOURNAL, previous=before, sent=records[-1].received, records=records)
        yield Envelope(gateway, seal(batch, key))


def record(gateway: str, seq: int) -> Record:
    at = START + timedelta(seconds=7 * seq)
    return Record(
        seq=seq,
        employee=f"e-{gateway[-2:]}{seq % 200:08}",
        action=Action.OUT if seq % 2 else Action.IN,
        at=at,
        received=at + timedelta(seconds=4, microseconds=seq % 1_000_000),
        channel=Channel.SMS,
        presence=Presence.CODE if seq % 3 else Presence.NONE,
        flags=(Flag.CLOCK_UNTRUSTED,) if seq % 50 == 0 else (),
        receipt=f"{seq % 2**20:05X}",
        fingerprint=hashlib.sha256(f"{gateway} {seq}".encode()).hexdigest(),
    )


if __name__ == "__main__":
    main()
