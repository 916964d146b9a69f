"""Records that are known by SMS alone: kept until the signed batch brings them, and then compared with it.

Every function runs inside a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mqtt_bridge.records import Batch, Flag, Record
from mqtt_bridge.sms_codec import Dispatch, Notice, proof, tag, whole_second

from .database import Database, micros, moment

Run = tuple[int, int]
Statement = tuple[str, str, int, str, frozenset[str]]  # employee, action, at, presence, flags

_COLUMNS = (
    "gateway", "journal_tag", "seq", "employee", "action", "at", "presence", "flags", "proof", "number", "stored",
)  # fmt: skip


def store(database: Database, gateway: str, dispatch: Dispatch, number: str, now: datetime) -> str | None:
    """Keep what is new; returns what contradicts something that is held already, in words."""
    journal_tag = dispatch.frame.journal.hex()
    first, last = dispatch.notices[0].seq, dispatch.notices[-1].seq
    journal, final_seq = _chain(database, gateway, journal_tag)
    held = _provisional(database, gateway, journal_tag, first, last) | _final(database, gateway, journal, first, last)
    told = {notice.seq: _statement(notice) for notice in dispatch.notices}
    wrong = [seq for seq, statement in told.items() if held.get(seq, statement) != statement]
    new = [notice for notice in dispatch.notices if notice.seq not in held and notice.seq > final_seq]
    rows = [(gateway, journal_tag, *_row(notice), None, number, micros(now)) for notice in new]
    if rows:
        database.insert_all("provisional", _COLUMNS, rows)
    database.run(
        "UPDATE provisional SET proof = ? WHERE gateway = ? AND journal_tag = ? AND seq = ? AND proof IS NULL",
        dispatch.proof, gateway, journal_tag, last,
    )  # fmt: skip
    return f"record {wrong[0]} by SMS is not what is held of it{_more(wrong)}" if wrong else None


def settle(database: Database, batch: Batch, records: Sequence[Record]) -> str | None:
    """The signed records are there: forget what was known of them by SMS; returns what was not the same, in words."""
    journal_tag = tag(batch.journal).hex()
    where = "gateway = ? AND journal_tag = ? AND seq >= ? AND seq <= ?"
    values = (batch.gateway, journal_tag, records[0].seq, records[-1].seq)
    told = _provisional(database, *values)
    if not told:
        return None
    proofs = dict(database.rows(f"SELECT seq, proof FROM provisional WHERE {where} AND proof IS NOT NULL", *values))
    wrong = [
        each.seq
        for each in records
        if told.get(each.seq, _statement(each)) != _statement(each)
        or proofs.get(each.seq, proof(each.hash)) != proof(each.hash)
    ]
    database.run(f"DELETE FROM provisional WHERE {where}", *values)
    return f"record {wrong[0]} is not what came by SMS{_more(wrong)}" if wrong else None


def runs(database: Database, gateway: str, journal_tag: str) -> tuple[Run, ...]:
    """Which records of a journal are held, final or not, as runs (first, last) in order."""
    _, final_seq = _chain(database, gateway, journal_tag)
    seqs = database.rows(
        "SELECT seq FROM provisional WHERE gateway = ? AND journal_tag = ? AND seq > ? ORDER BY seq",
        gateway, journal_tag, final_seq,
    )  # fmt: skip
    found = [(1, final_seq)] if final_seq else []
    for (seq,) in seqs:
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


def complete_until(database: Database, gateway: str) -> datetime | None:
    """The watermark that came by SMS, where everything up to it is held; None where something is still missing."""
    row = database.row(
        "SELECT journal_tag, complete_seq, complete_until FROM uplink WHERE gateway = ? ORDER BY heard DESC", gateway
    )
    if row is None or row[1] is None:
        return None
    journal_tag, seq, until = row
    held = runs(database, gateway, journal_tag)
    return moment(until) if held and held[0][0] == 1 and held[0][1] >= seq else None


def _chain(database: Database, gateway: str, journal_tag: str) -> tuple[str, int]:
    """The journal of that tag and how far it is held for good; ("", 0) when it was never heard of but by SMS."""
    rows = database.rows("SELECT journal, seq FROM chain WHERE gateway = ? ORDER BY first_seen DESC", gateway)
    return next(((journal, seq) for journal, seq in rows if tag(journal).hex() == journal_tag), ("", 0))


def _provisional(database: Database, gateway: str, journal_tag: str, first: int, last: int) -> dict[int, Statement]:
    rows = database.rows(
        "SELECT seq, employee, action, at, presence, flags FROM provisional"
        " WHERE gateway = ? AND journal_tag = ? AND seq >= ? AND seq <= ?",
        gateway, journal_tag, first, last,
    )  # fmt: skip
    return {seq: (*rest, frozenset(flags.split())) for seq, *rest, flags in rows}


def _final(database: Database, gateway: str, journal: str, first: int, last: int) -> dict[int, Statement]:
    rows = database.rows(
        "SELECT seq, employee, action, at, presence, flags FROM record"
        " WHERE gateway = ? AND journal = ? AND seq >= ? AND seq <= ?",
        gateway, journal, first, last,
    )  # fmt: skip
    return {
        seq: (employee, action, at // 1_000_000 * 1_000_000, presence, frozenset(flags.split()))
        for seq, employee, action, at, presence, flags in rows
    }


def _statement(told: Notice | Record) -> Statement:
    at = micros(whole_second(told.at))
    return told.employee, str(told.action), at, str(told.presence), frozenset(map(str, told.flags))


def _row(notice: Notice) -> tuple[object, ...]:
    return (
        notice.seq, notice.employee, notice.action, micros(notice.at), notice.presence, _words(notice.flags),
    )  # fmt: skip


def _words(flags: Iterable[Flag]) -> str:
    return " ".join(flags)


def _more(wrong: Sequence[int]) -> str:
    return f", nor are {len(wrong) - 1} more" if len(wrong) > 1 else ""
