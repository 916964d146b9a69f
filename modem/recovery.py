"""What to do about a modem that fails again and again: open it anew, reset it, switch its USB port off and on.

A step runs as a process of its own, `python -m modem.recovery STEP DEVICE`, which nobody kills half way.
"""

from __future__ import annotations

import logging
import signal
import sys
from enum import StrEnum

from . import line, usb
from .messages import ModemError

log = logging.getLogger(__name__)


class Step(StrEnum):
    REOPEN = "reopen"
    RESET = "reset"
    REPLUG = "replug"


_STEPS = {2: Step.RESET, 4: Step.REPLUG}  # by the number of failures in a row
_ROUND = 20  # failures; then it begins again


class Ladder:
    """Which step is due. Failures count by what failed: a list that works says nothing about sending. Pure."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._done = 0

    @property
    def exhausted(self) -> bool:
        """Whether every step was taken, and did not help."""
        return max(self._failures.values(), default=0) > max(_STEPS)

    def failed(self, doing: str) -> None:
        self._failures[doing] = self._failures.get(doing, 0) + 1

    def worked(self, doing: str) -> None:
        for done in (doing, "open"):
            self._failures.pop(done, None)
        if not self._failures:
            self._done = 0

    def next(self) -> Step:
        """The step before the next opening; each is taken once for every failure that asks for it."""
        failures = max(self._failures.values(), default=0)
        if failures == self._done:
            return Step.REOPEN
        self._done = failures
        return _STEPS.get(failures % _ROUND, Step.REOPEN)


def carry_out(step: Step, device: str) -> bool:
    """Tells whether it was done: a modem may be too far gone to be reset, and not every one hangs on a USB port."""
    if step is Step.RESET:
        try:
            line.reset(device)
        except ModemError as error:
            log.warning("not reset: %s", error)
            return False
        return True
    return step is Step.REPLUG and usb.replug(device)


def _main(step: str, device: str) -> int:
    # Half a replug would leave the port without power.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING)
    return 0 if carry_out(Step(step), device) else 1


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
