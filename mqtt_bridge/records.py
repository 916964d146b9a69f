"""The wire types of schema version 1, and the hash chain over records. Pure.

Every payload is one JSON object with a `kind`, so that what was signed as one kind can never pass as another.
Times are UTC, RFC 3339. An unknown field is ignored, so that either side may be upgraded first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct

SCHEMA = 1
BATCH_LIMIT = 500

GatewayId = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
# Control characters have no place in any of these, and some databases refuse a NUL.
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Short = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Long = Annotated[str, Meta(max_length=20_000, pattern=r"^[^\x00]*$")]
Secret = Annotated[str, Meta(pattern=r"^[A-Z2-7]{32,128}$")]
Instant = Annotated[datetime, Meta(tz=True)]
Pem = Annotated[
    str, Meta(max_length=8000, pattern=r"^-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n$")
]
PhoneNumber = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]


class Action(StrEnum):
    """What a record states about an employee."""

    IN = "in"
    OUT = "out"
    SICK = "sick"
    LEAVE = "leave"
    DUTY = "duty"
    DISPUTE = "dispute"  # what is recorded of them is wrong, says `note`
    REGISTER = "register"  # this number asks to be bound to the person whose NIP is sealed in `note`


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
    """What a person or a rule that judges the record must know."""

    # `at` is the time of receipt: the SMS centre gave none that can be true
    CLOCK_UNTRUSTED = "clock-untrusted"
    # only a code was sent, or a call made: in or out follows from the day's other records (see `day.settle`)
    INFERRED = "inferred"
    # the code was judged by the gateway's own clock, which the network had not set
    CODE_BY_OWN_CLOCK = "code-by-own-clock"
    # who made the statement is no better known than a caller's number, which is easily made up
    LOW_ASSURANCE = "low-assurance"


class Record(Struct, frozen=True, kw_only=True):
    """One attendance statement. Its identity is (gateway, journal, seq); `at` is the time that counts.

    `employee` is an opaque id, or the number itself where a number speaks that is not bound to anybody yet.
    `fingerprint` names the message it was made from, `receipt` is what the employee was told, `hash` chains it
    to the record before (see `chained`). `note` is what they added in words.
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
    note: Short = ""
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
    """Whether a gateway is connected, by its own word or, `online` false, by its last will.

    `starts` counts the starts of the gateway and `session` its connections since: whoever says this again later says
    nothing new.
    """

    gateway: GatewayId
    online: bool
    since: Instant
    starts: int = 0
    session: int = 0
    schema: int = SCHEMA


class Language(StrEnum):
    """In which an employee is answered (ISO 639-1)."""

    INDONESIAN = "id"
    ENGLISH = "en"


class Reason(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: `code` for programs, `text` for people."""

    code: Name
    text: Short


class StoreReport(Struct, frozen=True, kw_only=True):
    """Slots for SMS in one store: "SM" on the SIM, "ME" in the modem."""

    name: Name
    used: int
    capacity: int


class ModemReport(Struct, frozen=True, kw_only=True):
    """How the gateway's modem is; signal in percent, slots of all its SMS stores."""

    state: Name
    signal: int | None = None
    operator: Short = ""
    used: int = 0
    capacity: int = 0
    model: Short = ""
    stores: tuple[StoreReport, ...] = ()


class SimReport(Struct, frozen=True, kw_only=True):
    """What the gateway's SIM had at `at`: rupiah, and the last day on which it can send.

    `days_left` is the gateway's forecast of how long both will last.
    """

    at: Instant
    balance: int | None = None
    valid_until: date | None = None
    days_left: int | None = None


class UplinkReport(Struct, frozen=True, kw_only=True):
    """SMS that a gateway tried to send to the collector, and records that this one holds by SMS alone."""

    today: int
    month: int
    held: int


class Status(Struct, frozen=True, kw_only=True, tag_field="kind", tag="status"):
    """What a gateway reports of itself. `at` is its own clock.

    `last_seq` is the newest record it made and `delivered` the newest that the collector acknowledged.
    `complete_until` is its watermark: every message that the SMS centre handed over before that time is in a
    record up to `last_seq`. `desired` is the version it applied. `starts` and `count` number what the gateway said.
    Sizes in bytes, heat in degrees Celsius. `certificate_until` is when its certificate ends, None where it has none.
    `sim` is None until the operator told of it. `messages` and `replies` count what it took in and what it answered
    since its journal began.
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
    starts: int = 0
    count: int = 0
    certificate_until: Instant | None = None
    uplink: UplinkReport | None = None
    sim: SimReport | None = None
    messages: int | None = None
    replies: int | None = None
    schema: int = SCHEMA


class PresenceRule(StrEnum):
    """Whether a check-in needs the code on the office's screen."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Replies(StrEnum):
    """What is answered by SMS; the office's screen shows every receipt for nothing."""

    ALL = "all"
    ERRORS = "errors"
    NONE = "none"


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One employee as a gateway knows them: by opaque id and bound number (E.164), never by NIP or name.

    `alias` is the word by which one of several people with the same phone says who speaks. `presence` and
    `language` override the policy's, `shift` names their working hours, `office` the screen whose code they type
    where that is not the gateway's own. What is not said is left out: a message holds twice as many so.
    """

    employee: Name
    phone: PhoneNumber
    alias: Annotated[str, Meta(pattern=r"^[a-z]{0,12}$")] = ""
    presence: PresenceRule | None = None
    language: Language | None = None
    shift: Short = ""
    office: Short = ""


class Hours(Struct, frozen=True, kw_only=True):
    """Working hours, local time, on some weekdays (Monday is 1) from one date on, to another or for good.

    Of those that hold on a day the one that began last counts: Ramadan's hours stand above the ordinary ones. An end
    before the start is on the next morning.
    """

    since: date
    until: date | None = None
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    start: time
    end: time
    shift: Short = ""


class UplinkTerms(Struct, frozen=True, kw_only=True):
    """How a gateway brings its records to the collector's `number` by SMS while the link does not.

    It begins when for `after_minutes` no ack came although records wait. An SMS that is not full waits for more
    records until its first one is `hold_minutes` old. `per_day` caps the SMS of a day.
    """

    number: PhoneNumber
    after_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    hold_minutes: Annotated[int, Meta(ge=0, le=1440)] = 60
    per_day: Annotated[int, Meta(ge=0, le=1000)] = 30


class Policy(Struct, frozen=True, kw_only=True):
    """The rules by which a gateway decides; data, not code.

    An SMS centre's time is believed within (received - `sms_validity_hours`, received + `clock_skew_seconds`).
    `answers_per_day` caps the answers to one number's check-ins in a day of `timezone` (IANA name),
    `corrections_per_day` those to what can not be understood: two machines that answer each other stop there.
    With `missed_calls` a call from an employee's number counts as in, or as out when there is an in already.

    A presence code is shown for `code_seconds`; it counts from when it is shown until `code_grace_seconds` after it
    went. A number that sent `code_misses_per_hour` wrong ones is not heard with codes for the rest of the hour;
    from `code_alarm_per_hour` wrong ones of all numbers on, people are told.

    `hours` are known to tell about lateness, which is answered and never decides; on `holidays` nobody is late.
    A menu is left `menu_minutes` after its last answer. Parts of a long message belong together if the SMS centre got
    them within `parts_minutes`; so long after the first one those that lack others are given up. With
    `delivery_reports` the network is asked what becomes of replies. After an outage one SMS goes to `poke_number`,
    "own" for the gateway's own, so that the SMS centre brings what it kept.
    Without `uplink` nothing goes by SMS. `it_numbers` may ask a gateway how it is. With `remote_ussd` the collector
    may have USSD codes dialled.
    """

    timezone: Name = "Asia/Jakarta"
    sms_validity_hours: Annotated[int, Meta(ge=1, le=24 * 30)] = 72
    clock_skew_seconds: Annotated[int, Meta(ge=0, le=86400)] = 300
    answers_per_day: Annotated[int, Meta(ge=0, le=1000)] = 20
    corrections_per_day: Annotated[int, Meta(ge=0, le=1000)] = 3
    replies: Replies = Replies.ALL
    language: Language = Language.INDONESIAN
    presence: PresenceRule = PresenceRule.OFF
    code_seconds: Annotated[int, Meta(ge=30, le=300)] = 60
    code_grace_seconds: Annotated[int, Meta(ge=0, le=240)] = 90
    code_misses_per_hour: Annotated[int, Meta(ge=1, le=100)] = 5
    code_alarm_per_hour: Annotated[int, Meta(ge=1, le=10000)] = 20
    registrations_per_day: Annotated[int, Meta(ge=0, le=100)] = 3
    menu_minutes: Annotated[int, Meta(ge=1, le=60)] = 10
    hours: tuple[Hours, ...] = ()
    holidays: tuple[date, ...] = ()
    uplink: UplinkTerms | None = None
    it_numbers: tuple[PhoneNumber, ...] = ()
    missed_calls: bool = False
    remote_ussd: bool = True
    parts_minutes: Annotated[int, Meta(ge=1, le=1440)] = 10
    delivery_reports: bool = False
    poke_number: Annotated[str, Meta(pattern=r"^(|own|\+[1-9][0-9]{6,14})$")] = ""


class Desired(Struct, frozen=True, kw_only=True, tag_field="kind", tag="desired"):
    """What the collector wants a gateway to hold: always whole, newer versions replace older ones.

    The collector says it anew whenever it has come (back) to the broker. `secrets` (base32) make the presence codes:
    office → secret, the gateway's own office under its id (see `Member.office`). `sealing_key` is the collector's
    X25519 key (base64) for what a gateway must not be able to read again.
    """

    gateway: GatewayId
    version: Annotated[int, Meta(ge=1)]
    issued: Instant
    roster: tuple[Member, ...]
    policy: Policy
    secrets: dict[Name, Secret] = {}
    sealing_key: Short = ""
    schema: int = SCHEMA


class Command(Struct, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """One thing to do now, unless `expires` has passed; carried out at most once for its `id`.

    `number` only grows from one command of a gateway to the next: one that is not larger than what was there is old,
    whatever the clock says. `by` is who asked. The collector says it again until it hears the result.
    """

    gateway: GatewayId
    id: Name
    number: Seq
    name: Name
    arguments: Annotated[dict[Name, Short], Meta(max_length=8)]
    issued: Instant
    expires: Instant
    by: Short = ""
    schema: int = SCHEMA


class Ending(StrEnum):
    """How a command ended."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"  # it was not begun
    UNKNOWN = "unknown"  # it was begun, and the gateway stopped before it knew


class Result(Struct, frozen=True, kw_only=True, tag_field="kind", tag="result"):
    """How a command ended: the same whenever it is said again.

    `code` says it for programs, with `facts` for what is particular; `text` is what the operator, the modem or the
    diagnostics said.
    """

    gateway: GatewayId
    id: Name
    ending: Ending
    code: Name
    at: Instant
    facts: Annotated[dict[Name, Short], Meta(max_length=16)] = {}
    text: Long = ""
    schema: int = SCHEMA


class Renewal(Struct, frozen=True, kw_only=True, tag_field="kind", tag="renewal"):
    """A gateway asks for its next certificate, for the key that made `csr`."""

    gateway: GatewayId
    csr: Pem
    at: Instant
    schema: int = SCHEMA


class Certificate(Struct, frozen=True, kw_only=True, tag_field="kind", tag="certificate"):
    """A gateway's new certificate, in PEM."""

    gateway: GatewayId
    certificate: Pem
    schema: int = SCHEMA


Payload = Batch | Ack | Connection | Status | Desired | Command | Result | Renewal | Certificate

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


def decode_again(data: bytes) -> Batch:
    """A batch that went through `decode` once: the forms of its texts are not looked at, which takes most of the time
    of that. Raises `BadPayload`.
    """
    try:
        return _decoder_again.decode(data)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadPayload(str(error)) from None


def _formless(kind: type[Struct], **others: Any) -> type[Struct]:
    """The same fields, with any text."""
    hints = {name: Instant if hint is datetime else hint for name, hint in get_type_hints(kind).items()} | others
    fields = [
        (each.name, hints[each.name], *([] if each.default is NODEFAULT else [each.default]))
        for each in msgspec.structs.fields(kind)
    ]
    config = kind.__struct_config__
    return msgspec.defstruct(
        kind.__name__, fields, frozen=True, kw_only=True, tag_field=config.tag_field, tag=config.tag
    )


_decoder_again: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    _formless(Batch, records=list[_formless(Record)])  # type: ignore[misc]
)


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
