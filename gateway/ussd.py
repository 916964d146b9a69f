"""The menu over USSD: answers the callbacks of an aggregator that runs a short code.

Each callback carries all that was typed since the session began, joined by `*`; the answer begins with `CON` while
the session goes on, and with `END` when it is over. A callback that is repeated hears the same again and records
nothing anew.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from mqtt_bridge import phones
from mqtt_bridge.records import Channel, Language, Policy, PresenceRule

from . import menu
from .clock import Clock, Now
from .journal import Journal, Session
from .message import Form, IncomingMessage
from .replies import Texts
from .rulebook import RuleBook
from .rules import Rules

LONGEST = 182  # signs of one USSD string in GSM 7 bit (3GPP TS 23.038, 3GPP TS 22.090)
TIMEOUT = timedelta(minutes=3)


class UssdDesk:
    """Serves the numbers that the roster knows, and lets others ask to be bound."""

    def __init__(self, journal: Journal, rulebook: RuleBook, clock: Clock) -> None:
        self._journal = journal
        self._rulebook = rulebook
        self._clock = clock

    def answer(self, name: str, phone: str, typed: str) -> str:
        """`CON …` or `END …` for the session of that name. Raises `JournalError`."""
        now = self._clock.now()
        rules = self._rulebook.current()
        if rules is None:
            return "END " + Texts(Language.INDONESIAN, Rules({}, Policy()).zone).not_ready()
        number = phones.mobile(phone if phone.startswith("+") else f"+{phone}")
        texts = self._texts(number, rules)
        if number is None:
            return "END " + texts.not_registered()
        session = self._journal.session(name, number, now.wall)
        said = hashlib.sha256(typed.encode("utf-8", "replace")).hexdigest()  # it may hold a NIP, which is not kept
        if session.answer is not None and session.said == said:
            return session.answer
        answer = self._advance(session, typed, rules, texts, now)
        self._journal.keep_answer(session, said, answer)
        return answer

    def _texts(self, number: str | None, rules: Rules) -> Texts:
        people = rules.people.get(number or "", ())
        language = people[0].language if people else None
        return Texts(language or rules.policy.language, rules.zone)

    def _advance(self, session: Session, typed: str, rules: Rules, texts: Texts, now: Now) -> str:
        if now.wall - session.started > TIMEOUT:
            return "END " + texts.session_over()
        people = rules.people.get(session.number, ())
        if len(people) > 1:
            return "END " + texts.shared()
        presence = rules.presence(people[0]) if people else PresenceRule.OFF
        match menu.walk(typed.split("*") if typed else [], presence, texts, known=bool(people)):
            case menu.Ask(text=text):
                return "CON " + text
            case menu.Say(text=text):
                return "END " + (self._say(session, text, rules, now) or texts.session_over())
            case menu.Leave():
                return "END " + texts.menu_left()

    def _say(self, session: Session, text: str, rules: Rules, now: Now) -> str | None:
        """The statement counts from when the session began: the network's pace makes nobody late."""
        message = IncomingMessage(
            channel=Channel.USSD,
            form=Form.TEXT,
            sender=session.number,
            text=text,
            sent=session.started,
            received=now.wall,
            clock_trusted=now.trusted and now.synchronised,
            reference=session.name,
        )
        self._journal.admit([message], rules)
        return self._journal.told(message)
