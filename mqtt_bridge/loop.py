"""A thread that steps one part of a process over and over, and outlives whatever the step runs into."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

# Seconds to wait after 1, 2, 3 … failures in a row.
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0)


class Loop:
    """Calls `step` at once again while it reports work, else every `pause` seconds or when woken.

    `expected` are the errors that the world causes; any other is a defect, and is logged with its traceback.
    `problem` is the error of the last step; None while it goes well.
    """

    def __init__(
        self, name: str, step: Callable[[], bool], pause: float, expected: tuple[type[Exception], ...]
    ) -> None:
        self._step = step
        self._expected = expected
        self._pause = pause
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0
        self.problem: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self, timeout: float) -> bool:
        """Let the present step end; tells whether it did in time."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            worked = self._guarded_step()
            if self.problem:
                self._stopping.wait(BACKOFF[min(self._failures, len(BACKOFF)) - 1])
            elif not worked:
                self._wake.wait(self._pause)

    def _guarded_step(self) -> bool:
        try:
            worked = self._step()
        except Exception as error:  # noqa: BLE001 - the outer loop: the others must go on, and this one tries again
            self._fail(error)
        else:
            if self._failures:
                log.info("works again", loop=self._thread.name)
            self._failures, self.problem = 0, None
            return worked
        return False

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        self.problem = error
        if not isinstance(error, self._expected):
            log.exception("step failed", loop=self._thread.name)
        elif self._failures == 1:
            log.warning("problem", loop=self._thread.name, problem=str(error))
