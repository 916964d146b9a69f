"""Numbers that ask to be bound to an employee (DAFTAR), and what was decided of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_bridge.records import Action
from mqtt_bridge.sealing import NotForUs, unseal_with

from .database import Database, micros, moment
from .languages import _


@dataclass(frozen=True, slots=True)
class Request:
    """A number that asks. `employee` is whose NIP was sent, None where nobody has it; `former` is the number that a
    binding would take the place of.
    """

    record: int
    gateway: str
    number: str
    at: datetime
    receipt: str
    employee: str | None
    name: str | None
    office: str | None
    former: str


class CanNotBind(Exception):
    """Why the number can not be bound, for the person who decides."""


def waiting(database: Database, key: X25519PrivateKey) -> list[Request]:
    """Those that nobody decided yet, the oldest first."""
    rows = database.rows(
        "SELECT record.id, record.gateway, record.employee, at, receipt, note FROM record"
        " LEFT JOIN binding ON binding.record = record.id"
        " WHERE action = ? AND binding.record IS NULL ORDER BY record.id",
        Action.REGISTER,
    )
    return [_request(database, key, row) for row in rows]


def approve(database: Database, key: X25519PrivateKey, record: int, person: str, now: datetime) -> Request:
    """Bind the number to the employee, in place of the one before. Raises `CanNotBind`."""
    with database.transaction():
        request = _undecided(database, key, record)
        if request.employee is None:
            raise CanNotBind(_("Tidak ada pegawai aktif dengan NIP itu; periksa daftar pegawai"))
        taken = database.value(
            "SELECT name FROM employee WHERE phone = ? AND active = 1 AND id <> ?", request.number, request.employee
        )
        if taken is not None:
            raise CanNotBind(_("Nomor itu sudah terikat pada {name}").format(name=taken))
        database.run("UPDATE employee SET phone = 'moved ' || id WHERE phone = ?", request.number)
        database.run("UPDATE employee SET phone = ?, alias = '' WHERE id = ?", request.number, request.employee)
        _decide(database, request, person, now, approved=True)
    return request


def reject(database: Database, key: X25519PrivateKey, record: int, person: str, now: datetime) -> Request:
    """Nothing is bound. Raises `CanNotBind` when it was decided before."""
    with database.transaction():
        request = _undecided(database, key, record)
        _decide(database, request, person, now, approved=False)
    return request


def _undecided(database: Database, key: X25519PrivateKey, record: int) -> Request:
    found = [request for request in waiting(database, key) if request.record == record]
    if not found:
        raise CanNotBind(_("Permintaan itu sudah diputuskan"))
    return found[0]


def _decide(database: Database, request: Request, person: str, now: datetime, *, approved: bool) -> None:
    row = (request.record, request.employee or "", int(approved), person, micros(now))
    database.insert_all("binding", ("record", "employee", "approved", "person", "decided"), [row])


def _request(database: Database, key: X25519PrivateKey, row: tuple[object, ...]) -> Request:
    id_, gateway, number, at, receipt, note = row
    try:
        nip = unseal_with(key, str(note))
    except NotForUs:
        nip = ""
    found = database.row("SELECT id, name, gateway, phone FROM employee WHERE nip = ? AND active = 1", nip)
    employee, name, office, phone = found or (None, None, None, "")
    former = phone if phone.startswith("+") else ""
    return Request(
        int(str(id_)), str(gateway), str(number), moment(int(str(at))), str(receipt), employee, name, office, former
    )
