"""A modem and a clock in memory, for tests of what stands above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.clock import Now
from modem.messages import (
    Erasure,
    IncomingCall,
    IncomingSms,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Part,
    Registration,
    Sim,
    Store,
    UssdAnswer,
    UssdStatus,
    erase_singly,
)

from .factories import MORNING

ANSWER = UssdAnswer(UssdStatus.DONE, "Sisa pulsa Rp 25.000. Aktif s.d. 31-12-2027.")


@dataclass
class FakeClock:
    """Time goes on when it is told to."""

    moment: Now = field(default_factory=lambda: Now(MORNING, 0.0))

    def now(self) -> Now:
        return self.moment

    @property
    def wall(self) -> datetime:
        return self.moment.wall

    def turn(self, seconds: float) -> None:
        now = self.moment
        self.moment = replace(now, wall=now.wall + timedelta(seconds=seconds), monotonic=now.monotonic + seconds)


@dataclass
class FakeModem:
    """Slots, and what was sent. `fail` raises at the calls it names. `answer` is what every code gets."""

    slots: dict[int, IncomingSms] = field(default_factory=dict)
    sent: list[OutgoingSms] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    fail: dict[str, ModemError] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    registration: Registration = Registration.HOME
    answer: UssdAnswer = ANSWER
    ringing: list[str] = field(default_factory=list)
    dialled: list[tuple[str, ...]] = field(default_factory=list)
    sim: Sim = Sim.READY

    def put(
        self, location: int, text: str, number: str, sent: datetime | None = MORNING, part: Part | None = None
    ) -> None:
        self.slots[location] = IncomingSms(location, number, text, sent, part=part)

    def receive(self) -> list[IncomingSms]:
        self._called("receive")
        return list(self.slots.values())

    def read(self, location: int) -> IncomingSms | None:
        self._called("read")
        return self.slots.get(location)

    def delete(self, location: int) -> None:
        self._called("delete")
        self.deleted.append(location)
        self.slots.pop(location, None)

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        return erase_singly(self, messages)

    def send(self, sms: OutgoingSms) -> int:
        self._called("send")
        self.sent.append(sms)
        return len(self.sent)

    def status(self) -> ModemStatus:
        self._called("status")
        used = len(self.slots)
        return ModemStatus(
            self.registration,
            signal=61,
            operator="TELKOMSEL",
            used=used,
            capacity=50,
            stores=(Store("SM", used, 20), Store("ME", 0, 30)),
            imsi="510101234567890",
            sim=self.sim,
        )

    def network_time(self) -> datetime | None:
        return None

    def wait(self, seconds: float) -> bool:
        return False

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        self._called("dial")
        self.dialled.append((code, *choices))
        return self.answer

    def calls(self) -> list[IncomingCall]:
        self._called("calls")
        rang, self.ringing = self.ringing, []
        return [IncomingCall(number) for number in rang]

    def restart(self) -> None:
        self._called("restart")

    def close(self) -> None:
        pass

    def _called(self, name: str) -> None:
        self.called.append(name)
        if name in self.fail:
            raise self.fail[name]
