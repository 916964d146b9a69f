"""The serial line of the simulated modem: a pseudo terminal under a stable path, served by one thread."""

from __future__ import annotations

import contextlib
import os
import pty
import selectors
import threading
import tty
from pathlib import Path

from .at import Engine
from .network import Network

_UNREAD_LIMIT = 1 << 18  # octets; a line that nobody reads drops what comes after, as a UART does
_TICK = 0.2  # seconds; how soon an SMS that the SMS centre held back is noticed


class Line:
    """`device` becomes a symbolic link to the pseudo terminal, repointed at every start."""

    def __init__(self, device: Path, engine: Engine, network: Network) -> None:
        self._device = device
        self._engine = engine
        self._network = network
        # The slave is kept open: without any open slave the master gives EIO, and a gateway comes and goes.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pending = bytearray()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="line", daemon=True)

    def start(self) -> None:
        """Put the link in place and begin to answer. OSError when `device` can not be made."""
        fresh = self._device.with_name(f".{self._device.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._device)
        self._thread.start()

    def wake(self) -> None:
        """Look at the SMS centre's queue now. From any thread."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_write, b"!")

    def stop(self) -> None:
        """Take the modem away: the link goes, an open line hangs up."""
        self._stopping = True
        self.wake()
        self._thread.join(timeout=5)
        if self._device.is_symlink() and str(self._device.readlink()) == os.ttyname(self._slave):
            self._device.unlink()
        for descriptor in (self._slave, self._master, self._wake_read, self._wake_write):
            os.close(descriptor)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._master, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while not self._stopping:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._pending else 0)
                selector.modify(self._master, events)
                for key, _ in selector.select(_TICK):
                    self._hear(int(key.fd))
                self._deliver()
                self._speak()

    def _hear(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, 4096)
            if descriptor == self._master:
                self._queue(self._engine.feed(data))

    def _deliver(self) -> None:
        memory = self._engine.memories[2]
        for location in self._network.deliver(memory):
            self._queue(self._engine.arrived(memory, location))
        self._queue(self._engine.unsolicited())

    def _queue(self, data: bytes) -> None:
        if len(self._pending) < _UNREAD_LIMIT:
            self._pending += data

    def _speak(self) -> None:
        if self._pending:
            with contextlib.suppress(BlockingIOError):
                written = os.write(self._master, self._pending)
                del self._pending[:written]
