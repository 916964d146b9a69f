"""Makes the SMS centre bring what it kept: after an outage it tries again only at long intervals, but at once when it
hears of us, which any SMS that we send does.
"""

from __future__ import annotations

import structlog

from modem.messages import Modem, ModemError, ModemStatus, OutgoingSms, Registration

from .clock import Now
from .decision import Decision, Outcome
from .journal import Journal
from .message import Form, IncomingMessage
from .rules import Rules, day_of

log = structlog.get_logger(__name__)

OUTAGE = 600.0  # seconds without taking SMS, after which some may wait at the SMS centre
PER_DAY = 4
RETRY = 120.0  # seconds
OWN = "own"
TEXT = "Gardu: pesan pancingan, abaikan."  # comes back to us, or to another gateway, and is never answered
_REGISTERED = (Registration.HOME, Registration.ROAMING)


class Poker:
    """Sends one SMS after each outage, unless another goes out before it. `own_number` is the SIM's, if known."""

    def __init__(self, modem: Modem, journal: Journal, name: str = "", own_number: str = "") -> None:
        self._modem = modem
        self._name = name
        self._journal = journal
        self.own_number = own_number
        self._well: float | None = None  # when SMS could come in last
        self._due = False
        self._not_before = 0.0

    def watch(self, now: Now, status: ModemStatus | None) -> None:
        """A round in which all SMS were taken ended; `status` is how the modem is."""
        if status is None or status.registration not in _REGISTERED or _full(status):
            return
        if self._well is not None and now.monotonic - self._well > OUTAGE:
            log.info("an outage ended", minutes=int(now.monotonic - self._well) // 60)
            self._due = True
        self._well = now.monotonic

    def sent(self) -> None:
        """Something else went out, and did it as well."""
        self._due = False

    def step(self, now: Now, rules: Rules | None) -> bool:
        """Send it when it is due; tells whether it tried. Raises `ModemError` when the modem is gone."""
        if not self._due or rules is None or now.monotonic < self._not_before:
            return False
        number = rules.policy.poke_number
        number = self.own_number if number == OWN else number
        if not number or self._journal.pokes(day_of(now.wall, rules.zone)[0], self._name) >= PER_DAY:
            self._due = False
            return False
        self._journal.poking(now.wall, self._name)
        self._not_before = now.monotonic + RETRY
        self._send(number)
        return True

    def _send(self, number: str) -> None:
        try:
            self._modem.send(OutgoingSms(number, TEXT))
        except ModemError as error:
            log.warning("the SMS centre was not woken", problem=str(error))
            if error.gone:
                raise
        else:
            log.info("the SMS centre was woken")
            self._due = False


def hear(message: IncomingMessage) -> Decision | None:
    """What becomes of such an SMS, our own or another gateway's; None for any other."""
    return Decision(Outcome.POKE) if message.form is Form.TEXT and message.text == TEXT else None


def _full(status: ModemStatus) -> bool:
    return any(store.used >= store.capacity for store in status.stores)
