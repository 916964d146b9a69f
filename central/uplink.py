"""Records that come by SMS: from the modem into the database, only then off the SIM, and then an answer.

Reads and answers what `docs/uplink.md` describes. An SMS that is none of ours is put aside, and never answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modem.clearing import Clearing
from modem.messages import IncomingSms, Kind, Modem, ModemError, OutgoingSms
from mqtt_bridge.keys import BadKey
from mqtt_bridge.sms_codec import (
    ROOM,
    TEXT_ROOM,
    Answer,
    BadSms,
    Dispatch,
    Frame,
    UnknownRoster,
    as_text,
    frame_of,
    from_text,
    pack_answer,
    tag,
    unpack,
)
from mqtt_bridge.uplink_keys import UplinkKeys, uplink_keys

from . import numbering, orders, provisional
from .database import Database, micros
from .ingest import EARLIEST, LATEST
from .keys import GatewayKeys
from .quarantine import STRANGER, put_aside
from .queries import today

log = structlog.get_logger(__name__)

DATA, TEXT = "data", "text"
ANSWER_AFTER = 30.0  # seconds after an SMS: one answer for all that come together
RETRY_AFTER = (60.0, 300.0, 900.0)  # seconds before each further attempt to answer; then the gateway must ask again

# Any number of this country in international form: those of SIMs for machines are none that people have.
_ANSWERABLE = re.compile(r"\+62[0-9]{6,13}")


@dataclass(frozen=True, slots=True)
class Letter:
    """An authentic SMS of a gateway; `dispatch` is None when its roster is not known here."""

    gateway: str
    frame: Frame
    dispatch: Dispatch | None


@dataclass(frozen=True, slots=True)
class Owed:
    """An answer that a gateway waits for."""

    gateway: str
    journal_tag: str
    number: str
    coding: str
    roster_known: bool


class Uplink:
    """Waiting times are kept here, by the monotonic clock. `answers_per_day` caps the answers to one gateway."""

    def __init__(
        self,
        modem: Modem,
        database: Database,
        keys: GatewayKeys,
        key: Ed25519PrivateKey,
        zone: ZoneInfo,
        answers_per_day: int,
    ) -> None:
        self._modem = modem
        self._database = database
        self._gateway_keys = keys
        self._key = key
        self._zone = zone
        self._answers_per_day = answers_per_day
        self._derived: dict[tuple[str, bytes], UplinkKeys] = {}
        self._not_before: dict[tuple[str, str], float] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._clearing = Clearing(modem)

    def step(self, now: datetime, monotonic: float) -> bool:
        """One round; tells whether there was anything. Raises `ModemError` and `StorageError`, with nothing lost."""
        found = self._clearing.due(self._modem.receive(), monotonic)
        if not found:
            return self._answer(now, monotonic)
        with self._database.transaction():
            names = [self._take(sms, now) for sms in found]
        for name in filter(None, names):
            self._not_before[name] = monotonic + ANSWER_AFTER
            self._attempts.pop(name, None)
        self._clearing.clear(found, monotonic)
        return True

    # In

    def _take(self, sms: IncomingSms, now: datetime) -> tuple[str, str] | None:
        """Store what the SMS tells; returns whose answer it is about to change."""
        if sms.kind is Kind.TEXT and orders.arrived(self._database, sms.text, now):
            log.info("a test SMS")
            return None
        try:
            letter = self._read(sms)
        except BadSms as error:
            self._put_aside(STRANGER, f"an SMS that is none of ours: {error}", sms, now)
            return None
        gateway, journal_tag = letter.gateway, letter.frame.journal.hex()
        new = self._database.run(
            "INSERT INTO uplink_sms (gateway, journal_tag, counter, stored) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            gateway, journal_tag, letter.frame.counter, micros(now),
        )  # fmt: skip
        if not new:
            log.info("an SMS again", gateway=gateway, counter=letter.frame.counter)
            return None
        number = sms.number if _ANSWERABLE.fullmatch(sms.number) else ""
        wrong = self._store(letter, number, now)
        if wrong:
            self._put_aside(gateway, wrong, sms, now)
        self._owe(letter, number, TEXT if sms.kind is Kind.TEXT else DATA, now)
        log.info("records by SMS", gateway=gateway, count=len(letter.dispatch.notices) if letter.dispatch else 0)
        return gateway, journal_tag

    def _read(self, sms: IncomingSms) -> Letter:
        """Raises `BadSms`."""
        data = _octets(sms)
        frame = frame_of(data)
        problem: BadSms = BadSms("no gateway has that name")
        for gateway, keys in self._candidates(frame.gateway):
            try:
                return Letter(gateway, frame, unpack(data, keys.up, partial(numbering.find, self._database, gateway)))
            except UnknownRoster:
                return Letter(gateway, frame, None)
            except BadSms as error:
                problem = BadSms(f"{gateway}: {error}")
        raise problem

    def _candidates(self, gateway_tag: bytes) -> Iterator[tuple[str, UplinkKeys]]:
        """The gateways that the tag may stand for, mostly one: two octets are not enough to tell all names apart."""
        for (gateway,) in self._database.rows("SELECT id FROM gateway"):
            if tag(gateway) == gateway_tag and (keys := self._keys_of(gateway)):
                yield gateway, keys

    def _keys_of(self, gateway: str) -> UplinkKeys | None:
        public = self._gateway_keys.get(gateway)
        if public is None:
            return None
        name = gateway, public.public_bytes_raw()
        if name not in self._derived:
            try:
                self._derived[name] = uplink_keys(self._key, public, gateway)
            except BadKey as error:
                log.warning("no key for SMS", gateway=gateway, problem=str(error))
                return None
        return self._derived[name]

    def _store(self, letter: Letter, number: str, now: datetime) -> str | None:
        """Returns what is wrong with it, in words."""
        if letter.dispatch is None:
            return "an SMS speaks of a roster that is not known here; the gateway is asked for names"
        if not all(EARLIEST <= notice.at < LATEST for notice in letter.dispatch.notices):
            return "an SMS tells of an impossible time"
        return provisional.store(self._database, letter.gateway, letter.dispatch, number, now)

    def _owe(self, letter: Letter, number: str, coding: str, now: datetime) -> None:
        """Note who is to be answered, in which form, and how far the office is complete by its own word."""
        dispatch = letter.dispatch
        row = (letter.gateway, letter.frame.journal.hex())
        self._database.run(
            "INSERT INTO uplink (gateway, journal_tag, number, coding, heard, owed, roster_known)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway, journal_tag) DO UPDATE SET number = excluded.number,"
            " coding = excluded.coding, heard = excluded.heard, owed = excluded.owed,"
            " roster_known = excluded.roster_known",
            *row, number, coding, micros(now), int(bool(number)), int(dispatch is not None),
        )  # fmt: skip
        if dispatch and dispatch.complete_until and EARLIEST <= dispatch.complete_until < LATEST:
            until, seq = micros(dispatch.complete_until), dispatch.notices[-1].seq
            self._database.run(
                "UPDATE uplink SET complete_seq = ?, complete_until = ?"
                " WHERE gateway = ? AND journal_tag = ? AND (complete_until IS NULL OR complete_until < ?)",
                seq, until, *row, until,
            )  # fmt: skip

    def _put_aside(self, gateway: str, reason: str, sms: IncomingSms, now: datetime) -> None:
        put_aside(self._database, gateway, reason, f"{sms.number} {sms.text}".encode("utf-8", "replace"), now)

    # Out

    def _answer(self, now: datetime, monotonic: float) -> bool:
        """Send one answer that is due; tells whether there was one."""
        rows = self._database.rows(
            "SELECT gateway, journal_tag, number, coding, roster_known FROM uplink WHERE owed = 1 ORDER BY heard"
        )
        for gateway, journal_tag, number, coding, known in rows:
            owed = Owed(gateway, journal_tag, number, coding, bool(known))
            keys = self._keys_of(gateway)
            waits = self._not_before.get((gateway, journal_tag), 0.0) > monotonic
            if keys and not waits and self._may_answer(owed, now):
                self._send(owed, keys, now, monotonic)
                return True
        return False

    def _may_answer(self, owed: Owed, now: datetime) -> bool:
        tried = self._database.value(
            "SELECT COUNT(*) FROM uplink_answer WHERE gateway = ? AND tried >= ?",
            owed.gateway, micros(today(now, self._zone)[0]),
        )  # fmt: skip
        return int(tried) < self._answers_per_day

    def _send(self, owed: Owed, keys: UplinkKeys, now: datetime, monotonic: float) -> None:
        name = owed.gateway, owed.journal_tag
        try:
            self._modem.send(self._sms(owed, keys, now))
        except ModemError as error:
            attempts = self._attempts.get(name, 0)
            log.warning("answer not sent", gateway=owed.gateway, attempt=attempts + 1, problem=str(error))
            if error.permanent or attempts >= len(RETRY_AFTER):
                self._settled(owed)
            else:
                self._attempts[name] = attempts + 1
                self._not_before[name] = monotonic + RETRY_AFTER[attempts]
            if error.gone:
                raise
        else:
            self._settled(owed)

    def _sms(self, owed: Owed, keys: UplinkKeys, now: datetime) -> OutgoingSms:
        """What is held now. The attempt is counted before it is made: it may cost whatever becomes of it."""
        journal = bytes.fromhex(owed.journal_tag)
        with self._database.transaction():
            counter = self._counter(owed, now)
            runs = provisional.runs(self._database, owed.gateway, owed.journal_tag)
        answer = Answer(Frame(tag(owed.gateway), journal, counter), runs, owed.roster_known)
        data = pack_answer(answer, keys.down, ROOM if owed.coding == DATA else TEXT_ROOM)
        if owed.coding == DATA:
            return OutgoingSms(owed.number, "", data)
        return OutgoingSms(owed.number, as_text(data))

    def _counter(self, owed: Owed, now: datetime) -> int:
        """It goes with the clock, so that a database that was restored uses none a second time."""
        last = self._database.value(
            "SELECT MAX(counter) FROM uplink_answer WHERE gateway = ? AND journal_tag = ?",
            owed.gateway, owed.journal_tag,
        )  # fmt: skip
        counter = max(int(last or 0) + 1, int(now.timestamp()))
        self._database.insert_all(
            "uplink_answer",
            ("gateway", "journal_tag", "counter", "tried"),
            [(owed.gateway, owed.journal_tag, counter, micros(now))],
        )
        return counter

    def _settled(self, owed: Owed) -> None:
        self._attempts.pop((owed.gateway, owed.journal_tag), None)
        with self._database.transaction():
            self._database.run(
                "UPDATE uplink SET owed = 0 WHERE gateway = ? AND journal_tag = ?", owed.gateway, owed.journal_tag
            )


def _octets(sms: IncomingSms) -> bytes:
    """Raises `BadSms`."""
    if sms.kind is Kind.TEXT:
        return from_text(sms.text)
    try:
        return bytes.fromhex(sms.text) if sms.kind is Kind.BINARY else b""
    except ValueError:
        raise BadSms("no octets") from None
