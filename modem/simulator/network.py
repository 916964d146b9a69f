"""The network behind the simulated modem: its SIM, the SMS centre's queue and the phones, in one SQLite file.

Whatever is promised is in the file first, so that killing the simulator loses no SMS.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from .at import Refused, Slot
from .calls import Calls
from .faults import Faults, Kind
from .oddities import STAMPS, rearranged
from .pdu import Body, PduError, decode_submit, encode_deliver, encode_report, split
from .ussd import Ussd

WIB = timezone(timedelta(hours=7), "WIB")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, phone TEXT NOT NULL, answer INTEGER NOT NULL, text TEXT NOT NULL,
    moment TEXT NOT NULL, handed TEXT NOT NULL, pdus INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS message_phone ON message (phone, id);
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER NOT NULL, pdu BLOB NOT NULL, due REAL NOT NULL);
CREATE TABLE IF NOT EXISTS slot (
    memory TEXT NOT NULL, location INTEGER NOT NULL, pdu BLOB NOT NULL, seen INTEGER NOT NULL,
    message INTEGER NOT NULL, PRIMARY KEY (memory, location)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fragment (
    phone TEXT NOT NULL, reference INTEGER NOT NULL, total INTEGER NOT NULL, number INTEGER NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (phone, reference, total, number)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a phone's chat. `moment` is the SCTS of a text, the moment of sending of an answer.

    `delivered` and `taken` count SMS written into and deleted from the SIM, out of `pdus`.
    """

    id: int
    phone: str
    answer: bool
    text: str
    moment: datetime
    handed: datetime
    pdus: int
    delivered: int
    taken: int


@dataclass(frozen=True, slots=True)
class State:
    """How full everything is: SMS in the slots, slots of both stores, SMS waiting at the SMS centre, and totals."""

    used: int
    capacity: int
    queued: int
    sent: int
    delivered: int
    answers: int


class Network:
    """SIM, SMS centre and phones. Safe to use from several threads."""

    def __init__(
        self,
        path: Path,
        *,
        capacity: int = 50,
        zone: timezone = WIB,
        smsc: str = "+6281100000",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        peers: Mapping[str, Callable[[Body], None]] | None = None,
        faults: Faults | None = None,
    ) -> None:
        """`peers` are other modems of the same network by their numbers, each with what brings an SMS to it."""
        self._capacity = capacity
        self.faults = faults or Faults()
        self.smsc = smsc
        self._zone = zone
        self._now = now
        self.ussd = Ussd(lambda: now().astimezone(zone))
        self.calls = Calls()
        self._peers = peers or {}
        self._lock = threading.RLock()
        self._references = itertools.count(1)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                yield self._database

    def now(self) -> datetime:
        """The network's time with its zone, in whole seconds as SMS and +CCLK carry it."""
        return self._now().astimezone(self._zone).replace(microsecond=0)

    # ---- phones

    def text(
        self,
        phone: str,
        content: str | bytes,
        *,
        sent: datetime | None = None,
        repeat: int = 1,
        hold: timedelta = timedelta(),
        bodies: list[Body] | None = None,
    ) -> Message:
        """A phone hands over a text (8-bit data when octets). `sent` is the SCTS, now unless given.

        The SMS centre delivers every PDU `repeat` times, not before `hold` has passed. `bodies` are sent as
        they are instead of cutting `content`. PduError when that can be no SMS.
        """
        moment = sent or self.now()
        with self._transaction() as database:
            message = _insert(database, phone, content, moment, self.now(), answer=False)
            pdus = self._encode(phone, bodies or split(content, message & 0xFF), moment) * repeat
            self._enqueue(message, pdus, hold)
        return self.message(message)

    def _encode(self, phone: str, bodies: list[Body], moment: datetime) -> list[bytes]:
        """The PDUs that the SMS centre brings, with what is wrong with them."""
        sender, stamp, double = (self.faults.strikes(kind) for kind in (Kind.SENDER, Kind.STAMP, Kind.DUPLICATE))
        if len(bodies) > 1 and (parts := self.faults.strikes(Kind.PARTS)):
            bodies = rearranged(bodies, parts.word("change"))
        name = sender.word("name") if sender else phone
        octets = STAMPS[stamp.word("value")] if stamp else None
        pdus = [encode_deliver(name, body, moment, self.smsc, stamp=octets) for body in bodies]
        return pdus * (double.whole("copies") if double else 1)

    def deliver_raw(self, phone: str, pdu: bytes) -> Message:
        """Bring a PDU to the SIM exactly as it is, however broken; it shows in the chat of `phone`."""
        with self._transaction() as database:
            message = _insert(database, phone, pdu, self.now(), self.now(), answer=False)
            self._enqueue(message, [pdu], timedelta())
        return self.message(message)

    def _enqueue(self, message: int, pdus: list[bytes], hold: timedelta) -> None:
        due = (self._now() + hold).timestamp()
        rows = [(message, pdu, due) for pdu in pdus]
        self._database.executemany("INSERT INTO queue (message, pdu, due) VALUES (?, ?, ?)", rows)
        self._database.execute("UPDATE message SET pdus = ? WHERE id = ?", (len(pdus), message))

    def message(self, identity: int) -> Message:
        """One message by its id. LookupError when there is none."""
        with self._lock:
            row = self._database.execute(f"{_SELECT} WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise LookupError(identity)
        return _message(row)

    def chat(self, phone: str, after: int = 0) -> list[Message]:
        """What that phone has sent and got, oldest first; only what came after the message `after`."""
        query = f"{_SELECT} WHERE phone = ? AND id > ? ORDER BY id"
        with self._lock:
            return [_message(row) for row in self._database.execute(query, (phone, after))]

    def latest(self) -> list[Message]:
        """The last message of every phone, newest first."""
        query = f"{_SELECT} WHERE id IN (SELECT max(id) FROM message GROUP BY phone) ORDER BY id DESC"
        with self._lock:
            return [_message(row) for row in self._database.execute(query)]

    def state(self) -> State:
        with self._lock:
            used, queued = self._one("SELECT (SELECT count(*) FROM slot), (SELECT count(*) FROM queue)")
            sent, delivered, answers = self._one(
                "SELECT coalesce(sum(1 - answer), 0), coalesce(sum(delivered), 0), coalesce(sum(answer), 0)"
                " FROM message"
            )
        return State(used, 2 * self._capacity, queued, sent, delivered, answers)

    def _one(self, query: str) -> tuple[int, ...]:
        row: tuple[int, ...] = self._database.execute(query).fetchone()
        return row

    # ---- SMS centre

    def deliver(self, memory: str) -> list[int]:
        """Write what is due into the free slots of `memory`; returns their locations."""
        with self._lock:
            free = self._free(memory)
            due = self._due(len(free))
            if not due:
                return []
            places = free[: len(due)]
            with self._transaction() as database:
                for location, (identity, message, pdu) in zip(places, due, strict=True):
                    slot = (memory, location, pdu, message)
                    database.execute("INSERT INTO slot VALUES (?, ?, ?, 0, ?)", slot)
                    database.execute("DELETE FROM queue WHERE id = ?", (identity,))
                    database.execute("UPDATE message SET delivered = delivered + 1 WHERE id = ?", (message,))
            return places

    def _due(self, limit: int) -> list[tuple[int, int, bytes]]:
        query = "SELECT id, message, pdu FROM queue WHERE due <= ? ORDER BY id LIMIT ?"
        return self._database.execute(query, (self._now().timestamp(), limit)).fetchall()

    def _free(self, memory: str) -> list[int]:
        rows = self._database.execute("SELECT location FROM slot WHERE memory = ?", (memory,))
        used = {location for (location,) in rows}
        return [location for location in range(1, self.capacity + 1) if location not in used]

    # ---- the modem's side: `at.Card`

    @property
    def capacity(self) -> int:
        """Slots of each store; not fewer than are in use when a fault makes it small."""
        small = self.faults.holds(Kind.SIM_FULL)
        if small is None:
            return self._capacity
        with self._lock:
            highest = self._one("SELECT coalesce(max(location), 0) FROM slot")[0]
        return max(min(small.whole("slots"), self._capacity), highest)

    def used(self, memory: str) -> int:
        with self._lock:
            row = self._database.execute("SELECT count(*) FROM slot WHERE memory = ?", (memory,)).fetchone()
        return int(row[0])

    def slots(self, memory: str) -> list[Slot]:
        query = "SELECT location, pdu, seen FROM slot WHERE memory = ? ORDER BY location"
        with self._lock:
            return [
                Slot(location, pdu, bool(seen)) for location, pdu, seen in self._database.execute(query, (memory,))
            ]

    def slot(self, memory: str, location: int) -> Slot | None:
        query = "SELECT pdu, seen FROM slot WHERE memory = ? AND location = ?"
        with self._lock:
            row = self._database.execute(query, (memory, location)).fetchone()
        return Slot(location, row[0], bool(row[1])) if row else None

    def mark_seen(self, memory: str, locations: list[int]) -> None:
        if locations:
            with self._transaction() as database:
                rows = [(memory, location) for location in locations]
                database.executemany("UPDATE slot SET seen = 1 WHERE memory = ? AND location = ?", rows)

    def delete(self, memory: str, locations: list[int]) -> None:
        which = "(SELECT message FROM slot WHERE memory = ? AND location = ?)"
        with self._transaction() as database:
            rows = [(memory, location) for location in locations]
            database.executemany(f"UPDATE message SET taken = taken + 1 WHERE id = {which}", rows)
            database.executemany("DELETE FROM slot WHERE memory = ? AND location = ?", rows)

    def submit(self, pdu: bytes) -> int:
        """Bring the modem's SMS to its phone; returns the message reference.

        Refused when the PDU is broken, no phone can have that number, or it is another modem's that is not there.
        """
        try:
            submit = decode_submit(pdu)
        except PduError:
            raise Refused(304) from None
        if len(submit.number.lstrip("+0")) < 5:
            raise Refused(1)  # unassigned number (3GPP TS 24.011, annex E-2)
        if not self.ussd.charge():
            raise Refused(8)  # operator determined barring (the same)
        if submit.number in self._peers:
            self._peers[submit.number](submit.body)
        reference = next(self._references) & 0xFF
        with self._transaction() as database:
            text = self._join(submit.number, submit.body)
            if text is not None:
                message = _insert(database, submit.number, text, self.now(), self.now(), answer=True)
                if submit.report:
                    report = encode_report(reference, submit.number, self.now(), self.now(), self.smsc)
                    self._enqueue(message, [report], timedelta())
        return reference

    def _join(self, phone: str, body: Body) -> str | bytes | None:
        """The whole text as a phone shows it; None while parts of it are missing."""
        part = body.part
        if part is None:
            return body.content
        key = (phone, part.reference, part.total)
        row = (*key, part.number, str(body.content))
        self._database.execute("INSERT OR REPLACE INTO fragment VALUES (?, ?, ?, ?, ?)", row)
        where = "WHERE phone = ? AND reference = ? AND total = ?"
        texts = self._database.execute(f"SELECT text FROM fragment {where} ORDER BY number", key).fetchall()
        if len(texts) < part.total:
            return None
        self._database.execute(f"DELETE FROM fragment {where}", key)
        return "".join(text for (text,) in texts)


_SELECT = "SELECT id, phone, answer, text, moment, handed, pdus, delivered, taken FROM message"


def _message(row: tuple[int, str, int, str, str, str, int, int, int]) -> Message:
    identity, phone, answer, text, moment, handed, pdus, delivered, taken = row
    times = datetime.fromisoformat(moment), datetime.fromisoformat(handed)
    return Message(identity, phone, bool(answer), text, *times, pdus, delivered, taken)


def _insert(
    database: sqlite3.Connection,
    phone: str,
    content: str | bytes,
    moment: datetime,
    handed: datetime,
    *,
    answer: bool,
) -> int:
    text = content if isinstance(content, str) else content.hex(" ")
    text = text.encode("utf-8", "replace").decode()  # SQLite takes no lone surrogates
    query = "INSERT INTO message (phone, answer, text, moment, handed) VALUES (?, ?, ?, ?, ?)"
    cursor = database.execute(query, (phone, answer, text, moment.isoformat(), handed.isoformat()))
    return int(cursor.lastrowid or 0)
