"""One message of a phone, with all that it is judged by, and the replies that it may get. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mqtt_bridge.day import Punch
from mqtt_bridge.records import Action, Channel, Flag, Presence, Record, Replies

from .decision import Decision, Held, Outcome, Reply, Tone
from .message import IncomingMessage, fingerprint
from .receipts import receipt
from .replies import Texts
from .rules import Counted, Rules


@dataclass(frozen=True, slots=True)
class Case:
    """One message of a phone, with all that it is judged by. `subject` is an employee, or a number bound to none."""

    message: IncomingMessage
    rules: Rules
    held: Held
    number: str
    subject: str
    texts: Texts
    time: Counted
    channel: Channel
    coded: bool = False

    @property
    def day(self) -> date:
        return self.time.at.astimezone(self.rules.zone).date()

    def punches(self, day: date) -> list[Punch]:
        """What is recorded of that local day."""
        zone = self.rules.zone
        return [each for each in self.held.punches.get(self.subject, ()) if each.at.astimezone(zone).date() == day]

    def answer(self, text: str) -> Reply | None:
        """To what was recorded, or stands already."""
        wanted = self.rules.policy.replies is Replies.ALL and not self.held.silent
        return self._reply(Tone.ANSWER, text) if wanted else None

    def inform(self, text: str) -> Reply | None:
        """What was asked for."""
        return self._reply(Tone.INFORMATION, text) if self.rules.policy.replies is not Replies.NONE else None

    def correct(self, outcome: Outcome, text: str, limit: int | None = None) -> Decision:
        """It counts for nothing, and why."""
        most = self.rules.policy.corrections_per_day if limit is None else limit
        wanted = self.rules.policy.replies is not Replies.NONE and not self.held.silent
        within = self.held.corrections < most or self.message.channel is Channel.USSD
        reply = Reply(Tone.CORRECTION, self.number, text) if wanted and within else None
        return Decision(outcome, reply=reply, menu=self.held.menu)

    def refuse(self, outcome: Outcome, text: str) -> Decision:
        """A check-in does not count, and why: also to those who want no answers."""
        wanted = self.rules.policy.replies is not Replies.NONE
        return Decision(outcome, reply=self._reply(Tone.REFUSAL, text) if wanted else None, menu=self.held.menu)

    def _reply(self, tone: Tone, text: str) -> Reply | None:
        within = self.held.answers < self.rules.policy.answers_per_day or self.message.channel is Channel.USSD
        return Reply(tone, self.number, text) if within else None

    def record(self, action: Action, presence: Presence, flags: tuple[Flag, ...] = (), note: str = "") -> Record:
        """The record that follows; it still lacks its hash: the journal chains it."""
        call = self.channel is Channel.CALL
        # A call has no time but ours.
        own = (Flag.CLOCK_UNTRUSTED,) if self.time.own and not (call and self.message.clock_trusted) else ()
        weak = (Flag.LOW_ASSURANCE,) if call else ()
        return Record(
            seq=self.held.seq,
            employee=self.subject,
            action=action,
            at=self.time.at,
            received=self.message.received,
            channel=self.channel,
            presence=presence,
            flags=own + weak + flags,
            receipt=receipt(self.held.journal, self.held.seq),
            fingerprint=fingerprint(self.message),
            note=note,
        )
