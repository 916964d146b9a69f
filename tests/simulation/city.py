"""The city's side of the simulation: the production collector over a database file of its own."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from central import desired, fleet, orders
from central.collector import Collector
from central.database import Database, micros, moment, sqlite_url
from central.roster import Row, store
from mqtt_bridge.commands import CommandName
from mqtt_bridge.records import Action, Channel, Policy, Presence, Record

from .fate import Fate, Fragile
from .network import Broker, Wire

KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
ISSUED = datetime(2026, 11, 23, tzinfo=UTC)


class OneKey:
    """The gateways' keys, where there is one gateway."""

    def __init__(self, gateway: str, key: Ed25519PublicKey) -> None:
        self._gateway = gateway
        self._key = key

    def get(self, gateway: str) -> Ed25519PublicKey | None:
        return self._key if gateway == self._gateway else None

    def ended(self, _gateway: str) -> str | None:
        return None

    def gone(self) -> set[str]:
        return set()


class City:
    """Boots the collector when it is stepped; `lose_power` throws away all but the file."""

    def __init__(
        self, folder: Path, fate: Fate, broker: Broker, gateway: str, key: Ed25519PublicKey, phones: list[str]
    ) -> None:
        self._path = folder / "central.db"
        self._fate = fate
        self._broker = broker
        self._gateway = gateway
        self._keys = OneKey(gateway, key)
        self._database: Database | None = None
        self._wire: Wire | None = None
        self._collector: Collector | None = None
        self.employees = self._fill(gateway, phones)

    def step(self, now: datetime) -> None:
        if self._collector is None:
            self._boot()
        assert self._collector
        self._collector.step(now)

    def lose_power(self) -> None:
        if self._database:
            self._database.close()
        if self._wire:
            self._broker.remove(self._wire)
        self._database = self._wire = self._collector = None

    def committed_seq(self, journal: str) -> int:
        """Looked up on a connection of its own: what another process would see."""
        with closing(sqlite3.connect(self._path)) as database:
            row = database.execute("SELECT MAX(seq) FROM record WHERE journal = ?", (journal,)).fetchone()
        return int(row[0] or 0)

    def records(self, journal: str | None = None) -> list[Record]:
        """All that counts, or all of a journal, in the order of seq."""
        with closing(sqlite3.connect(self._path)) as database:
            rows = database.execute(
                "SELECT seq, employee, action, at, received, channel, presence, flags, receipt, fingerprint,"
                " note, hash FROM record WHERE CASE WHEN ? IS NULL THEN duplicate = 0 ELSE journal = ? END"
                " ORDER BY journal, seq",
                (journal, journal),
            ).fetchall()
        return [_record(row) for row in rows]

    def decree(self, policy: Policy, now: datetime) -> None:
        """Other rules for all gateways from now on."""
        with closing(Database(sqlite_url(self._path))) as database:
            desired.refresh(database, policy, now)

    def back_up(self) -> None:
        self.lose_power()
        put_back(self._path, self._path.with_name("backup.db"))

    def restore(self) -> None:
        """Yesterday's file in place of today's."""
        backup = self._path.with_name("backup.db")
        if backup.exists():
            self.lose_power()
            put_back(backup, self._path)

    def ask(self, name: CommandName, argument: str, now: datetime) -> None:
        """Somebody there has the gateway do something, unless it was asked too much of it."""
        if self._database is None:
            self._boot()
        assert self._database
        with suppress(orders.OrderRefusal):
            orders.ask(self._database, self._gateway, name, argument, "tina", now)

    def orders(self) -> list[orders.Order]:
        with closing(sqlite3.connect(self._path)) as database:
            rows = database.execute("SELECT body, asked, sent, result, arrived FROM command").fetchall()
        return [orders._order(*row) for row in rows]

    def _boot(self) -> None:
        self._database = Database(sqlite_url(self._path))
        self._wire = self._broker.wire("gardu/v1/", "event/", "state/")
        link = Fragile(self._wire, self._fate, "city link")
        database = Fragile(self._database, self._fate, "database")
        self._collector = Collector(link, database, self._keys, KEY)  # type: ignore[arg-type]

    def _fill(self, gateway: str, phones: list[str]) -> dict[str, str]:
        """Phone → employee id. The file is made once and copied: most of a seed's time would go into it."""
        template = Path(f"{self._path.parent.parent}/template.db")
        if not template.exists():
            database = Database(sqlite_url(template))
            fleet.add(database, gateway, ISSUED)
            store(
                database, [Row(0, f"{number:018}", "Pegawai", phone, gateway) for number, phone in enumerate(phones)]
            )
            desired.refresh(database, Policy(), ISSUED)
            database.close()
        shutil.copy(template, self._path)
        with sqlite3.connect(self._path) as held:
            return dict(held.execute("SELECT phone, id FROM employee").fetchall())


def put_back(copy: Path, place: Path) -> None:
    """A database, whole, in place of another: with nothing of the other's write-ahead log left."""
    for suffix in ("", "-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(place)) as target:
        source.backup(target)


def _record(row: tuple[object, ...]) -> Record:
    seq, employee, action, at, received, channel, presence, flags, receipt, fingerprint, note, hash_ = row
    assert isinstance(at, int)
    assert isinstance(received, int)
    assert micros(moment(at)) == at
    return Record(
        seq=int(str(seq)), employee=str(employee), action=Action(str(action)), at=moment(at),
        received=moment(received), channel=Channel(str(channel)), presence=Presence(str(presence)),
        flags=tuple(str(flags).split()), receipt=str(receipt), fingerprint=str(fingerprint), note=str(note),  # type: ignore[arg-type]
        hash=str(hash_),
    )  # fmt: skip
