"""What people put right: a record that lacks, one that is wrong, an absence, and whether a statement by SMS is true.

One asks and gives a reason, another decides; both stand in the audit. Nothing that came from a gateway is ever
changed or removed: a correction stands beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from . import audit
from .database import Database, micros, moment
from .languages import _
from .rules import SHARES, STATED, Status

BY_SMS = "SMS"  # who asked for a decision on a statement: the employee
LONGEST_REASON = 200
ABSENCES = tuple(status for status in SHARES if status is not Status.ABSENT)


class Kind(StrEnum):
    PUNCH = "punch"  # a record in `what` (in or out) at `since`
    VOID = "void"  # `record` does not count
    ABSENCE = "absence"  # `what` from `since` until `until`
    STATEMENT = "statement"  # what `record` states is true, or not
    REVOKE = "revoke"  # the accepted correction in `record` does not hold any more


class NotAllowed(ValueError):
    """What can not be asked for or decided; the message says why, to the person who tried."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    employee: str
    kind: Kind
    reason: str
    since: datetime
    until: datetime
    what: str = ""
    record: int | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """`accepted` None while nobody has decided."""

    id: int
    employee: str
    name: str
    kind: Kind
    what: str
    record: int | None
    since: datetime
    until: datetime
    reason: str
    asked_by: str
    asked: datetime
    decided_by: str | None
    decided: datetime | None
    accepted: bool | None


def ask(database: Database, wish: Wish, who: str, now: datetime) -> int:
    """Returns the correction's id; it changes nothing before another has accepted it. Raises `NotAllowed`."""
    _check_reason(wish.reason)
    with database.transaction():
        _check_target(database, wish)
        id_ = _insert(database, wish, who, now)
        audit.append(database, who, "correction-asked", {"id": id_, **_body(wish)}, now)
    return id_


def decide(database: Database, id_: int, who: str, now: datetime, *, accepted: bool) -> None:
    """Raises `NotAllowed`: only somebody else may decide, and only once."""
    with database.transaction():
        changed = database.run(
            "UPDATE correction SET decided_by = ?, decided = ?, accepted = ?"
            " WHERE id = ? AND decided IS NULL AND asked_by <> ?",
            who, micros(now), int(accepted), id_, who,
        )  # fmt: skip
        if not changed:
            raise NotAllowed(_why_not(database, id_, who))
        if accepted:
            _revoke(database, id_, now)
        audit.append(database, who, "correction-decided", {"id": id_, "accepted": accepted}, now)


def decide_statement(
    database: Database, record: int, who: str, now: datetime, *, accepted: bool, reason: str = ""
) -> None:
    """On what an employee stated by SMS; a later decision replaces it. Raises `NotAllowed`."""
    with database.transaction():
        row = database.row("SELECT employee, action, at FROM record WHERE id = ?", record)
        if row is None or row[1] not in STATED:
            raise NotAllowed(_("Catatan itu bukan pernyataan sakit, izin, atau dinas luar."))
        database.run("DELETE FROM correction WHERE record = ? AND kind = ?", record, Kind.STATEMENT)
        at, reason = moment(row[2]), reason or ("disetujui" if accepted else "ditolak")
        wish = Wish(row[0], Kind.STATEMENT, reason, at, at, row[1], record)
        id_ = _insert(database, wish, BY_SMS, now)
        database.run(
            "UPDATE correction SET decided_by = ?, decided = ?, accepted = ? WHERE id = ?",
            who, micros(now), int(accepted), id_,
        )  # fmt: skip
        audit.append(database, who, "statement-decided", {"id": id_, "accepted": accepted, **_body(wish)}, now)


def waiting(database: Database, offices: Collection[str] | None = None, limit: int = 200) -> list[Correction]:
    """What nobody has decided on yet, the oldest first; of employees of those offices unless it is None."""
    where, values = "", list[str]()
    if offices is not None:
        where, values = f" AND employee.gateway IN ({', '.join('?' * len(offices)) or 'NULL'})", sorted(offices)
    return _select(database, f"decided IS NULL{where} ORDER BY correction.id LIMIT ?", *values, limit)


def of_employee(database: Database, employee: str, since: datetime, until: datetime) -> list[Correction]:
    """Everything that touches that time."""
    return _select(
        database, "employee = ? AND since < ? AND until >= ? ORDER BY correction.id",
        employee, micros(until), micros(since),
    )  # fmt: skip


def _select(database: Database, where: str, *values: Any) -> list[Correction]:
    rows = database.rows(
        "SELECT correction.id, employee, employee.name, kind, what, record, since, until, reason, asked_by, asked,"
        " decided_by, decided, accepted FROM correction JOIN employee ON employee.id = correction.employee"
        f" WHERE {where}",
        *values,
    )
    return [_correction(row) for row in rows]


def _correction(row: Sequence[Any]) -> Correction:
    id_, employee, name, kind, what, record, since, until, reason, asked_by, asked, decided_by, decided, yes = row
    return Correction(
        id_, employee, name, Kind(kind), what, record, moment(since), moment(until), reason, asked_by, moment(asked),
        decided_by, moment(decided) if decided is not None else None, bool(yes) if yes is not None else None,
    )  # fmt: skip


def _check_reason(reason: str) -> None:
    if not 3 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise NotAllowed(_("Tulis alasannya, 3 sampai {most} huruf.").format(most=LONGEST_REASON))


def _check_target(database: Database, wish: Wish) -> None:
    if wish.kind is Kind.STATEMENT:
        raise NotAllowed(_("Pernyataan lewat SMS diputuskan langsung."))
    if wish.until < wish.since:
        raise NotAllowed(_("Tanggal akhir lebih awal daripada tanggal mulai."))
    if wish.kind is Kind.VOID and not database.value(
        "SELECT 1 FROM record WHERE id = ? AND employee = ?", wish.record, wish.employee
    ):
        raise NotAllowed(_("Catatan itu tidak ada pada pegawai ini."))
    if wish.kind is Kind.REVOKE and not database.value(
        "SELECT 1 FROM correction WHERE id = ? AND employee = ? AND accepted = 1", wish.record, wish.employee
    ):
        raise NotAllowed(_("Koreksi itu tidak ada atau tidak berlaku."))


def _why_not(database: Database, id_: int, who: str) -> str:
    row = database.row("SELECT asked_by, decided_by FROM correction WHERE id = ?", id_)
    if row is None:
        return _("Koreksi itu tidak ada.")
    if row[1] is not None:
        return _("Sudah diputuskan oleh {name}.").format(name=row[1])
    return _("Yang mengajukan tidak boleh memutuskan sendiri; minta orang lain.")


def _revoke(database: Database, id_: int, now: datetime) -> None:
    database.run(
        "UPDATE correction SET accepted = 0, decided = ? WHERE id = (SELECT record FROM correction WHERE id = ?"
        " AND kind = ?)",
        micros(now), id_, Kind.REVOKE,
    )  # fmt: skip


def _insert(database: Database, wish: Wish, who: str, now: datetime) -> int:
    columns = ("employee", "kind", "what", "record", "since", "until", "reason", "asked_by", "asked")
    row = (
        wish.employee, wish.kind, wish.what, wish.record, micros(wish.since), micros(wish.until), wish.reason, who,
        micros(now),
    )  # fmt: skip
    database.insert_all("correction", columns, [row])
    return int(database.value("SELECT MAX(id) FROM correction"))


def _body(wish: Wish) -> dict[str, Any]:
    return {
        "employee": wish.employee, "kind": wish.kind, "what": wish.what, "record": wish.record, "reason": wish.reason,
        "since": wish.since, "until": wish.until,
    }  # fmt: skip
