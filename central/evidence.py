"""What is held, checked again: every batch against the key that counted when it came, every record against its batch.

Batches are kept as they were signed. So whoever changes a record in the database is found, and records of hardware
that was replaced or revoked since then stay proven. Of records whose batches were removed when their time had come
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from mqtt_bridge.envelope import BadEnvelope, unseal
from mqtt_bridge.records import Action, BadPayload, Batch, Record, broken_link, decode

from .database import Database, micros, moment
from .keys import GatewayKeys
from .retention import ERASED, boundary

AT_ONCE = 200


def verify(database: Database, keys: GatewayKeys, gateway: str) -> Iterator[str]:
    """What is wrong with the records of that gateway, one line each; nothing when all is proven."""
    proven: set[tuple[str, int]] = set()
    for id_, sealed, stored in _batches(database, gateway):
        try:
            batch = _opened(keys, gateway, bytes(sealed), stored)
        except (BadEnvelope, BadPayload) as error:
            yield f"batch {id_} of {moment(stored):%Y-%m-%d %H:%M}: {error}"
            continue
        proven |= {(batch.journal, each.seq) for each in batch.records}
        yield from _changed(database, batch)
    held = database.rows(
        "SELECT journal, seq FROM record WHERE gateway = ? AND stored >= ? ORDER BY journal, seq",
        gateway, boundary(database, "batch"),
    )  # fmt: skip
    yield from (f"record {seq} of journal {journal}: no batch proves it" for journal, seq in held
                if (journal, seq) not in proven)  # fmt: skip


def _batches(database: Database, gateway: str) -> Iterator[tuple[int, bytes, int]]:
    last = 0
    while rows := database.rows(
        "SELECT id, sealed, stored FROM batch WHERE gateway = ? AND id > ? ORDER BY id LIMIT ?",
        gateway,
        last,
        AT_ONCE,
    ):
        yield from ((id_, sealed, stored) for id_, sealed, stored in rows)
        last = rows[-1][0]


def _opened(keys: GatewayKeys, gateway: str, sealed: bytes, stored: int) -> Batch:
    key = keys.at(gateway, moment(stored))
    if key is None:
        raise BadPayload("no key of the gateway counted then")
    batch = decode(unseal(sealed, key))
    if not isinstance(batch, Batch) or batch.gateway != gateway:
        raise BadPayload("not a batch of this gateway")
    if broken_link(batch.previous, batch.records) is not None:
        raise BadPayload("its records do not follow from each other")
    return batch


def _changed(database: Database, batch: Batch) -> Iterator[str]:
    signed = {each.seq: _kept(each) for each in batch.records}
    for seq, *kept in database.rows(
        "SELECT seq, employee, action, at, received, receipt, hash FROM record"
        " WHERE gateway = ? AND journal = ? AND seq BETWEEN ? AND ?",
        batch.gateway, batch.journal, batch.records[0].seq, batch.records[-1].seq,
    ):  # fmt: skip
        if kept[0] == ERASED and signed[seq][1] == Action.REGISTER:  # the number of a person who was erased
            signed[seq][0] = ERASED
        if kept != signed[seq]:
            yield f"record {seq} of journal {batch.journal}: it is not what the gateway signed"


def _kept(record: Record) -> list[object]:
    times = micros(record.at), micros(record.received)
    return [record.employee, record.action, *times, record.receipt, record.hash]
