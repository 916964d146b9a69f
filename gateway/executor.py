"""Carries out what the collector orders, each command at most once, and says how it ended.

Its two halves run in the threads of the two sides: what needs the modem on the modem's, all else on the collector's.
They share the journal, and of each command only one half does anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modem.messages import Modem, ModemError, OutgoingSms
from mqtt_bridge.client import Link, LinkDown
from mqtt_bridge.commands import OWN, CommandName, is_test, sms_text
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Command, Ending, Result
from mqtt_bridge.topics import Leaf, topic

from .clock import Clock, Now
from .decision import Decision, Outcome
from .journal import Journal
from .message import IncomingMessage
from .order_book import Order
from .orders import LOOP_SECONDS, ON_MODEM, Place, answer, recipient, refusal
from .rulebook import RuleBook

log = structlog.get_logger(__name__)

SAID_ANEW = 20  # results that a new session says once more: the last one may have lost them


@dataclass
class Loop:
    """A test SMS to the SIM itself that is on its way: when it went out, and when it came back (monotonic)."""

    order: Order
    sent: float
    back: float | None = None


class Executor:
    """`fitted` tells whether there is a modem, `diagnose` makes the bundle, `records_again` sends records anew.

    `news` is set while there may be a result that was not said yet. The journal is asked after a start and when
    something changed, and not every second.
    """

    def __init__(
        self,
        journal: Journal,
        rulebook: RuleBook,
        clock: Clock,
        own_number: str,
        *,
        fitted: bool,
        diagnose: Callable[[Now], str],
    ) -> None:
        self._journal = journal
        self._rulebook = rulebook
        self._clock = clock
        self._own_number = own_number
        self._fitted = fitted
        self._diagnose = diagnose
        self.records_again: Callable[[], None] = lambda: None
        self._loop: Loop | None = None
        self.news = threading.Event()
        self._open_here, self._open_on_modem = threading.Event(), threading.Event()
        for each in (self.news, self._open_here, self._open_on_modem):
            each.set()

    def _place(self) -> Place:
        rules = self._rulebook.rules
        return Place(rules.policy if rules else None, self._fitted, self._own_number)

    # The collector's side

    def take(self, command: Command, say: Callable[[Result], None]) -> None:
        """It is kept before anything is done about it. One that was answered is answered again."""
        if self._journal.keep_command(command, self._clock.now().wall):
            log.info("command", name=command.name, id=command.id, by=command.by)
            (self._open_on_modem if command.name in ON_MODEM else self._open_here).set()
            return
        known = self._journal.order(command.id)
        if known is None:
            log.warning("an old command was not taken", id=command.id, number=command.number)
        elif known.result:
            say(known.result)

    def step(self, now: Now) -> bool:
        """Carry out what needs no modem; tells whether there was anything. Raises `JournalError`."""
        due = self._due(self._open_here, on_modem=False)
        for order in due:
            self._finish(self._refused(order, now) or self._do(order, now))
        return bool(due)

    def _do(self, order: Order, now: Now) -> Result:
        """To be interrupted and begun again does no harm here."""
        command = order.command
        self._journal.begin_command(command.id, now.wall)
        if command.name == CommandName.DIAGNOSTICS:
            return answer(command, Ending.DONE, "diagnostics", now.wall, self._diagnose(now))
        if command.name == CommandName.RESEND:
            return self._resend(command, now)
        return answer(command, Ending.DONE, "pong", now.wall)

    def _resend(self, command: Command, now: Now) -> Result:
        first = int(command.arguments["from_seq"])
        position = self._journal.send_again(first)
        if first > position.last:
            return answer(command, Ending.FAILED, "nothing-to-resend", now.wall, first=first, last=position.last)
        self.records_again()
        return answer(command, Ending.DONE, "resent", now.wall, first=first, last=position.last)

    # The modem's side

    def step_modem(self, modem: Modem, now: Now, *, readable: bool, able: bool) -> bool:
        """One command that needs the modem; tells whether there was one. Raises `ModemError`, `JournalError`.

        While it is not `readable` only a restart is begun, and no SMS or code while it is not `able` to send.
        """
        for order in self._due(self._open_on_modem, on_modem=True):
            if order.begun:
                return self._settle(order, order.begun.isoformat(timespec="seconds"), now)
            if readable or order.command.name == CommandName.RESTART_MODEM or now.wall >= order.command.expires:
                self._begin(order, modem, now, able=able)
                return True
        return False

    def _settle(self, order: Order, begun: str, now: Now) -> bool:
        """One that has begun: what is waited for has come, or is waited for no longer, or nobody knows any more."""
        loop = self._loop if self._loop and self._loop.order.command.id == order.command.id else None
        if loop is None:
            self._finish(answer(order.command, Ending.UNKNOWN, "interrupted", now.wall, begun=begun))
            return True
        waited = now.monotonic - loop.sent
        if loop.back is None and waited < LOOP_SECONDS:
            return False
        code, seconds = ("sms-not-back", waited) if loop.back is None else ("sms-back", loop.back - loop.sent)
        ending = Ending.FAILED if loop.back is None else Ending.DONE
        self._finish(answer(order.command, ending, code, now.wall, seconds=f"{seconds:.1f}"))
        self._loop = None
        return True

    def _begin(self, order: Order, modem: Modem, now: Now, *, able: bool) -> None:
        refused = self._refused(order, now)
        if refused is None and not able and order.command.name != CommandName.RESTART_MODEM:
            refused = answer(order.command, Ending.FAILED, "no-network", now.wall)
        if refused:
            self._finish(refused)
        elif self._journal.begin_command(order.command.id, now.wall):
            self._run(order, modem, now)

    def _run(self, order: Order, modem: Modem, now: Now) -> None:
        """Whatever becomes of it, it is not tried again."""
        try:
            result = self._on_modem(order, modem, now)
        except ModemError as error:
            self._finish(answer(order.command, Ending.FAILED, "modem", self._clock.now().wall, str(error)))
            if error.gone:
                raise
        else:
            if result:
                self._finish(result)

    def _on_modem(self, order: Order, modem: Modem, now: Now) -> Result | None:
        """None when the result is yet to come."""
        command = order.command
        if command.name == CommandName.RESTART_MODEM:
            modem.restart()
            return answer(command, Ending.DONE, "modem-restarted", self._clock.now().wall)
        if command.name == CommandName.USSD:
            said = modem.dial(command.arguments["code"])
            at = self._clock.now().wall
            if said.text:
                return answer(command, Ending.DONE, "ussd", at, said.text, status=said.status)
            return answer(command, Ending.FAILED, "ussd-silent", at, status=said.status)
        if command.arguments["to"] == OWN:  # before it goes out: it may be back before we know that it went
            self._loop = Loop(order, now.monotonic)
        try:
            modem.send(OutgoingSms(recipient(command, self._place()), sms_text(command)))
        except ModemError:
            self._loop = None
            raise
        if self._loop:
            return None
        return answer(command, Ending.DONE, "sms-sent", self._clock.now().wall)

    def hear(self, message: IncomingMessage) -> Decision | None:
        """A test SMS is nobody's matter but ours, also when it comes back late, or after a restart."""
        if not is_test(message.text):
            return None
        loop = self._loop
        if loop and loop.back is None and message.text == sms_text(loop.order.command):
            loop.back = self._clock.now().monotonic
        return Decision(Outcome.TEST)

    # Both

    def _due(self, may_be: threading.Event, *, on_modem: bool) -> list[Order]:
        """What one half has to do; without a look when nothing came since the last one found nothing."""
        if not may_be.is_set():
            return []
        may_be.clear()  # before the look: what comes meanwhile sets it again
        found: list[Order] | None = None
        try:
            found = [each for each in self._journal.open_orders() if (each.command.name in ON_MODEM) == on_modem]
        finally:
            if found is None or found:
                may_be.set()
        return found

    def _refused(self, order: Order, now: Now) -> Result | None:
        code = refusal(order.command, now, self._place())
        return answer(order.command, Ending.REFUSED, code, now.wall) if code else None

    def _finish(self, result: Result) -> None:
        self._journal.answer_command(result)
        self.news.set()
        log.info("command done", id=result.id, ending=result.ending, code=result.code)


class Spokesman:
    """Says the results to the collector: each when it is there, and the last ones again in every new session."""

    def __init__(self, link: Link, journal: Journal, key: Ed25519PrivateKey, news: threading.Event) -> None:
        self._link = link
        self._journal = journal
        self._key = key
        self._news = news
        self._session = 0
        self._said: set[str] = set()

    def step(self) -> None:
        """Raises `JournalError`."""
        if self._link.session != self._session:
            self._session = self._link.session
            self._said.clear()
            self._news.set()
        if not self._news.is_set():
            return
        self._news.clear()  # before the look: what comes meanwhile sets it again
        told = False
        try:
            orders = self._journal.orders(SAID_ANEW)
            results = [order.result for order in reversed(orders) if order.result]
            self._tell(result for result in results if result.id not in self._said)
            told = True
        except LinkDown:
            log.info("results not said yet")
        finally:
            if not told:
                self._news.set()

    def say(self, result: Result) -> None:
        """Once more. What is not heard is asked for again."""
        with suppress(LinkDown):
            self._tell([result])

    def _tell(self, results: Iterable[Result]) -> None:
        """Raises `LinkDown`."""
        place = topic(self._journal.gateway, Leaf.RESULT)
        for result in results:
            self._link.publish(place, seal(result, self._key), retain=False)
            self._said.add(result.id)
