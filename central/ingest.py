"""Batches into the database, each record once, and the acks that may then be given.

What is judged is pure; what is written is one transaction for all batches that came together. An ack says what that
transaction found committed or commits itself, and is returned only after the commit: if the database fails, nothing
is acked, and the gateways send again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import Ack, BadPayload, Batch, Record, broken_link, decode, genesis

from . import history, provisional
from .database import Database, StorageError, micros
from .keys import GatewayKeys
from .quarantine import STRANGER, put_aside

log = structlog.get_logger(__name__)

# Outside, a time can not be shown in every zone: one such record would break every page. A clock that was never set
# starts in 1970.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
COLUMNS = (
    "gateway", "journal", "seq", "employee", "action", "at", "received", "channel", "presence", "flags", "receipt",
    "fingerprint", "note", "hash", "stored", "duplicate", "history",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed batch as it came, and the gateway whose topic it came on."""

    gateway: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """How far the collector holds a journal; seq 0 with the genesis hash before its first record."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What of a batch is new, or why it was refused."""

    new: Sequence[Record] = ()
    refused: str | None = None


class Refused(Exception):
    """An envelope of which nothing can be believed; the message says why."""


def opened(envelope: Envelope, keys: GatewayKeys) -> Batch:
    """The batch inside, after signature, kind and sender were found right. Raises `Refused`."""
    key = keys.get(envelope.gateway)
    if key is None:
        raise Refused(keys.ended(envelope.gateway) or "there is no key of this gateway")
    try:
        batch = decode(unseal(envelope.sealed, key))
    except (BadEnvelope, BadPayload) as error:
        raise Refused(str(error)) from None
    if not isinstance(batch, Batch):
        raise Refused("not a batch of records")
    if batch.gateway != envelope.gateway:
        raise Refused("signed for another gateway")
    return batch


def judge(held: Position, batch: Batch, known: Record | None) -> Verdict:
    """Which records of the batch come after what is held. Pure.

    `known` is the hash-bearing record that is held at the batch's last seq when the whole batch is old.
    A batch behind a gap brings nothing new; the ack of the present position asks for what is missing.
    """
    broken = broken_link(batch.previous, batch.records)
    if broken is not None:
        return Verdict(refused=f"record {broken} does not follow from the one before it")
    odd = next((each.seq for each in batch.records if not _possible(each)), None)
    if odd is not None:
        return Verdict(refused=f"record {odd} has an impossible time")
    first, last = batch.records[0].seq, batch.records[-1]
    overlap = held.seq - first + 1
    if overlap < 0:
        return Verdict()
    if last.seq < held.seq:
        fits = known is not None and known.hash == last.hash
    else:
        fits = (batch.records[overlap - 1].hash if overlap else batch.previous) == held.hash
    if not fits:
        return Verdict(refused=f"another record {min(last.seq, held.seq)} of this journal is held")
    return Verdict(batch.records[overlap:])


def _possible(record: Record) -> bool:
    return all(EARLIEST <= time < LATEST for time in (record.at, record.received))


def row(batch: Batch, record: Record, stored: int, history: str, *, duplicate: bool) -> tuple[object, ...]:
    """What is kept of a record, as the values of `COLUMNS`. Pure."""
    return (
        batch.gateway,
        batch.journal,
        record.seq,
        record.employee,
        record.action,
        micros(record.at),
        micros(record.received),
        record.channel,
        record.presence,
        " ".join(record.flags),
        record.receipt,
        record.fingerprint,
        record.note,
        record.hash,
        stored,
        int(duplicate),
        history,
    )


def known_otherwise(database: Database, batch: Batch, records: Sequence[Record], before: int = 2**63 - 1) -> set[str]:
    """Fingerprints of messages that were counted from another journal of this gateway already, below that id.

    After an old card, a new one or a fork the same message may come in a second record, of another chain. It has
    the same time, which finds it by an index that is there anyway.
    """
    others = database.value(
        "SELECT COUNT(*) FROM chain WHERE gateway = ? AND journal <> ?", batch.gateway, batch.journal
    )
    if not others:
        return set()
    times = [micros(each.at) for each in records]
    rows = database.rows(
        "SELECT fingerprint FROM record WHERE gateway = ? AND journal <> ? AND duplicate = 0 AND id < ?"
        f" AND at IN ({', '.join('?' * len(times))})",
        batch.gateway, batch.journal, before, *times,
    )  # fmt: skip
    return {fingerprint for (fingerprint,) in rows}


class Ingest:
    """Takes envelopes in; safe to use by several collectors on one database."""

    def __init__(self, database: Database, keys: GatewayKeys) -> None:
        self._database = database
        self._keys = keys

    def take(self, envelopes: Sequence[Envelope], now: datetime) -> list[Ack]:
        """Commit what is new; the acks may be sent. Raises `StorageError`, and then nothing is acked.

        When all together fail, each is tried alone: one that the database chokes on must not hold up the others.
        """
        try:
            return self._take_all(envelopes, now)
        except StorageError:
            if len(envelopes) < 2:
                raise
        self._database.value("SELECT 1")  # if it does not answer at all, it is not one of them that it chokes on
        return [ack for envelope in envelopes for ack in self._take_alone(envelope, now)]

    def positions(self, now: datetime) -> list[Ack]:
        """An ack of every gateway's newest journal: a gateway learns from it if less is held than it was told."""
        rows = self._database.rows("SELECT gateway, journal, seq, hash FROM chain ORDER BY first_seen")
        newest = {gateway: (journal, seq, hash_) for gateway, journal, seq, hash_ in rows}
        return [
            Ack(gateway=gateway, journal=journal, seq=seq, hash=hash_, at=now)
            for gateway, (journal, seq, hash_) in newest.items()
        ]

    def position(self, gateway: str, journal: str, now: datetime) -> Ack:
        """An ack of how far that journal is held, be it not at all."""
        row = self._database.row("SELECT seq, hash FROM chain WHERE gateway = ? AND journal = ?", gateway, journal)
        seq, hash_ = row or (0, genesis(gateway, journal))
        return Ack(gateway=gateway, journal=journal, seq=seq, hash=hash_, at=now)

    def _take_alone(self, envelope: Envelope, now: datetime) -> list[Ack]:
        try:
            return self._take_all([envelope], now)
        except StorageError as error:
            log.error("batch not stored", gateway=envelope.gateway, problem=str(error))
            return []

    def _take_all(self, envelopes: Sequence[Envelope], now: datetime) -> list[Ack]:
        acks = []
        with self._database.transaction():
            for envelope, batch in self._opened(envelopes, now):
                acks.append(self._take_batch(envelope, batch, now))
        return acks

    def _opened(self, envelopes: Iterable[Envelope], now: datetime) -> list[tuple[Envelope, Batch]]:
        found = []
        for envelope in envelopes:
            try:
                found.append((envelope, opened(envelope, self._keys)))
            except Refused as error:
                self._quarantine(envelope, str(error), now)
        return found

    def _take_batch(self, envelope: Envelope, batch: Batch, now: datetime) -> Ack:
        held = self._position(batch, now)
        verdict = judge(held, batch, self._known(batch, held))
        if verdict.refused:
            self._quarantine(envelope, verdict.refused, now)
        if verdict.new:
            self._store(batch, verdict.new, envelope.sealed, now)
            held = Position(verdict.new[-1].seq, verdict.new[-1].hash or "")
            unlike = provisional.settle(self._database, batch, verdict.new)
            if unlike:  # what is signed stands; people must know
                self._quarantine(envelope, unlike, now)
        return Ack(
            gateway=batch.gateway,
            journal=batch.journal,
            seq=held.seq,
            hash=held.hash,
            at=now,
            refused=verdict.refused,
        )

    def _position(self, batch: Batch, now: datetime) -> Position:
        """Where the chain stands; a new journal starts at its genesis."""
        name = (batch.gateway, batch.journal)
        row = self._database.row("SELECT seq, hash FROM chain WHERE gateway = ? AND journal = ?", *name)
        if row:
            return Position(*row)
        start = Position(0, genesis(*name))
        self._database.insert_all(
            "chain",
            ("gateway", "journal", "seq", "hash", "first_seen"),
            [(*name, start.seq, start.hash, micros(now))],
        )
        return start

    def _known(self, batch: Batch, held: Position) -> Record | None:
        last = batch.records[-1]
        if last.seq >= held.seq:
            return None
        same = self._database.value(
            "SELECT 1 FROM record WHERE gateway = ? AND journal = ? AND seq = ? AND hash = ?",
            batch.gateway, batch.journal, last.seq, last.hash,
        )  # fmt: skip
        return last if same else None

    def _store(self, batch: Batch, records: Sequence[Record], sealed: bytes, now: datetime) -> None:
        stored = micros(now)
        known = known_otherwise(self._database, batch, records)
        digests = history.digests(history.newest(self._database), (each.hash or "" for each in records))
        rows = [
            row(batch, each, stored, digest, duplicate=each.fingerprint in known)
            for each, digest in zip(records, digests, strict=True)
        ]
        self._database.insert_all("record", COLUMNS, rows)
        last = records[-1]
        self._database.run(
            "INSERT INTO batch (gateway, journal, first_seq, last_seq, sealed, stored) VALUES (?, ?, ?, ?, ?, ?)",
            batch.gateway, batch.journal, batch.records[0].seq, last.seq, sealed, stored,
        )  # fmt: skip
        self._database.run("UPDATE gateway SET seen = ? WHERE id = ?", stored, batch.gateway)
        self._database.run(
            "UPDATE chain SET seq = ?, hash = ? WHERE gateway = ? AND journal = ?",
            last.seq, last.hash, batch.gateway, batch.journal,
        )  # fmt: skip

    def _quarantine(self, envelope: Envelope, reason: str, now: datetime) -> None:
        known = self._keys.get(envelope.gateway) or self._keys.ended(envelope.gateway)
        put_aside(self._database, envelope.gateway if known else STRANGER, reason, envelope.sealed, now)
