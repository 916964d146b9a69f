"""A modem and a clock in memory, for tests of what stands above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.clock import Now
from modem.messages import (
    Erasure,
    IncomingSms,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Part,
    Registration,
    Store,
    erase_singly,
)

from .factories import MORNING


@dataclass
class FakeClock:
    moment: Now = field(default_factory=lambda: Now(MORNING, 0.0))

    def now(self) -> Now:
        return self.moment


@dataclass
class FakeModem:
    """Slots, and what was sent. `fail` raises at the calls it names; `meanwhile` is called before each read."""

    slots: dict[int, IncomingSms] = field(default_factory=dict)
    sent: list[OutgoingSms] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    fail: dict[str, ModemError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    registration: Registration = Registration.HOME

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
        stores = Store("SM", used, 20), Store("ME", 0, 30)
        return ModemStatus(self.registration, signal=61, operator="TELKOMSEL", used=used, capacity=50, stores=stores)

    def network_time(self) -> datetime | None:
        return None

    def wait(self, seconds: float) -> bool:
        return False

    def close(self) -> None:
        pass

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fail:
            raise self.fail[name]
