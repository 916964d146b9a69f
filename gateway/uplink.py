"""Records to the collector by SMS, one SMS at a time, while the link brings no ack.

What is held there so is not final: the signed batch follows when the link works again, and only its ack moves the
position. `docs/uplink.md` tells more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from modem.messages import Modem, ModemError, OutgoingSms
from mqtt_bridge.records import Record, UplinkReport, UplinkTerms
from mqtt_bridge.sms_codec import (
    MOST,
    NOBODY,
    ROOM,
    TEXT_ROOM,
    BadSms,
    Frame,
    Roster,
    as_text,
    from_text,
    pack,
    tag,
    unpack_answer,
)
from mqtt_bridge.uplink_keys import UplinkKeys

from .clock import Now
from .decision import Decision, Outcome
from .journal import Journal, Position
from .message import Form, IncomingMessage
from .rules import Rules, day_of
from .uplink_log import Coding, Flight, UplinkState

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0  # seconds
FIRST_WAIT = 900.0  # seconds for an answer, before what is under way counts as lost; then doubled
LAST_WAIT = 4 * 3600.0
OTHER_CODING_AFTER = 2  # times in a row without an answer
RETRY_AFTER = (60.0, 300.0, 900.0, 3600.0)  # seconds after the modem or the network refused an SMS


@dataclass(frozen=True, slots=True)
class Scene:
    """All that one look at the journal and the rules gave."""

    now: Now
    rules: Rules
    terms: UplinkTerms
    position: Position
    state: UplinkState
    complete_until: datetime | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """An SMS that could go now: its records, and what carries them."""

    flight: Flight
    sms: OutgoingSms


class Uplink:
    """Waiting times are kept here, by the monotonic clock; `problem` tells why records do not arrive by SMS."""

    def __init__(self, modem: Modem, journal: Journal, keys: UplinkKeys) -> None:
        self._modem = modem
        self._journal = journal
        self._keys = keys
        self._next = 0.0
        self._delivered = -1  # nothing is known before the first look
        self._since = 0.0
        self._answered = -1
        self._lost = 0
        self._overdue: float | None = None
        self._unanswered = 0
        self._failures = 0
        self._refusal: str | None = None
        self._unfit: list[tuple[int, int]] = []  # records too large for any SMS

    @property
    def problem(self) -> str | None:
        return self._refusal or ("pusat tidak menjawab lewat SMS" if self._unanswered else None)

    def step(self, now: Now, rules: Rules | None, complete_until: datetime | None) -> bool:
        """Send one SMS if it is time; tells whether it tried. Raises `ModemError` when the modem is gone.

        `complete_until` is the watermark of what the journal holds now.
        """
        terms = rules.policy.uplink if rules else None
        if rules is None or terms is None or now.monotonic < self._next:
            return False
        self._next = now.monotonic + LOOK_EVERY
        position = self._journal.position()
        if not self._stuck(position, terms, now):
            return False
        state = self._heed(self._journal.uplink(), now)
        parcel = self._parcel(Scene(now, rules, terms, position, state, complete_until))
        if parcel is None or not self._may_cost(terms, rules, now):
            return False
        self._send(parcel, state.coding, now)
        return True

    def hear(self, message: IncomingMessage, rules: Rules) -> Decision | None:
        """What becomes of a message from the collector's number, which is never answered; None for any other."""
        terms = rules.policy.uplink
        if terms is None or message.sender != terms.number:
            return None
        try:
            data = _octets(message)
            answer = unpack_answer(data, self._keys.down)
            if (answer.frame.gateway, answer.frame.journal) != self._names:
                raise BadSms("it is about another journal")
        except BadSms as error:
            log.warning("no answer of the collector", problem=str(error))
            return Decision(Outcome.NOT_UNDERSTOOD)
        noted = self._journal.uplink_answer(answer, "" if answer.roster_known else _roster(rules).tag.hex())
        log.info("answered by SMS", noted=noted, runs=len(answer.runs), roster_known=answer.roster_known)
        return Decision(Outcome.UPLINK)

    def report(self, rules: Rules, now: datetime) -> UplinkReport | None:
        """None while there is no way by SMS."""
        if rules.policy.uplink is None:
            return None
        day = day_of(now, rules.zone)[0]
        month = day_of(day.astimezone(rules.zone).replace(day=1), rules.zone)[0]
        delivered = self._journal.position().delivered
        return UplinkReport(
            today=self._journal.uplink_attempts(day),
            month=self._journal.uplink_attempts(month),
            held=sum(max(0, last - max(first - 1, delivered)) for first, last in self._journal.uplink().held),
        )

    @property
    def _names(self) -> tuple[bytes, bytes]:
        return tag(self._journal.gateway), tag(self._journal.id)

    def _stuck(self, position: Position, terms: UplinkTerms, now: Now) -> bool:
        """Whether records wait, and the link brought no ack for long."""
        if position.delivered != self._delivered or position.delivered == position.last:
            self._delivered, self._since = position.delivered, now.monotonic
            self._refusal, self._unanswered = None, 0
        return now.monotonic - self._since >= 60 * terms.after_minutes

    def _heed(self, state: UplinkState, now: Now) -> UplinkState:
        """What an answer, or none for long, makes of the SMS that are under way."""
        if state.answered != self._answered:
            self._answered, self._unanswered, self._overdue = state.answered, 0, None
        waiting = self._waiting(state)
        if not waiting:
            self._overdue = None
        elif self._overdue is None:
            self._overdue = now.monotonic + self._patience
        elif now.monotonic >= self._overdue:
            log.warning("no answer by SMS", up_to=waiting[-1].last)
            self._lost, self._overdue = waiting[-1].counter, None
            self._unanswered += 1
            if self._unanswered % OTHER_CODING_AFTER == 0:
                return self._recode(state)
        return state

    @property
    def _patience(self) -> float:
        return min(FIRST_WAIT * (1 << self._unanswered), LAST_WAIT)

    def _waiting(self, state: UplinkState) -> list[Flight]:
        """SMS that may still be under way, and have no answer."""
        young = [flight for flight in state.flights if flight.counter > self._lost]
        return [flight for flight in young if first_free(flight.first, flight.last, state.held)]

    def _recode(self, state: UplinkState) -> UplinkState:
        """Some networks and modems take no 8-bit SMS, or spoil them; others do so with anything but plain texts."""
        coding = Coding.TEXT if state.coding is Coding.DATA else Coding.DATA
        self._journal.uplink_coding(coding)
        return replace(state, coding=coding)

    def _parcel(self, scene: Scene) -> Parcel | None:
        """What could go now: records that never went before all others, for those that went may only lack an answer.

        Without answers one SMS goes again at a time: if nobody hears, that is what it costs to find out.
        """
        position, state = scene.position, scene.state
        settled = [*state.held, *self._unfit]
        sent = [(flight.first, flight.last) for flight in state.flights]
        fresh = first_free(position.delivered + 1, position.last, [*settled, *sent])
        if fresh and (parcel := self._packed(scene, fresh, again=False)):
            return parcel
        waiting = [(flight.first, flight.last) for flight in self._waiting(state)]
        if self._unanswered and waiting:
            return None
        if not sent:
            return None
        taken, end = [*settled, *waiting], max(last for _, last in sent)
        lost = first_free(sent[-1][1] + 1, end, taken) or first_free(position.delivered + 1, end, taken)  # in turns
        return self._packed(scene, lost, again=True) if lost else None

    def _packed(self, scene: Scene, run: tuple[int, int], *, again: bool) -> Parcel | None:
        """The first records of the run in one SMS, if they fill it, no later ones can join, or they waited long."""
        state, terms = scene.state, scene.terms
        records = self._journal.records(run[0] - 1, min(run[1] - run[0] + 1, MOST))
        roster = _roster(scene.rules)
        newest = records[-1].seq == scene.position.last
        counter = self._journal.uplink_counter(scene.now.wall)
        data, count = pack(
            records,
            NOBODY if roster.tag.hex() == state.unknown_roster else roster,
            Frame(*self._names, counter),
            self._keys.up,
            complete_until=scene.complete_until if newest else None,
            room=ROOM if state.coding is Coding.DATA else TEXT_ROOM,
        )
        if not count:
            self._unfit.append((run[0], run[0]))
        closed = again or count < len(records) or run[1] < scene.position.last
        if not count or not (closed or _old(records[0], terms, scene.now)):
            return None
        return Parcel(Flight(counter, run[0], run[0] + count - 1), _sms(terms.number, data, state.coding))

    def _may_cost(self, terms: UplinkTerms, rules: Rules, now: Now) -> bool:
        if self._journal.uplink_attempts(day_of(now.wall, rules.zone)[0]) < terms.per_day:
            return True
        self._refusal = f"batas {terms.per_day} SMS hari ini tercapai"
        return False

    def _send(self, parcel: Parcel, coding: Coding, now: Now) -> None:
        self._journal.uplink_sending(parcel.flight, now.wall)
        try:
            self._modem.send(parcel.sms)
        except ModemError as error:
            self._journal.uplink_failed(parcel.flight.counter, str(error))
            self._refused(error, coding, now)
            if error.gone:
                raise
        else:
            log.info("sent by SMS", first=parcel.flight.first, last=parcel.flight.last, coding=coding)
            self._failures, self._refusal = 0, None
            self._overdue = now.monotonic + self._patience
            self._next = now.monotonic  # there may be more

    def _refused(self, error: ModemError, coding: Coding, now: Now) -> None:
        log.warning("not sent by SMS", problem=str(error), coding=coding)
        self._refusal = str(error)
        self._next = now.monotonic + RETRY_AFTER[min(self._failures, len(RETRY_AFTER) - 1)]
        self._failures += 1
        if not error.gone:
            self._journal.uplink_coding(Coding.TEXT if coding is Coding.DATA else Coding.DATA)


def first_free(first: int, last: int, taken: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    """The first run within first..last that no run of `taken` touches. Pure."""
    for start, end in sorted(taken):
        if first > last:
            return None
        if start > first:
            return first, min(last, start - 1)
        first = max(first, end + 1)
    return (first, last) if first <= last else None


def _roster(rules: Rules) -> Roster:
    return Roster(member.employee for people in rules.people.values() for member in people)


def _old(record: Record, terms: UplinkTerms, now: Now) -> bool:
    return now.wall - record.received >= timedelta(minutes=terms.hold_minutes)


def _sms(number: str, data: bytes, coding: Coding) -> OutgoingSms:
    return OutgoingSms(number, "", data) if coding is Coding.DATA else OutgoingSms(number, as_text(data))


def _octets(message: IncomingMessage) -> bytes:
    """Raises `BadSms`."""
    if message.form is not Form.BINARY:
        return from_text(message.text)
    try:
        return bytes.fromhex(message.text)
    except ValueError:
        raise BadSms("no octets") from None
