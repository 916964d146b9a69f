"""A modem whose every call ends in time: the driver in a child process that is killed when it hangs.

libgammu can block for minutes on a silent modem, and nothing short of ending its process stops it. The child
ends by itself, at once, when its parent is gone. This side never imports gammu.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from . import usb
from .messages import (
    Erasure,
    IncomingCall,
    IncomingSms,
    ModemError,
    ModemStatus,
    OutgoingSms,
    UssdAnswer,
)
from .recovery import Ladder, Step

log = logging.getLogger(__name__)

# Seconds. A modem that hangs and comes back must work again within a minute: the longest of these, a second's pause,
# and four seconds to open it; or the opening that was under way, the pause after many failures, and four seconds.
DEADLINES = {
    "open": 30.0,
    "receive": 45.0,
    "read": 20.0,
    "delete": 20.0,
    "erase": 45.0,
    "send": 45.0,
    "status": 30.0,
    "network_time": 20.0,
    "dial": 40.0,
    "calls": 20.0,
    "wait": 10.0,
}
_RECOVERY = 12.0
_ERASED_AT_ONCE = 50  # slots: what a slow modem manages within the deadline
_GLANCE = 0.25  # seconds between looks at the device while a call runs
_PAUSE = 1.0  # seconds before the modem is opened again


class ModemWorker:
    """The `Modem` port to the device at `device`, opened at the first call and again after every failure.

    `device` is what `usb.locate` takes, and may be a link: it is resolved anew at every opening. A modem that fails
    again and again is reset, then its USB port is switched off and on. `deadlines` overrides seconds per method.
    Calls from several threads take turns.
    """

    def __init__(
        self,
        device: str,
        connection: str = "at",
        *,
        deadlines: Mapping[str, float] | None = None,
        pause: float = _PAUSE,
    ) -> None:
        self._device = device
        self._connection = connection
        self._deadlines = {**DEADLINES, **(deadlines or {})}
        self._pause = pause
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._child: _Child | None = None
        self._not_before = 0.0
        self._ladder = Ladder()

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        child = self._child
        return child.process.pid if child else None

    def receive(self) -> list[IncomingSms]:
        return cast("list[IncomingSms]", self._call("receive"))

    def read(self, location: int) -> IncomingSms | None:
        return cast("IncomingSms | None", self._call("read", location))

    def delete(self, location: int) -> None:
        self._call("delete", location)

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        erasure = Erasure()
        for start in range(0, len(messages), _ERASED_AT_ONCE):
            erasure += self._call("erase", messages[start : start + _ERASED_AT_ONCE])
        return erasure

    def send(self, sms: OutgoingSms) -> int:
        return cast("int", self._call("send", sms))

    def status(self) -> ModemStatus:
        return cast("ModemStatus", self._call("status"))

    def network_time(self) -> datetime | None:
        return cast("datetime | None", self._call("network_time"))

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        return cast("UssdAnswer", self._call("dial", code, *choices))

    def calls(self) -> list[IncomingCall]:
        return cast("list[IncomingCall]", self._call("calls"))

    def wait(self, seconds: float) -> bool:
        return cast("bool", self._call("wait", seconds, more=seconds))

    def restart(self) -> None:
        """Reset it, whatever it is doing once the call that runs has ended."""
        with self._lock:
            self._drop()
            device = usb.locate(self._device)
            if device is None or _identity(device) is None:
                raise ModemError(f"{self._device} does not exist", absent=True)
            self._not_before = time.monotonic() + self._pause
            if not self._carry_out(Step.RESET, device):
                raise ModemError("restart: the modem did not take it")

    def close(self) -> None:
        """End the child, also under a running call, which then fails. Later calls fail."""
        self._closed.set()
        child = self._child
        if child:
            child.process.kill()
        with self._lock:
            self._drop()

    def _call(self, method: str, *arguments: object, more: float = 0.0) -> Any:
        """Within the deadline of that method, and `more` seconds."""
        with self._lock:
            child = self._open()
            try:
                answer = child.ask((method, *arguments), self._deadlines[method] + more)
            except ModemError as error:
                if error.gone:
                    self._fail(method, error)
                raise
            self._ladder.worked(method)
            return answer

    def _open(self) -> _Child:
        """The child that serves the device as it is now. The path may lead to another device than before."""
        if self._child and self._child.identity != _identity(self._child.device):
            self._drop()
        if self._child is None:
            device = usb.locate(self._device)
            if device is None or _identity(device) is None:
                raise ModemError(f"{self._device} does not exist", absent=True)
            self._closed.wait(max(0.0, self._not_before - time.monotonic()))
            self._child = self._start(device)
        return self._child

    def _start(self, device: str) -> _Child:
        self._recover(device)
        if self._closed.is_set():
            raise ModemError("the modem was closed")
        self._not_before = time.monotonic() + self._pause
        self._child = _Child(device, self._connection, patient=self._ladder.exhausted)
        try:
            self._child.answer("open", self._deadlines["open"])
        except ModemError as error:
            self._fail("open", error)
            raise
        return self._child

    def _fail(self, doing: str, error: ModemError) -> None:
        self._drop()
        if not error.absent and not self._closed.is_set():
            self._ladder.failed(doing)

    def _recover(self, device: str) -> None:
        """Do what is due about a modem that fails: never half of it."""
        step = self._ladder.next()
        if step is Step.REOPEN:
            return
        log.warning("%s fails again and again: %s", device, step)
        self._carry_out(step, device)

    def _carry_out(self, step: Step, device: str) -> bool:
        """Tells whether it was seen to be done; what takes too long goes on by itself."""
        command = [sys.executable, "-m", "modem.recovery", step, device]
        helper = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + _RECOVERY
        while helper.poll() is None and time.monotonic() < end:
            if self._closed.wait(_GLANCE):
                return False
        return helper.returncode == 0

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.end()


class _Child:
    """One process with one open modem."""

    def __init__(self, device: str, connection: str, *, patient: bool) -> None:
        self.identity = _identity(device)
        self.device = device
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "modem.worker", str(theirs.fileno()), device, connection]
            command += ["patient"] if patient else []
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._pipe = Connection(ours.detach())

    def ask(self, request: tuple[object, ...], deadline: float) -> Any:
        try:
            self._pipe.send(request)
        except OSError:
            raise ModemError("the modem's process ended", gone=True) from None
        return self.answer(str(request[0]), deadline)

    def answer(self, doing: str, deadline: float) -> Any:
        """What the child answers within `deadline` seconds. ModemError, gone when it can not be trusted any more."""
        try:
            self._wait(doing, deadline)
            result, error = self._pipe.recv()
        except (EOFError, OSError):
            raise self._judged(ModemError(f"{doing}: the modem's process ended", gone=True)) from None
        if error:
            raise self._judged(ModemError(**error))
        return result

    def _judged(self, error: ModemError) -> ModemError:
        """A modem that was pulled out may end a call before it is missed here."""
        pulled_out = error.gone and _identity(self.device) != self.identity
        return ModemError(f"{self.device} is gone: {error}", absent=True) if pulled_out else error

    def _wait(self, doing: str, deadline: float) -> None:
        end = time.monotonic() + deadline
        while not self._pipe.poll(max(0.0, min(_GLANCE, end - time.monotonic()))):
            if _identity(self.device) != self.identity:  # libgammu itself may need minutes to notice
                raise ModemError(f"{doing}: {self.device} is gone", absent=True)
            if time.monotonic() >= end:
                raise ModemError(f"{doing}: no answer within {deadline:g} seconds", gone=True)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._pipe.close()


def _identity(device: str) -> tuple[int, ...] | None:
    """What tells one device from its successor under the same path; None when there is none."""
    path = Path(device)
    try:
        link, node = path.lstat(), path.stat()
    except OSError:
        return None
    return link.st_dev, link.st_ino, node.st_rdev, node.st_ino


def _serve(pipe: Connection, device: str, connection: str, patient: bool) -> None:
    """The child: calls run in a thread of their own, so that this one sees at once when the parent is gone."""
    requests: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(pipe, requests, device, connection, patient), daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            requests.put(pipe.recv())
    os._exit(0)  # not sys.exit: the other thread may be inside libgammu for minutes


def _work(
    pipe: Connection, requests: queue.SimpleQueue[tuple[Any, ...]], device: str, connection: str, patient: bool
) -> None:
    from .driver import GammuModem  # only the child loads libgammu

    modem, error = _attempt("open", lambda: GammuModem(device, connection, patient=patient))
    _tell(pipe, (None, error))
    while modem:
        method, *arguments = requests.get()
        _tell(pipe, _attempt(method, partial(getattr(modem, method), *arguments)))


def _attempt(doing: str, call: Callable[[], Any]) -> tuple[Any, dict[str, Any] | None]:
    """The result, and what makes the error: exceptions lose their attributes on the way through a pipe."""
    try:
        return call(), None
    except ModemError as error:
        return None, {
            "reason": str(error),
            "permanent": error.permanent,
            "gone": error.gone,
            "absent": error.absent,
        }
    except Exception as error:  # the outer loop: whatever libgammu threw, this process is done
        log.exception("%s failed", doing)
        return None, {"reason": f"{doing}: {type(error).__name__}", "gone": True}


def _tell(pipe: Connection, answer: tuple[Any, dict[str, Any] | None]) -> None:
    try:
        pipe.send(answer)
    except OSError:
        os._exit(0)  # nobody is left to hear it


def _child_main(descriptor: str, device: str, connection: str, patient: str = "") -> None:
    # The parent decides when this ends; a signal for the whole group must not cut a call short.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING)
    _serve(Connection(int(descriptor)), device, connection, bool(patient))


if __name__ == "__main__":
    _child_main(*sys.argv[1:])
