"""What is held, checked again: every batch against the key that counted when it came, every record against its batch.

Batches are kept as they were signed. So whoever changes a record in the database is found, and records of hardware
that was replaced or revoked since then stay proven. Of records whose batches were removed when their time had come
nothing is said but how many they are. What only the collector says (when it stored something, under which id) is
held against itself: no signature covers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import Action, BadPayload, Batch, Record, broken_link, decode_again, genesis

from . import audit, history
from .database import Database, micros, moment
from .ingest import COLUMNS, known_otherwise, row
from .keys import GatewayKeys
from .retention import ERASED, boundary

BATCHES = 20  # read at once: about 4 MB when they are full
RECORDS = 10_000
BEFORE = "0" * history.LENGTH  # the digest of records that were there before digests were
_EMPLOYEE, _ACTION, _NOTE, _DUPLICATE = (COLUMNS.index(name) for name in ("employee", "action", "note", "duplicate"))
_SELECT = f"SELECT id, {', '.join(COLUMNS)} FROM record"  # `history` is the last of the columns

BATCH = "SELECT id, gateway, journal, first_seq, last_seq, sealed, stored FROM batch"

Row = tuple[Any, ...]
Journal = tuple[str, str]  # gateway and journal


@dataclass(frozen=True, slots=True)
class Scope:
    """What to check: of one gateway, stored from `since` on and before `until`; what is empty narrows nothing."""

    gateway: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def whole(self) -> bool:
        return self == Scope()

    def where(self) -> tuple[str, list[Any]]:
        """For records and batches alike: both carry the time at which they were stored."""
        pairs: list[tuple[str, Any]] = []
        if self.gateway:
            pairs.append((" AND gateway = ?", self.gateway.replace("\0", "")))
        if self.since:
            pairs.append((" AND stored >= ?", micros(self.since)))
        if self.until:
            pairs.append((" AND stored < ?", micros(self.until)))
        return "".join(text for text, _ in pairs), [value for _, value in pairs]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not as it was signed, and where. `seq` is the first record that it is about, None for none."""

    text: str
    gateway: str = ""
    journal: str = ""
    seq: int | None = None
    column: str = ""
    batch: int | None = None

    def __str__(self) -> str:
        parts = [self.gateway]
        parts += [f"journal {self.journal}"] if self.journal else []
        parts += [f"batch {self.batch}"] if self.batch is not None else []
        parts += [f"record {self.seq}"] if self.seq is not None else []
        parts += [f"column {self.column}"] if self.column else []
        return f"{', '.join(filter(None, parts)) or 'the audit'}: {self.text}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the batches."""

    id: int
    gateway: str
    journal: str
    first: int
    last: int
    sealed: bytes
    stored: int

    @classmethod
    def of(cls, row: Row) -> Stored:
        """From the values of `BATCH`."""
        id_, gateway, journal, first, last, sealed, stored = row
        return cls(id_, gateway, journal, first, last, bytes(sealed), stored)

    @property
    def place(self) -> Journal:
        return self.gateway, self.journal

    def fault(self, text: str, seq: int | None = None, column: str = "") -> Fault:
        return Fault(text, self.gateway, self.journal, seq, column, self.id)


def prove(keys: GatewayKeys, held: Stored) -> Batch:
    """The batch that was signed. Raises `BadPayload` or `BadEnvelope` when nothing of it is proven."""
    batch = decode_again(_unsealed(keys, held))
    if not batch.records:
        raise BadPayload("it holds no records")
    if batch.gateway != held.gateway or batch.journal != held.journal:
        raise BadPayload(f"it is of journal {batch.journal} of {batch.gateway}")
    if (batch.records[0].seq, batch.records[-1].seq) != (held.first, held.last):
        raise BadPayload(f"it holds the records {batch.records[0].seq} to {batch.records[-1].seq}, not these")
    broken = broken_link(batch.previous, batch.records)
    if broken is not None:
        raise BadPayload(f"its record {broken} does not follow from the one before it")
    return batch


def _unsealed(keys: GatewayKeys, held: Stored) -> bytes:
    counted = keys.at(held.gateway, moment(held.stored))
    if not counted:
        raise BadPayload("no key of the gateway counted then")
    for key in counted[:-1]:
        try:
            return unseal(held.sealed, key)
        except BadEnvelope:
            continue
    return unseal(held.sealed, counted[-1])


class Check:
    """One look through the store, from the first batch to the last that is there when it begins.

    Records are read on in the order of their ids beside the batches: in an untouched store each batch's are the next
    ones. Where they are not they are looked for one by one, from there on.
    """

    def __init__(self, database: Database, keys: GatewayKeys, scope: Scope = Scope()) -> None:
        self._database = database
        self._keys = keys
        self._scope = scope
        self.batches = self.records = self.total = self.removed = self.erased = self.lines = 0
        with database.transaction():  # of the same moment
            self._batch_end = int(database.value("SELECT COALESCE(MAX(id), 0) FROM batch"))
            self._record_end = int(database.value("SELECT COALESCE(MAX(id), 0) FROM record"))
            self._chains = database.rows("SELECT gateway, journal, seq, hash FROM chain ORDER BY gateway, journal")
        self._batches_from = boundary(database, "batch")
        self._records_from = boundary(database, "record")
        self._complete_from = max(self._batches_from, self._records_from)  # nothing had its time since
        self._erasures = database.value("SELECT 1 FROM audit WHERE event IN ('person-erased', 'retention-run')")
        self._in_order = True
        self._positions: dict[Journal, tuple[int, str | None]] = {}
        self._spans: dict[Journal, list[list[int]]] = {}
        self._history = None if self._complete_from or not scope.whole else history.GENESIS
        self._last_id = 0
        self._records = self._in_turn(self._complete_from)

    def faults(self, tell: Callable[[], None] = lambda: None) -> Iterator[Fault]:
        """All that is wrong, in its order; nothing when all is proven. `tell` is called now and then."""
        self.total = self._count("")
        for held in self._stored():
            yield from self._batch(held)
            self.batches += 1
            if self.batches % BATCHES == 0:
                tell()
        yield from self._unproven()
        if not self._scope.until:
            yield from self._ends()
        if self._scope.whole:
            yield from self._audit()

    def faults_of(self, held: Stored) -> Iterator[Fault]:
        """The same of one batch, its records, and how it follows from what is before; found by indexes alone."""
        self._in_order = False
        yield from self._batch(held)

    # One batch

    def _batch(self, held: Stored) -> Iterator[Fault]:
        try:
            batch = prove(self._keys, held)
        except (BadEnvelope, BadPayload) as error:
            yield held.fault(f"{error}; its records {held.first} to {held.last} are not proven", held.first)
            self._give_up(held)
            return
        seq, hash_ = self._positions.get(held.place) or self._start(held)
        yield from self._follows(held, batch, seq, hash_)
        new = batch.records[max(0, seq - held.first + 1) :] if seq < held.last else batch.records
        if not self._as_expected(held, batch, new):
            yield from self._compared(held, batch, new)
        self._positions[held.place] = (held.last, batch.records[-1].hash)
        self._note(held.place, new[0].seq, held.last)

    def _give_up(self, held: Stored) -> None:
        self._in_order, self._history = False, None
        seq = max(held.first - 1, self._positions.get(held.place, (0, None))[0])
        self._positions[held.place] = (held.last, None)
        self._note(held.place, held.first, held.last)
        self.records += len(self._by_seq(held, seq + 1))

    def _follows(self, held: Stored, batch: Batch, seq: int, hash_: str | None) -> Iterator[Fault]:
        """Behind the record `seq`; some of its first records may have come with the batch before."""
        known = seq - held.first + 1
        if known < 0:
            yield held.fault(f"the batches with the records {seq + 1} to {held.first - 1} are missing", seq + 1)
            self._history = None
            self._note(held.place, seq + 1, held.first - 1)
        elif known >= len(batch.records):
            yield held.fault("it is there a second time", held.first)
        elif hash_ not in (None, batch.records[known - 1].hash if known else batch.previous):
            yield held.fault(f"it does not follow from record {seq}", seq + 1)

    def _start(self, held: Stored) -> tuple[int, str | None]:
        """Where a journal is before the first of its batches that is looked at."""
        beginning = (0, genesis(*held.place))
        if not (self._scope.since or self._batches_from):
            return beginning
        first = self._database.value(
            "SELECT MIN(seq) FROM record WHERE gateway = ? AND journal = ? AND seq >= ? AND seq <= ? AND stored = ?",
            *held.place, held.first, held.last, held.stored,
        )  # fmt: skip
        seq = (first or held.first) - 1
        where = "gateway = ? AND journal = ? AND seq = ?"
        found = self._database.value(f"SELECT hash FROM record WHERE {where}", *held.place, seq)
        return (seq, found) if found or self._records_from else beginning

    def _as_expected(self, held: Stored, batch: Batch, new: Sequence[Record]) -> bool:
        """Whether the next records are exactly these."""
        if not self._in_order or held.stored < self._complete_from:
            return False
        found = list(islice(self._records, len(new)))
        if len(found) < len(new):
            self._in_order = False
            return False
        first = found[0][0]
        digests = [each[-1] for each in found] if self._history is None else self._digests(found[0], new)
        known = known_otherwise(self._database, batch, new, first)
        expected = [
            row(batch, each, held.stored, digest, duplicate=each.fingerprint in known)
            for each, digest in zip(new, digests, strict=True)
        ]
        if [each[1:] for each in found] != expected:
            self._in_order = found == self._by_seq(held, new[0].seq)
            return False
        if self._history is not None:
            self._history = digests[-1]
        elif self._scope.whole:
            self._history = found[-1][-1]
        self._last_id = found[-1][0]
        self.records += len(found)
        return True

    def _digests(self, first: Row, new: Sequence[Record]) -> list[str]:
        if first[-1] == BEFORE and self._history in (history.GENESIS, BEFORE):
            return [BEFORE] * len(new)
        return list(history.digests(str(self._history), (each.hash or "" for each in new)))

    # One by one

    def _compared(self, held: Stored, batch: Batch, new: Sequence[Record]) -> Iterator[Fault]:
        found = {each[3]: each for each in self._by_seq(held, new[0].seq)}
        first = min((each[0] for each in found.values()), default=0)
        known = known_otherwise(self._database, batch, new, first)
        for record in new:
            there = found.get(record.seq)
            if there is None:
                if held.stored >= self._records_from:
                    yield held.fault("it is missing", record.seq)
                self._history = None  # what follows was chained to it
                continue
            self.records += 1
            expected = row(batch, record, held.stored, there[-1], duplicate=record.fingerprint in known)
            names = self._changed(there[1:], expected) + self._moved(there, record)
            if names:
                yield held.fault("it is not what the gateway signed", record.seq, " ".join(names))

    def _changed(self, there: Row, expected: Row) -> list[str]:
        """The names of the columns that are not as they must be."""
        if there[_EMPLOYEE] == ERASED and expected[_ACTION] == Action.REGISTER and self._erasures:
            expected = (*expected[:_EMPLOYEE], ERASED, *expected[_EMPLOYEE + 1 : _NOTE], "", *expected[_NOTE + 1 :])
            self.erased += 1
        names = [name for name, mine, theirs in zip(COLUMNS, there, expected, strict=True) if mine != theirs]
        # What it was a second record of may be gone; before there were digests nothing was marked.
        if there[_DUPLICATE] in (0, 1) and (self._records_from or there[-1] == BEFORE):
            names = [name for name in names if name != "duplicate"]
        return names

    def _moved(self, there: Row, record: Record) -> list[str]:
        """Whether it is where it came in, behind the record that came before."""
        names = ["id"] if there[0] <= self._last_id else []
        self._last_id = there[0]
        if not self._scope.whole:
            return names
        if self._history is not None and there[-1] not in (
            *history.digests(self._history, [record.hash or ""]),
            *([BEFORE] if self._history in (history.GENESIS, BEFORE) else []),
        ):
            names.append("history")
        self._history = there[-1]
        return names

    # In the end

    def _unproven(self) -> Iterator[Fault]:
        """Records that no batch holds, where one could still be there."""
        self.removed = self._count(" AND stored < ?", self._batches_from)
        if self._count(" AND stored >= ?", self._batches_from) == self.records:
            return
        for id_, gateway, journal, seq, *_ in self._in_turn(self._batches_from):
            spans = self._spans.get((gateway, journal), [])
            if not any(first <= seq <= last for first, last in spans):
                yield Fault(f"no batch proves it (id {id_})", gateway, journal, seq)

    def _ends(self) -> Iterator[Fault]:
        for gateway, journal, seq, hash_ in self._chains:
            if self._scope.gateway not in ("", gateway):
                continue
            at = self._positions.get((gateway, journal))
            if at is None:
                if seq and not (self._batches_from or self._scope.since):
                    yield Fault(f"none of its {seq} records is there", gateway, journal, 1)
            elif at[0] != seq or at[1] not in (None, hash_):
                yield Fault(f"record {seq} was acknowledged as the last; here it ends", gateway, journal, at[0])

    def _audit(self) -> Iterator[Fault]:
        verdict = audit.verify(self._database)
        self.lines = verdict.lines
        if verdict.broken is not None:
            yield Fault(f"line {verdict.broken} does not follow from the one before it")

    # What is read

    def _stored(self) -> Iterator[Stored]:
        where, values = self._scope.where()
        last = 0
        while rows := self._database.rows(
            f"{BATCH} WHERE id > ? AND id <= ?{where} ORDER BY id LIMIT {BATCHES}",
            last, self._batch_end, *values,
        ):  # fmt: skip
            yield from map(Stored.of, rows)
            last = rows[-1][0]

    def _in_turn(self, stored: int) -> Iterator[Row]:
        """The records that were stored from then on, in the order in which they came in."""
        where, values = self._scope.where()
        last = 0
        while page := self._database.rows(
            f"{_SELECT} WHERE id > ? AND id <= ? AND stored >= ?{where} ORDER BY id LIMIT {RECORDS}",
            last, self._record_end, stored, *values,
        ):  # fmt: skip
            yield from page
            last = page[-1][0]

    def _by_seq(self, held: Stored, first: int) -> list[Row]:
        return self._database.rows(
            f"{_SELECT} WHERE gateway = ? AND journal = ? AND seq >= ? AND seq <= ? AND id <= ? ORDER BY seq",
            *held.place, first, held.last, self._record_end,
        )  # fmt: skip

    def _count(self, condition: str, *values: int) -> int:
        where, more = self._scope.where()
        statement = f"SELECT COUNT(*) FROM record WHERE id <= ?{condition}{where}"
        return int(self._database.value(statement, self._record_end, *values, *more))

    def _note(self, place: Journal, first: int, last: int) -> None:
        """As runs: there are few of them."""
        spans = self._spans.setdefault(place, [])
        if spans and spans[-1][0] <= first <= spans[-1][1] + 1:
            spans[-1][1] = max(last, spans[-1][1])
        else:
            spans.append([first, last])
