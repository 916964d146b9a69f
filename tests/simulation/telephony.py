"""Phones, an SMS centre and a modem with few slots, in memory; they outlive every crash of the gateway."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modem.messages import (
    Erasure,
    IncomingCall,
    IncomingSms,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Part,
    Registration,
    UssdAnswer,
    UssdStatus,
    erase_singly,
)

from .fate import Fate, Fragile

SMSC = "+62811000000"
OWN_NUMBER = "+6281100001"
ORDERED = "*900*"  # how the codes begin that commands have dialled


@dataclass(frozen=True)
class Pending:
    """An SMS on its way: the SMS centre will try to deliver it from `due` on."""

    due: datetime
    sms: IncomingSms


class Telephony:
    """The port `Modem`, and behind it the network. `on_delete` and `on_send` are told what the modem did."""

    def __init__(self, fate: Fate, now: Callable[[], datetime], slots: int = 6) -> None:
        self._fate = fate
        self._now = now
        self._slots: dict[int, IncomingSms] = {}
        self._capacity = slots
        self._queue: list[Pending] = []
        self.listed: set[tuple[str, str, datetime | None]] = set()
        self.answers: dict[str, list[str]] = defaultdict(list)
        self.deeds: Counter[str] = Counter()  # what a command had done, which nothing may do twice
        self.on_delete: Callable[[IncomingSms], None] = lambda _: None
        self.on_send: Callable[[OutgoingSms], None] = lambda _: None

    def text(self, number: str, text: str, at: datetime, part: Part | None = None) -> None:
        """A phone hands its text to the SMS centre, which may take long, or deliver it twice."""
        sms = IncomingSms(location=0, number=number, text=text, sent=at, smsc=SMSC, part=part)
        delay = self._fate.random.choice((0, 0, 0, 5, 60, 6 * 3600))
        self._queue.append(Pending(at + timedelta(seconds=delay), sms))
        if self._fate.mishap():
            self._queue.append(Pending(at + timedelta(seconds=delay + self._fate.random.randint(0, 300)), sms))

    @property
    def empty(self) -> bool:
        return not self._slots and not self._queue

    def receive(self) -> list[IncomingSms]:
        self._deliver()
        self._may_fail("receive")
        found = [self._slots[location] for location in sorted(self._slots)]
        self.listed.update((sms.number, sms.text, sms.sent) for sms in found)
        return found

    def read(self, location: int) -> IncomingSms | None:
        self._deliver()
        self._may_fail("read")
        return self._slots.get(location)

    def delete(self, location: int) -> None:
        self._may_fail("delete")
        if location in self._slots:
            self.on_delete(self._slots[location])
            del self._slots[location]
        self._deliver()  # the freed slot may be taken at once
        self._may_fail("delete, but it was done")

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        """The power may fail between any two slots, and between the look and the deletion."""
        return erase_singly(Fragile(self, self._fate, "slot"), messages)  # type: ignore[arg-type]

    def send(self, sms: OutgoingSms) -> int:
        self._may_fail("send")
        self.on_send(sms)
        if sms.number == OWN_NUMBER:
            self.deeds[sms.text] += 1
            self.text(sms.number, sms.text, self._now())
        self.answers[sms.number].append(sms.text)
        self._deliver()
        self._may_fail("send, but it went out")
        return len(self.answers) % 256

    def status(self) -> ModemStatus:
        return ModemStatus(
            Registration.HOME, signal=60, used=len(self._slots), capacity=self._capacity, imsi="510101234567890"
        )

    def network_time(self) -> datetime | None:
        return self._now()

    def wait(self, seconds: float) -> bool:
        return False

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        self._may_fail("dial")
        if code.startswith(ORDERED):
            self.deeds[code] += 1
            self._may_fail("dial, but it was done")
        return UssdAnswer(UssdStatus.DONE, "Sisa pulsa Rp 25.000. Aktif s.d. 31-12-2027.")

    def calls(self) -> list[IncomingCall]:
        self._may_fail("calls")
        return []

    def restart(self) -> None:
        self._may_fail("restart")

    def close(self) -> None:
        pass

    def _deliver(self) -> None:
        """What is due goes into the lowest free slot, as a SIM does it; a full SIM lets it wait."""
        for pending in sorted(self._queue, key=lambda each: each.due):
            free = [slot for slot in range(1, self._capacity + 1) if slot not in self._slots]
            if not free or pending.due > self._now():
                return
            self._queue.remove(pending)
            self._slots[free[0]] = replace(pending.sms, location=free[0])

    def _may_fail(self, what: str) -> None:
        if self._fate.mishap(0.5):
            raise ModemError(f"{what}: no answer", gone=self._fate.random.random() < 0.5)
