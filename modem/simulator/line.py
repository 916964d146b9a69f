"""The serial line of the simulated modem: a pseudo terminal under a path of its own, served by one thread."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import random
import select
import threading
import time
import tty
from pathlib import Path

from .at import Engine
from .faults import Kind
from .network import Network

log = logging.getLogger(__name__)

_UNREAD_LIMIT = 1 << 18  # octets; a line that nobody reads drops what comes after, as a UART does
_TICK = 0.2  # seconds; how soon an SMS that the SMS centre held back is noticed


class Line:
    """`device` becomes a symbolic link to the pseudo terminal, made anew whenever the modem is plugged in.

    `by_id` is a folder that gets a link with a name of the modem's own to `device`, as udev makes in
    /dev/serial/by-id: it stays the same when the modem comes back under another name.
    """

    def __init__(self, device: Path, engine: Engine, network: Network, by_id: Path | None = None) -> None:
        self._device = device
        self._engine = engine
        self._network = network
        self._by_id = by_id / f"usb-Gardu_Simulator_{engine.radio.imei}-if00-port0" if by_id else None
        self._terminal: _Terminal | None = None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pending = bytearray()
        self._slow_until = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="line", daemon=True)

    def start(self) -> None:
        """Plug the modem in and begin to answer. OSError when `device` can not be made."""
        self._plug_in()
        self._thread.start()

    def wake(self) -> None:
        """Look at the SMS centre's queue and the faults now. From any thread."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_write, b"!")

    def stop(self) -> None:
        """Take the modem away: the link goes, an open line hangs up."""
        self._stopping = True
        self.wake()
        self._thread.join(timeout=5)
        self._unplug()
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    def _serve(self) -> None:
        while not self._stopping:
            self._follow_faults()
            master = [self._terminal.master] if self._terminal else []
            slow_for = self._slow_for
            speaking = master if self._pending and not slow_for else []
            readable, _, _ = select.select([self._wake_read, *master], speaking, [], min(_TICK, slow_for or _TICK))
            for descriptor in readable:
                self._hear(descriptor)
            self._deliver()
            self._speak()

    @property
    def _slow_for(self) -> float:
        return max(0.0, self._slow_until - time.monotonic())

    def _follow_faults(self) -> None:
        unplugged = self._engine.faults.holds(Kind.UNPLUG)
        if unplugged and self._terminal:
            self._unplug()
            self._device = self._device.with_name(unplugged.word("back") or self._device.name)
        elif not unplugged and not self._terminal:
            self._plug_in()

    def _plug_in(self) -> None:
        terminal = _Terminal()
        try:
            _link(self._device, terminal.name)
            if self._by_id:
                self._by_id.parent.mkdir(parents=True, exist_ok=True)
                _link(self._by_id, os.path.relpath(self._device.absolute(), self._by_id.parent.absolute()))
        except OSError:
            terminal.close()
            raise
        self._engine.power_up()
        self._terminal = terminal
        log.info("modem plugged in as %s", self._device)

    def _unplug(self) -> None:
        terminal, self._terminal = self._terminal, None
        if terminal is None:
            return
        if self._by_id:
            self._by_id.unlink(missing_ok=True)
        if self._device.is_symlink() and str(self._device.readlink()) == terminal.name:
            self._device.unlink()
        terminal.close()
        self._pending.clear()
        log.info("modem at %s unplugged", self._device)

    def _hear(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, 4096)
            if descriptor != self._wake_read:
                self._answer(self._engine.feed(data))

    def _answer(self, data: bytes) -> None:
        """Queue what the modem says, late or with noise in it when that is what is wrong with the line."""
        if b"\n" in data:  # the end of an answer, and not only an echo
            if slow := self._engine.faults.strikes(Kind.SLOW):
                self._slow_until = time.monotonic() + slow.whole("ms") / 1000
            if noise := self._engine.faults.strikes(Kind.GARBAGE):
                data = _with_noise(data, noise.whole("octets"))
        self._queue(data)

    def _deliver(self) -> None:
        memory = self._engine.memories[2]
        if self._terminal and self._engine.reachable:
            for location in self._network.deliver(memory):
                self._queue(self._engine.arrived(memory, location))
            self._queue(self._engine.unsolicited())

    def _queue(self, data: bytes) -> None:
        if len(self._pending) < _UNREAD_LIMIT:
            self._pending += data

    def _speak(self) -> None:
        if self._pending and self._terminal and not self._slow_for:
            with contextlib.suppress(BlockingIOError):
                written = os.write(self._terminal.master, self._pending)
                del self._pending[:written]


class _Terminal:
    """One pseudo terminal. The slave is kept open: without any the master gives EIO, and a gateway comes and goes."""

    def __init__(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self._slave)

    def close(self) -> None:
        for descriptor in (self._slave, self.master):
            os.close(descriptor)


def _link(path: Path, target: str) -> None:
    """A symbolic link in place of whatever is there, at no moment without one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def _with_noise(data: bytes, count: int) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(count) + data[place:]
