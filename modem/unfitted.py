"""The modem of a gateway that has none: one at the data centre that serves USSD alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from .messages import (
    Erasure,
    IncomingCall,
    IncomingSms,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Registration,
    UssdAnswer,
)


class Unfitted:
    """A `Modem` on which nothing ever comes, and by which nothing can be sent."""

    def receive(self) -> list[IncomingSms]:
        return []

    def read(self, location: int) -> IncomingSms | None:
        return None

    def delete(self, location: int) -> None:
        pass

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        return Erasure()

    def send(self, sms: OutgoingSms) -> int:
        raise ModemError("this gateway has no modem", permanent=True)

    def status(self) -> ModemStatus:
        return ModemStatus(Registration.UNKNOWN, fitted=False)

    def network_time(self) -> datetime | None:
        return None

    def wait(self, seconds: float) -> bool:
        time.sleep(seconds)
        return False

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        raise ModemError("this gateway has no modem", permanent=True)

    def calls(self) -> list[IncomingCall]:
        return []

    def restart(self) -> None:
        raise ModemError("this gateway has no modem", permanent=True)

    def close(self) -> None:
        pass
