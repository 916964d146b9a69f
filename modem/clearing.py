"""Which SMS are to be taken from a modem, and the emptying of their slots once they are kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from .messages import IncomingSms, Modem

log = logging.getLogger(__name__)

ATTEMPTS = 3
STUCK_SECONDS = 600.0


class Clearing:
    """A slot that can not be emptied holds up nobody: it is left alone for a while.

    `stuck` holds what lies in such slots, with when to try again (monotonic seconds).
    """

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._tries: dict[IncomingSms, int] = {}
        self.stuck: dict[IncomingSms, float] = {}

    def due(self, listed: Sequence[IncomingSms], monotonic: float) -> list[IncomingSms]:
        """Those of all that the modem holds which are to be taken now."""
        self.stuck = {sms: again for sms, again in self.stuck.items() if sms in listed}
        return [sms for sms in listed if self.stuck.get(sms, 0.0) <= monotonic]

    def clear(self, kept: Sequence[IncomingSms], monotonic: float) -> None:
        """Empty the slots of what is kept, each only if it still holds what was read. Raises `ModemError` when gone.

        A delete that timed out may have been done, and the slot may hold another message by now.
        """
        failed = self._modem.erase(kept).failed
        self._tries = {sms: self._tries.get(sms, 0) + 1 for sms in kept if sms.location in failed}
        for sms, tries in self._tries.items():
            log.warning("slot %d not emptied, attempt %d: %s", sms.location, tries, failed[sms.location])
            if tries >= ATTEMPTS:
                self.stuck[sms] = monotonic + STUCK_SECONDS
