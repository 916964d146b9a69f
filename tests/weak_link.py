"""A bad line between an MQTT client and its broker: slow, lossy, deaf. It relays whole packets."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

# What TCP waits before it sends a lost segment again.
RESEND_SECONDS = 0.2


class WeakLink:
    """Listens at `port`. Give `loses` to drop the broker's packets, `rate` in bytes/s, `loss` from 0 to 1.

    While `frozen` nothing passes and nobody hangs up, as when a mobile network forgot the connection.
    """

    def __init__(self, target: int, *, rate: float = float("inf"), loss: float = 0.0) -> None:
        self.loses: Callable[[bytes], bool] = lambda packet: False
        self.rate, self.loss = rate, loss
        self.passed = 0  # bytes, both ways
        self.lost = 0
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._dice = random.Random(1)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> WeakLink:
        self._thread(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flowing.set()
        for each in (self._server, *self._ends):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._ends += [near, far]
            self._thread(lambda near=near, far=far: self._relay(near, far, down=False))
            self._thread(lambda near=near, far=far: self._relay(far, near, down=True))

    def _relay(self, source: socket.socket, sink: socket.socket, *, down: bool) -> None:
        with contextlib.suppress(OSError, EOFError), source.makefile("rb") as stream:
            while True:
                packet = read_packet(stream.read)
                self._flowing.wait()
                if down and self.loses(packet):
                    self.lost += 1
                    continue
                self._delay(len(packet))
                sink.sendall(packet)
                self.passed += len(packet)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _delay(self, size: int) -> None:
        pause = size / self.rate
        while self._dice.random() < self.loss:
            pause += RESEND_SECONDS
        if pause:
            time.sleep(pause)

    @staticmethod
    def _thread(work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()


def read_packet(read: Callable[[int], bytes]) -> bytes:
    """One MQTT packet: a type, its length in seven bits a byte (MQTT 5, 1.5.5), so many bytes. Raises `EOFError`."""
    head = _exactly(read, 1)
    length = shift = 0
    while True:
        byte = _exactly(read, 1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return head + _exactly(read, length)


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    data = read(count)
    if len(data) < count:
        raise EOFError
    return data
