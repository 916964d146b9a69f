"""Records in an SMS, and the collector's answer in one: packed bit by bit and authenticated. Pure.

`docs/uplink.md` shows both formats bit by bit. What is read was not altered and comes from who has the key;
whether it came before is for the reader to know, by `Frame.counter`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from .bits import BadBits, BitReader, BitWriter, best_low, octets, signed, unsigned
from .records import Action, Flag, Presence, Record

T = TypeVar("T")

ROOM = 140  # octets of one SMS (3GPP TS 23.040, 9.2.3.24)
TEXT_ROOM = 120  # octets that 160 signs of base64 carry
MOST = 256  # records in one SMS

_VERSION = 1
_MAC = 8  # octets
_HEAD = 9  # octets of a frame before its body
_KINDS = 32  # different kinds of record in one SMS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_SIGNS = b"+-"  # in place of "+/": these are the same in every alphabet that an SMS may pass through

# What a number on the wire stands for is its place here: new ones of each are only ever added at the end.
_ACTIONS, _PRESENCES, _FLAGS = list(Action), list(Presence), list(Flag)


class BadSms(ValueError):
    """Octets that are none of ours, or not as they were sent; the message says why."""


class UnknownRoster(BadSms):
    """An authentic SMS whose employees are numbers of a roster that is not known here."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before every body: which gateway and journal it is about, and a number that only ever grows."""

    gateway: bytes
    journal: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What an SMS tells of a record, ahead of the signed batch that brings it. `at` is in whole seconds."""

    seq: int
    employee: str
    action: Action
    at: datetime
    presence: Presence
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A gateway's SMS: consecutive records, the beginning of the last one's hash, and the watermark if it knows one.

    By the chain, the hash of the last record is one over all records up to it.
    """

    frame: Frame
    notices: tuple[Notice, ...]
    proof: str
    complete_until: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The collector's SMS: which records of a journal it holds, as runs (first, last) in order.

    `roster_known` false asks for employees by name: the collector has lost the roster that they are numbered by.
    """

    frame: Frame
    runs: tuple[tuple[int, int], ...]
    roster_known: bool = True


class Roster:
    """Employees by number: their place among all of them in order. `tag` tells one roster from another."""

    def __init__(self, employees: Iterable[str]) -> None:
        self.employees = sorted(set(employees))
        self.tag = hashlib.sha256("\n".join(self.employees).encode()).digest()[:3]
        self._places = {employee: place for place, employee in enumerate(self.employees)}

    @property
    def width(self) -> int:
        """Bits of a number; one behind the last employee's stands for somebody who is not in the roster."""
        return len(self.employees).bit_length()

    def place(self, employee: str) -> int:
        return self._places.get(employee, len(self.employees))


NOBODY = Roster(())


def tag(name: str) -> bytes:
    """The two octets that stand for a gateway or a journal."""
    return hashlib.sha256(name.encode()).digest()[:2]


def proof(hash_: str | None) -> str:
    """The beginning of a record's hash that travels, in hexadecimal."""
    return (hash_ or "").ljust(8, "0")[:8]


def whole_second(at: datetime) -> datetime:
    """The time as it travels."""
    return _moment(_seconds(at))


def pack(
    records: Sequence[Record],
    roster: Roster,
    frame: Frame,
    key: bytes,
    *,
    complete_until: datetime | None = None,
    room: int = ROOM,
) -> tuple[bytes, int]:
    """The SMS with as many of the consecutive records as fit into it, and how many those are; 0 if not even one is.

    `complete_until` is the watermark behind the last of them, and so goes only where all of them fit.
    """
    fitting, most, best = 0, min(len(records), MOST), b""
    while fitting < most:  # one more record never makes an SMS shorter: halve what is unknown
        count = (fitting + most + 1) // 2
        body = _body(records[:count], roster, complete_until if count == len(records) else None)
        if body is None or _HEAD + len(body) + _MAC > room:
            most = count - 1
        else:
            fitting, best = count, body
    return (_sealed("R", frame, best, key) if fitting else b""), fitting


def unpack(data: bytes, key: bytes, roster_of: Callable[[bytes], Roster | None]) -> Dispatch:
    """What a gateway's SMS tells. Raises `BadSms`, and `UnknownRoster` when `roster_of` does not know its tag."""
    frame, body = _opened("R", data, key)
    with _reading():
        return _dispatch(frame, BitReader(body), roster_of)


def pack_answer(answer: Answer, key: bytes, room: int = ROOM) -> bytes:
    """The answer as an SMS. Runs that do not fit are left out: it then says less than is held, and does no harm."""
    bits = BitWriter()
    bits.put(answer.roster_known, 1)
    before = 0
    for first, last in answer.runs:
        run = BitWriter()
        run.put(1, 1)
        run.number(first - before)
        run.number(last - first)
        if _HEAD + octets(bits.length + run.length + 1) + _MAC > room:
            break
        bits.append(run)
        before = last
    bits.put(0, 1)
    return _sealed("A", answer.frame, bits.octets(), key)


def unpack_answer(data: bytes, key: bytes) -> Answer:
    """Raises `BadSms`."""
    frame, body = _opened("A", data, key)
    with _reading():
        bits = BitReader(body)
        known = bool(bits.take(1))
        runs: list[tuple[int, int]] = []
        before = 0
        while bits.take(1):
            first = before + bits.number()
            before = first + bits.number()
            runs.append((first, before))
        bits.end()
    return Answer(frame, tuple(runs), known)


def frame_of(data: bytes) -> Frame:
    """The frame of an SMS, which anybody may have made up. Raises `BadSms`."""
    if len(data) <= _HEAD + _MAC or data[0] >> 4 != _VERSION:
        raise BadSms("not an SMS of this version")
    return Frame(gateway=data[1:3], journal=data[3:5], counter=int.from_bytes(data[5:_HEAD]))


def as_text(data: bytes) -> str:
    """The octets in signs that are the same in every alphabet, for networks that mangle 8-bit SMS."""
    return base64.b64encode(data, _SIGNS).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Raises `BadSms`."""
    signs = "".join(text.split())
    try:
        return base64.b64decode(signs + "=" * (-len(signs) % 4), _SIGNS, validate=True)
    except (binascii.Error, ValueError):
        raise BadSms("not octets in base64") from None


# Frames


def _sealed(kind: str, frame: Frame, body: bytes, key: bytes) -> bytes:
    content = _first_octet(kind) + frame.gateway + frame.journal + frame.counter.to_bytes(4) + body
    return content + _mac(content, key)


def _opened(kind: str, data: bytes, key: bytes) -> tuple[Frame, bytes]:
    frame = frame_of(data)
    content, mac = data[:-_MAC], data[-_MAC:]
    if not hmac.compare_digest(mac, _mac(content, key)):
        raise BadSms("it was altered, or made by somebody without the key")
    if data[:1] != _first_octet(kind):
        raise BadSms("an SMS of another kind")
    return frame, content[_HEAD:]


def _first_octet(kind: str) -> bytes:
    return bytes([_VERSION << 4 | "RA".index(kind)])


def _mac(content: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_MAC, key=key, person=b"gardu/v1/uplink").digest()


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except BadBits as error:
        raise BadSms(str(error)) from None


# Bodies


def _body(records: Sequence[Record], roster: Roster, until: datetime | None) -> bytes | None:
    """None when there are more kinds of record than one SMS can tell apart."""
    kinds = list(dict.fromkeys((each.action, each.presence, each.flags) for each in records))
    if len(kinds) > _KINDS:
        return None
    times = [_seconds(each.at) for each in records]
    bits = BitWriter()
    bits.put(int.from_bytes(roster.tag), 24)
    bits.number(records[0].seq)
    bits.put(len(records) - 1, 8)
    bits.put(int(proof(records[-1].hash), 16), 32)
    bits.number(unsigned(times[0]))
    bits.put(until is not None, 1)
    if until is not None:
        bits.number(unsigned(_seconds(until) - times[0]))
    bits.put(len(kinds) - 1, 5)
    for kind in kinds:
        _put_kind(bits, *kind)
    put_step = _step_writer(bits, [later - earlier for earlier, later in pairwise(times)])
    for place, each in enumerate(records):
        _put_employee(bits, roster, each.employee)
        bits.put(kinds.index((each.action, each.presence, each.flags)), (len(kinds) - 1).bit_length())
        if place:
            put_step(times[place] - times[place - 1])
    return bits.octets()


def _dispatch(frame: Frame, bits: BitReader, roster_of: Callable[[bytes], Roster | None]) -> Dispatch:
    """The inverse of `_body`."""
    wanted = bits.take(24).to_bytes(3)
    roster = NOBODY if wanted == NOBODY.tag else roster_of(wanted)
    if roster is None:
        raise UnknownRoster("its employees are numbers of a roster that is not known here")
    first, count = bits.number(), bits.take(8) + 1
    mark = f"{bits.take(32):08x}"
    time = signed(bits.number())
    until = _moment(time + signed(bits.number())) if bits.take(1) else None
    kinds = [_kind(bits) for _ in range(bits.take(5) + 1)]
    step = _step_reader(bits)
    notices = []
    for seq in range(first, first + count):
        employee = _employee(bits, roster)
        action, presence, flags = _pick(kinds, bits.take((len(kinds) - 1).bit_length()))
        time += step() if seq > first else 0
        notices.append(Notice(seq, employee, action, _moment(time), presence, flags))
    bits.end()
    return Dispatch(frame, tuple(notices), mark, until)


def _put_kind(bits: BitWriter, action: Action, presence: Presence, flags: tuple[Flag, ...]) -> None:
    bits.put(_ACTIONS.index(action), 4)
    bits.put(_PRESENCES.index(presence), 4)
    bits.put(sum(1 << _FLAGS.index(flag) for flag in set(flags)), 16)


def _kind(bits: BitReader) -> tuple[Action, Presence, tuple[Flag, ...]]:
    action, presence, flags = bits.take(4), bits.take(4), bits.take(16)
    # A flag that is not known here is passed over: either side may be upgraded first.
    known = tuple(flag for place, flag in enumerate(_FLAGS) if flags >> place & 1)
    return _pick(_ACTIONS, action), _pick(_PRESENCES, presence), known


def _put_employee(bits: BitWriter, roster: Roster, employee: str) -> None:
    place = roster.place(employee)
    bits.put(place, roster.width)
    if place == len(roster.employees):
        name = employee.encode()
        bits.put(len(name), 8)
        bits.put(int.from_bytes(name), 8 * len(name))


def _employee(bits: BitReader, roster: Roster) -> str:
    place = bits.take(roster.width)
    if place != len(roster.employees):
        return _pick(roster.employees, place)
    length = bits.take(8)
    try:
        name = bits.take(8 * length).to_bytes(length).decode()
    except UnicodeDecodeError:
        raise BadSms("an employee's name is no text") from None
    if not 1 <= len(name) <= 64 or min(name) < " ":
        raise BadSms("an employee has an impossible name")
    return name


def _step_writer(bits: BitWriter, steps: Sequence[int]) -> Callable[[int], None]:
    """Announce how the steps from one time to the next are coded, and return what codes one.

    How many low bits are best depends on how busy it was. Most often no time lies before the one before it: then no
    step needs a sign.
    """
    rising = all(step >= 0 for step in steps)
    low = best_low(step if rising else unsigned(step) for step in steps)
    bits.put(rising, 1)
    bits.put(low, 4)
    return lambda step: bits.rice(step if rising else unsigned(step), low)


def _step_reader(bits: BitReader) -> Callable[[], int]:
    rising, low = bits.take(1), bits.take(4)
    return lambda: bits.rice(low) if rising else signed(bits.rice(low))


def _seconds(at: datetime) -> int:
    return (at - _EPOCH) // _SECOND


def _moment(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise BadSms("an impossible time") from None


def _pick(choices: Sequence[T], place: int) -> T:
    if place >= len(choices):
        raise BadSms("it names something that is not known here")
    return choices[place]
