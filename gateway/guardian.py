"""The guardian of the SIM: asks its operator now and then for balance and validity, and keeps what it learns.

A SIM whose validity ended goes on receiving for a while and sends nothing: nobody sees that but by asking.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from modem.messages import Modem, ModemError, ModemStatus, Registration
from modem.operators import Operator, of_sim
from modem.ussd import Forecast, Reading, forecast, read
from mqtt_bridge.records import SimReport

from .clock import Now
from .journal import Journal
from .sim_readings import Unread

log = structlog.get_logger(__name__)

SETTLE = 120.0  # seconds after the start, or after the SIM was changed, before it is asked
RETRY = 3600.0  # seconds, when there was no answer
UNANSWERED = 3  # in a row, before people are told
# When everybody checks in or out: a dialogue may hold up the modem for half a minute.
BUSY = ((time(6, 30), time(8, 30)), (time(15, 30), time(17, 0)))
_REGISTERED = (Registration.HOME, Registration.ROAMING)
_JITTER = 0.1  # of the interval: gateways of one city do not ask all at once


@dataclass(frozen=True, slots=True)
class SimSettings:
    """`every_hours` 0 stands for never. `code` and `choices` are dialled in place of the operator's."""

    every_hours: float = 24.0
    code: str = ""
    choices: tuple[str, ...] = ()
    low_balance: int = 10_000


_NO_FORECAST = Forecast(None, None)


@dataclass(frozen=True, slots=True)
class SimView:
    """What is known of the SIM on one day.

    `unread` is the last answer when it was not understood, or what kept it from coming.
    """

    at: datetime | None = None
    balance: int | None = None
    valid_until: date | None = None
    forecast: Forecast = _NO_FORECAST
    low_balance: int = 0
    unread: str = ""

    def report(self) -> SimReport | None:
        if self.at is None:
            return None
        days = self.forecast.days_left
        return SimReport(at=self.at, balance=self.balance, valid_until=self.valid_until, days_left=days)


NOTHING_KNOWN = SimView()


class Guardian:
    """Minds the SIM in one modem; `port` names the SIM where the modem does not give its IMSI."""

    def __init__(
        self,
        modem: Modem,
        journal: Journal,
        operators: Sequence[Operator],
        settings: SimSettings,
        port: str = "modem",
        chance: random.Random | None = None,
    ) -> None:
        self._modem = modem
        self._journal = journal
        self._operators = operators
        self._settings = settings
        self._port = port
        self._chance = chance or random.Random()
        self._sim = ""
        self._next = 0.0
        self._known: tuple[Reading, ...] = ()
        self._unread: tuple[Unread, ...] = ()  # since the last answer that was understood

    def step(self, now: Now, status: ModemStatus | None, zone: ZoneInfo) -> bool:
        """Ask when it is time; tells whether it did. Raises `ModemError`, `JournalError`."""
        if status is None or status.registration not in _REGISTERED or not self._settings.every_hours:
            return False
        self._recognise(status, now)
        operator = self._operator(status)
        if operator is None or now.monotonic < self._next or busy(now.wall, zone):
            return False
        self._next = now.monotonic + RETRY  # whatever becomes of it
        self._ask(operator, now, zone)
        return True

    def view(self, today: date) -> SimView:
        unread = self._unread[-1] if self._unread else None
        tell = unread and (unread.answered or len(self._unread) >= UNANSWERED)
        last = self._known[-1] if self._known else None
        return SimView(
            at=last.at if last else None,
            balance=next((each.balance for each in reversed(self._known) if each.balance is not None), None),
            valid_until=next((each.valid_until for each in reversed(self._known) if each.valid_until), None),
            forecast=forecast(self._known, today),
            low_balance=self._settings.low_balance,
            unread=unread.raw if unread and tell else "",
        )

    def _recognise(self, status: ModemStatus, now: Now) -> None:
        """Know the SIM again, or begin anew with another one."""
        sim = hashlib.sha256(status.imsi.encode()).hexdigest()[:16] if status.imsi else self._port
        if sim == self._sim or (self._sim and not status.imsi):  # a modem may fail to say it now and then
            return
        self._sim = sim
        self._known, self._unread = self._journal.sim_readings(sim)
        interval = self._interval()
        age = max(0.0, (now.wall - self._known[-1].at).total_seconds()) if self._known else interval
        self._next = now.monotonic + max(SETTLE, interval - age)

    def _interval(self) -> float:
        return self._settings.every_hours * 3600 * (1 + _JITTER * self._chance.random())

    def _operator(self, status: ModemStatus) -> Operator | None:
        """How to ask: as the SIM's operator wants it, or as the settings say."""
        operator = of_sim(self._operators, status.imsi)
        if not self._settings.code:
            return operator
        known = operator or self._operators[0]  # the words are much the same everywhere
        return replace(known, code=self._settings.code, choices=self._settings.choices)

    def _ask(self, operator: Operator, now: Now, zone: ZoneInfo) -> None:
        try:
            answer = self._modem.dial(operator.code, *operator.choices)
        except ModemError as error:
            self._keep(Reading(now.wall, None, None), str(error), answered=False)
            if error.gone:  # a modem that does not stand a dialogue is not to be lost every hour
                self._next = now.monotonic + self._interval()
                raise
            return
        account = read(answer.text, operator, now.wall.astimezone(zone).date())
        raw = answer.text or f"{operator.code}: {answer.status}"
        self._keep(Reading(now.wall, account.balance, account.valid_until), raw, answered=bool(answer.text))
        if answer.text:
            self._next = now.monotonic + self._interval()

    def _keep(self, reading: Reading, raw: str, *, answered: bool) -> None:
        self._journal.keep_sim_reading(self._sim, reading, raw, answered=answered)
        self._known, self._unread = self._journal.sim_readings(self._sim)
        log.info("sim", answered=answered, understood=not self._unread)


def busy(at: datetime, zone: ZoneInfo) -> bool:
    local = at.astimezone(zone).time()
    return any(start <= local < end for start, end in BUSY)
