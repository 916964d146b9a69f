"""The proof of one check-in: what the gateway signed, with which key, between which records, and whether it holds."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mqtt_bridge.envelope import BadEnvelope, body_of, unseal
from mqtt_bridge.keys import public_pem
from mqtt_bridge.records import BadPayload, Batch, Record, decode

from . import audit, people, queries
from .database import Database, moment
from .evidence import BATCH, Check, Fault, Scope, Stored
from .keys import GatewayKeys
from .people import Employee
from .queries import Entry


@dataclass(frozen=True, slots=True)
class Proof:
    """`faults` are what the check found; nothing is proven where there is no `batch` any more.

    `signed` are the exact bytes that the signature covers, `before` and `after` the hashes of the record before and
    of this one, as the gateway signed them, `record` is what they say of it, if the signature holds. `others` counts
    the records beside it in the batch, `held` those of the journal. `key` is the one whose signature it is,
    `certificate` the serial of what the gateway connected with then; both are empty where they are not known.
    """

    entry: Entry
    employee: Employee | None
    batch: Stored | None = None
    signed: bytes = b""
    record: Record | None = None
    signature: str = ""
    key: Ed25519PublicKey | None = None
    certificate: str = ""
    before: str = ""
    after: str = ""
    others: int = 0
    held: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def intact(self) -> bool:
        return self.batch is not None and not self.faults

    @property
    def name(self) -> str:
        """Of the file for others to check. It stands in a command line: a receipt may hold any sign."""
        receipt = re.sub(r"[^0-9A-Za-z]", "", self.entry.receipt)
        return f"bukti-{receipt}-{self.entry.at:%Y%m%d}.json"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.signed).hexdigest()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the public key in DER, as openssl gives it."""
        if self.key is None:
            return ""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return hashlib.sha256(self.key.public_bytes(serialization.Encoding.DER, form)).hexdigest()

    def file(self) -> bytes:
        """For who checks it without us, as JSON: what was signed, by what it can be checked, and where to look."""
        content = {
            "kind": "gardu-evidence",
            "receipt": self.entry.receipt,
            "gateway": self.entry.gateway,
            "journal": self.entry.journal,
            "seq": self.entry.seq,
            "hash": self.after,
            "stored": self.entry.stored.isoformat(),
            "signed": self.signed.decode(errors="replace"),
            "sha256": self.digest,
            "signature": self.signature,
            "public_key": public_pem(self.key).decode() if self.key else "",
            "fingerprint": self.fingerprint,
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2)


def named(
    database: Database, receipt: str, gateway: str = "", day: date | None = None, zone: ZoneInfo | None = None
) -> list[Entry]:
    """The records with that receipt: receipts are short, and come again after years and at other gateways."""
    wanted = receipt.replace("\0", "").strip().upper()
    ids = [id_ for (id_,) in database.rows("SELECT id FROM record WHERE receipt = ? ORDER BY id", wanted)]
    found = queries.by_ids(database, ids[-1000:])
    return [
        each
        for each in found
        if (not gateway or each.gateway == gateway) and (day is None or each.at.astimezone(zone).date() == day)
    ]


def of(database: Database, keys: GatewayKeys, record: int) -> Proof | None:
    """The proof of the record with that id, checked now; None when there is none."""
    entries = queries.by_ids(database, [record])
    if not entries:
        return None
    entry = entries[0]
    employee = people.one(database, entry.employee)
    held = _batch(database, entry)
    if held is None:
        return Proof(entry, employee)
    check = Check(database, keys, Scope(entry.gateway, moment(held.stored)))
    found = tuple(each for each in check.faults_of(held) if _concerns(each, entry))
    key = _signer(keys, held)
    signed, signature = _parts(held.sealed)
    batch = _decoded(signed)
    before, stated = _found(batch, entry.seq) if batch else ("", None)
    end = database.value("SELECT seq FROM chain WHERE gateway = ? AND journal = ?", entry.gateway, entry.journal)
    others = len(batch.records) - 1 if batch else 0
    return Proof(
        entry,
        employee,
        batch=held,
        signed=signed,
        record=stated if key else None,
        signature=signature,
        key=key,
        certificate=_certificate(database, held),
        before=before,
        after=(stated.hash or "") if stated else "",
        others=others,
        held=end or 0,
        faults=found,
    )


def note(database: Database, proof: Proof, event: str, who: str, now: datetime) -> None:
    """Whoever looked at it stands in the audit."""
    body = {"record": proof.entry.id, "receipt": proof.entry.receipt}
    if proof.employee:
        body["employee"] = proof.employee.id
    with database.transaction():
        audit.append(database, who, event, body, now)


def _concerns(fault: Fault, entry: Entry) -> bool:
    """What was changed of another record of the batch takes nothing from this one."""
    return not fault.column or fault.seq == entry.seq


def _batch(database: Database, entry: Entry) -> Stored | None:
    row = database.row(
        f"{BATCH} WHERE gateway = ? AND journal = ? AND first_seq <= ? AND last_seq >= ? ORDER BY id LIMIT 1",
        entry.gateway, entry.journal, entry.seq, entry.seq,
    )  # fmt: skip
    return Stored.of(row) if row else None


def _signer(keys: GatewayKeys, held: Stored) -> Ed25519PublicKey | None:
    for key in keys.at(held.gateway, moment(held.stored)):
        try:
            unseal(held.sealed, key)
        except BadEnvelope:
            continue
        return key
    return None


def _parts(sealed: bytes) -> tuple[bytes, str]:
    try:
        signed = body_of(sealed)
    except BadEnvelope:
        return sealed, ""
    return signed, base64.b64encode(base64.b64decode(sealed[len(signed) + 1 :])).decode()


def _decoded(signed: bytes) -> Batch | None:
    try:
        found = decode(signed)
    except BadPayload:
        return None
    return found if isinstance(found, Batch) else None


def _found(batch: Batch, seq: int) -> tuple[str, Record | None]:
    """The record, and the hash before it."""
    before = batch.previous
    for each in batch.records:
        if each.seq == seq:
            return before, each
        before = each.hash or ""
    return "", None


def _certificate(database: Database, held: Stored) -> str:
    found = database.value(
        "SELECT serial FROM certificate WHERE gateway = ? AND not_before <= ? AND not_after > ?"
        " AND (revoked_at IS NULL OR revoked_at > ?) ORDER BY not_before DESC LIMIT 1",
        held.gateway, held.stored, held.stored, held.stored,
    )  # fmt: skip
    return str(found or "")
