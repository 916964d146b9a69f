"""The wire types of schema version 1, and the hash chain over records. Pure.

Every payload is one JSON object with a `kind`, so that what was signed as one kind can never pass as another.
Times are UTC, RFC 3339. An unknown field is ignored, so that either side may be upgraded first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

SCHEMA = 1
BATCH_LIMIT = 500

GatewayId = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
# Control characters have no place in any of these, and some databases refuse a NUL.
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Short = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Instant = Annotated[datetime, Meta(tz=True)]


class Action(StrEnum):
    """What a record states about an employee."""

    IN = "in"
    OUT = "out"
    SICK = "sick"
    LEAVE = "leave"
    DUTY = "duty"


class Channel(StrEnum):
    """The way on which a statement reached the gateway."""

    SMS = "sms"
    MENU = "menu"
    USSD = "ussd"
    CALL = "call"
    LAN = "lan"


class Presence(StrEnum):
    """What proves that the person was at the office."""

    CODE = "code"
    NONE = "none"


class Flag(StrEnum):
    """What a person who judges the record must know."""

    # `at` is the time of receipt: the SMS centre gave none that can be true
    CLOCK_UNTRUSTED = "clock-untrusted"
    # who made the statement is no better known than a caller's number, which is easily made up
    LOW_ASSURANCE = "low-assurance"


class Record(Struct, frozen=True, kw_only=True):
    """One attendance statement. Its identity is (gateway, journal, seq); `at` is the time that counts.

    `fingerprint` names the message it was made from, `receipt` is what the employee was told, `hash` chains it
    to the record before (see `chained`).
    """

    seq: Seq
    employee: Name
    action: Action
    at: Instant
    received: Instant
    channel: Channel
    presence: Presence
    flags: tuple[Flag, ...]
    receipt: Name
    fingerprint: Hash
    hash: Hash | None = None


class Batch(Struct, frozen=True, kw_only=True, tag_field="kind", tag="records"):
    """Consecutive records of one journal; `previous` is the hash before the first of them."""

    gateway: GatewayId
    journal: Name
    previous: Hash
    sent: Instant
    records: Annotated[list[Record], Meta(min_length=1, max_length=BATCH_LIMIT)]
    schema: int = SCHEMA


class Ack(Struct, frozen=True, kw_only=True, tag_field="kind", tag="ack"):
    """The collector's statement, after its commit, that it holds a journal up to `seq`, which has `hash`.

    `seq` 0 with the journal's genesis hash means that it holds nothing. `refused` tells why the batch that it
    answers was put aside.
    """

    gateway: GatewayId
    journal: Name
    seq: Annotated[int, Meta(ge=0)]
    hash: Hash
    at: Instant
    refused: Short | None = None
    schema: int = SCHEMA


class Connection(Struct, frozen=True, kw_only=True, tag_field="kind", tag="connection"):
    """Whether a gateway is connected, by its own word or, `online` false, by its last will."""

    gateway: GatewayId
    online: bool
    since: Instant
    schema: int = SCHEMA


class Reason(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: `code` for programs, `text` for people."""

    code: Name
    text: Short


class ModemReport(Struct, frozen=True, kw_only=True):
    """How the gateway's modem is; signal in percent, slots of its SMS store."""

    state: Name
    signal: int | None = None
    operator: Short = ""
    used: int = 0
    capacity: int = 0
    model: Short = ""


class SimReport(Struct, frozen=True, kw_only=True):
    """What the gateway's SIM had at `at`: rupiah, and the last day on which it can send.

    `days_left` is the gateway's forecast of how long both will last.
    """

    at: Instant
    balance: int | None = None
    valid_until: date | None = None
    days_left: int | None = None


class Status(Struct, frozen=True, kw_only=True, tag_field="kind", tag="status"):
    """What a gateway reports of itself. `at` is its own clock.

    `last_seq` is the newest record it made and `delivered` the newest that the collector acknowledged.
    `complete_until` is its watermark: every message that the SMS centre handed over before that time is in a
    record up to `last_seq`. `desired` is the version it applied. Sizes in bytes, heat in degrees Celsius.
    `sim` is None until the operator told of it.
    """

    gateway: GatewayId
    journal: Name
    at: Instant
    started: Instant
    version: Short
    reasons: tuple[Reason, ...]
    modem: ModemReport
    last_seq: int
    delivered: int
    replies_waiting: int
    complete_until: Instant | None
    desired: int
    clock_trusted: bool
    disk_free: int | None = None
    heat: float | None = None
    sim: SimReport | None = None
    schema: int = SCHEMA


class Member(Struct, frozen=True, kw_only=True):
    """One employee as a gateway knows them: by opaque id and bound number (E.164), never by NIP or name."""

    employee: Name
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]


class Policy(Struct, frozen=True, kw_only=True):
    """The rules by which a gateway decides; data, not code.

    An SMS centre's time is believed within (received - `sms_validity_hours`, received + `clock_skew_seconds`).
    `answers_per_day` caps the answers to one number's check-ins in a day of `timezone` (IANA name),
    `corrections_per_day` those to what can not be understood: two machines that answer each other stop there.
    With `missed_calls` a call from an employee's number counts as in, or as out when there is an in already.
    """

    timezone: Name = "Asia/Jakarta"
    sms_validity_hours: Annotated[int, Meta(ge=1, le=24 * 30)] = 72
    clock_skew_seconds: Annotated[int, Meta(ge=0, le=86400)] = 300
    answers_per_day: Annotated[int, Meta(ge=0, le=1000)] = 20
    corrections_per_day: Annotated[int, Meta(ge=0, le=1000)] = 3
    missed_calls: bool = False


class Desired(Struct, frozen=True, kw_only=True, tag_field="kind", tag="desired"):
    """What the collector wants a gateway to hold: always whole, newer versions replace older ones.

    The collector says it anew whenever it has come (back) to the broker.
    """

    gateway: GatewayId
    version: Annotated[int, Meta(ge=1)]
    issued: Instant
    roster: tuple[Member, ...]
    policy: Policy
    schema: int = SCHEMA


class Command(Struct, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """One thing to do now, unless `expires` has passed; carried out at most once for its `id`."""

    gateway: GatewayId
    id: Name
    name: Name
    arguments: dict[str, str]
    issued: Instant
    expires: Instant
    schema: int = SCHEMA


class Result(Struct, frozen=True, kw_only=True, tag_field="kind", tag="result"):
    """How a command ended."""

    gateway: GatewayId
    id: Name
    ok: bool
    text: Short
    at: Instant
    schema: int = SCHEMA


Payload = Batch | Ack | Connection | Status | Desired | Command | Result

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)


class BadPayload(ValueError):
    """Bytes that are no payload of this schema; the message says what and where."""


def encode(value: Struct) -> bytes:
    """The one JSON form of a value: fields in declared order, no white space, UTF-8."""
    return _encoder.encode(value)


def decode(data: bytes) -> Any:
    """The payload (one of `Payload`) that those bytes are. Raises `BadPayload`."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadPayload(str(error)) from None


def genesis(gateway: str, journal: str) -> str:
    """The hash before the first record: it ties a chain to its gateway and journal."""
    return hashlib.sha256(f"gardu/v1/{gateway}/{journal}".encode()).hexdigest()


def digest(previous: str, record: Record) -> str:
    """SHA-256 over the previous hash (32 bytes) and the record's JSON with `hash` null."""
    bare = encode(msgspec.structs.replace(record, hash=None))
    return hashlib.sha256(bytes.fromhex(previous) + bare).hexdigest()


def chained(previous: str, record: Record) -> Record:
    """The record with its hash, as the successor of the record whose hash is `previous`."""
    return msgspec.structs.replace(record, hash=digest(previous, record))


def broken_link(previous: str, records: Sequence[Record]) -> int | None:
    """Seq of the first record that does not follow from the one before it; None when the chain holds."""
    expected = records[0].seq if records else 0
    for record in records:
        if record.seq != expected or record.hash != digest(previous, record):
            return record.seq
        previous = record.hash
        expected += 1
    return None
