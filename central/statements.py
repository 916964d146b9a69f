"""What employees said by SMS that somebody has to decide on: SAKIT, IZIN, DINAS and SANGGAH."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from mqtt_bridge.records import Action

from . import audit
from .corrections import Kind, NotAllowed
from .database import Database, micros, moment
from .languages import _

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Statement:
    """`note` is what the employee wrote behind the word."""

    record: int
    employee: str
    name: str
    gateway: str
    action: str
    at: datetime
    note: str
    receipt: str


def waiting(database: Database, offices: Collection[str] | None = None, limit: int = 200) -> list[Statement]:
    """What nobody has decided on yet, the latest first; of employees of those offices unless it is None."""
    where, values = "", list[str]()
    if offices is not None:
        where, values = f" AND employee.gateway IN ({', '.join('?' * len(offices)) or 'NULL'})", sorted(offices)
    columns = "SELECT record.id, employee.id, name, employee.gateway, action, at, note, receipt"
    joined = "record JOIN employee ON employee.id = record.employee"
    # The conditions are those of the two partial indexes: a city's check-ins of years are not looked through.
    rows = database.rows(
        f"{columns} FROM {joined} WHERE action IN ('sick', 'leave', 'duty') AND duplicate = 0{where} AND NOT EXISTS"
        f" (SELECT 1 FROM correction WHERE record = record.id AND kind = '{Kind.STATEMENT}') UNION ALL"
        f" {columns} FROM {joined} WHERE action IN ('register', 'dispute') AND action = 'dispute'"
        f" AND duplicate = 0{where} AND NOT EXISTS"
        " (SELECT 1 FROM dispute_answer WHERE record = record.id) ORDER BY 6 DESC LIMIT ?",
        *values, *values, limit,
    )  # fmt: skip
    return [
        Statement(record, employee, name, gateway, action, moment(at), note, receipt)
        for record, employee, name, gateway, action, at, note, receipt in rows
    ]


def close(database: Database, record: int, who: str, now: datetime, *, accepted: bool, reason: str) -> None:
    """Answer a dispute, once. What it is about is put right by corrections; this tells why, or why not.

    Raises `NotAllowed`.
    """
    reason = " ".join(reason.replace("\0", "").split())
    if not 3 <= len(reason) <= LONGEST_REASON:
        raise NotAllowed(_("Tulis alasannya, 3 sampai {most} huruf.").format(most=LONGEST_REASON))
    with database.transaction():
        if database.value("SELECT action FROM record WHERE id = ?", record) != Action.DISPUTE:
            raise NotAllowed(_("Catatan itu bukan sanggahan."))
        if database.row("SELECT 1 FROM dispute_answer WHERE record = ?", record):
            raise NotAllowed(_("Sanggahan itu sudah diputuskan."))
        columns = ("record", "accepted", "reason", "person", "decided")
        database.insert_all("dispute_answer", columns, [(record, int(accepted), reason, who, micros(now))])
        audit.append(
            database, who, "dispute-decided", {"record": record, "accepted": accepted, "reason": reason}, now
        )
