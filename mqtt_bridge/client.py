"""The MQTT 5 link of a gateway or a collector. The only file that imports paho.

paho's callbacks only fill a queue and set flags here: they run under its locks, and an exception in one would end
its network thread without a word. Whoever owns a link takes from it in a thread of their own.
"""

from __future__ import annotations

import queue
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from .tls import Tls, context, explained, last_word, load
from .trouble import Problem, Trouble

__all__ = ["Inbound", "Link", "LinkDown", "MqttLink", "Problem", "Tls", "Trouble", "Will"]

log = structlog.get_logger(__name__)

QOS = 1
KEEPALIVE_SECONDS = 30
SESSION_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as the broker delivered it."""

    topic: str
    payload: bytes
    retained: bool = False  # said some time ago, and kept by the broker


class LinkDown(Exception):
    """There is no connection now; nothing was queued."""


class Link(Protocol):
    """The port to the broker. `session` counts connections, so that a new one can be noticed."""

    @property
    def connected(self) -> bool: ...
    @property
    def session(self) -> int: ...
    @property
    def problem(self) -> Problem | None: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Hand a message to the broker. Raises `LinkDown`. Its arrival anywhere is not promised."""

    def take(self) -> list[Inbound]:
        """All that arrived since the last call, in order."""

    def close(self) -> None:
        """Send what was published, say goodbye, and stop."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone without a word."""

    topic: str
    payload: bytes


# One name for two devices is a mistake or malice: people should hear of it, though the link may work again at once.
# Not every broker says so: mosquitto 2.0.11 only hangs up.
TAKEN_STANDS = 600.0
# A connection that ends so soon is likely to end again: two devices of one name would throw each other out for ever.
SHORT = 10.0
MOST_DOUBLINGS = 5
# What was refused is sent again within two minutes; if it is not refused again, it is no longer.
DENIED_STANDS = 150.0
# On a weak link the handshake alone takes seconds.
CONNECT_TIMEOUT = 20.0


class MqttLink:
    """A `Link` that connects by itself, again and again, until it is closed. `wake` is called on every event."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        subscriptions: Sequence[str],
        *,
        tls: Tls | None = None,
        will: Will | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._tls = tls
        self._broken: OSError | None = None
        self._taken: float | None = None
        self._denied = 0.0
        self._connected_at = float("-inf")
        self._doublings = 0
        self._subscriptions = [(each, QOS) for each in subscriptions]
        self._wake = wake
        self._inbound: queue.SimpleQueue[Inbound] = queue.SimpleQueue()
        self._session = 0
        self._connected = False
        self._problem: Problem | None = Problem(Trouble.STARTING)
        self._client = self._make_client(client_id, will)
        self._client.connect_async(host, port, keepalive=KEEPALIVE_SECONDS)
        self._closing = threading.Event()
        self._gone = threading.Event()
        threading.Thread(target=self._run, name="mqtt", daemon=True).start()

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def session(self) -> int:
        return self._session

    @property
    def problem(self) -> Problem | None:
        """Why the link does not work; None when it does."""
        if self._problem is None and self._taken is not None and time.monotonic() < self._taken + TAKEN_STANDS:
            return Problem(Trouble.TAKEN)
        return self._problem

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        # paho would queue in memory while offline and send twice after our own resend, so it never gets the chance.
        if not self.connected:
            raise LinkDown(str(self._problem or Trouble.STARTING))
        self._client.publish(topic, payload, qos=QOS, retain=retain)

    def take(self) -> list[Inbound]:
        taken = []
        while True:
            try:
                taken.append(self._inbound.get_nowait())
            except queue.Empty:
                return taken

    def close(self) -> None:
        # After a goodbye the broker drops the last will: whoever needs it said must publish it before.
        self._closing.set()
        self._client.disconnect()
        if self._connected:
            self._gone.wait(timeout=5)

    def _make_client(self, client_id: str, will: Will | None) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        client.max_inflight_messages_set(10)  # paho ignores the broker's Receive Maximum, which is 20 or more
        client.connect_timeout = CONNECT_TIMEOUT
        _spread(client, 0)
        if self._tls:
            self._context = context()
            client.tls_set_context(self._context)
            client.on_pre_connect = self._load_files
        if will:
            client.will_set(will.topic, will.payload, qos=QOS, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_log = self._on_log
        return client

    def _load_files(self, _client: paho.Client, _data: Any) -> None:
        """Before every connection: they may have been renewed. What this raises ends up in `_on_connect_fail`."""
        if self._tls:
            load(self._context, self._tls)

    def _run(self) -> None:
        """paho's thread is the only one that reads and writes: two that write at a time would mix their packets, and
        tear a TLS connection apart. Whatever it trips over, it is started again.
        """
        while not self._closing.is_set():
            self._client.loop_start()  # does nothing while it runs
            self._closing.wait(1)

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._say(Problem(Trouble.REJECTED, str(code)))
            return
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        self._gone.clear()
        self._connected_at = time.monotonic()
        self._session += 1
        self._connected = True
        self._problem = None
        log.info("connected to the broker")
        self._wake()

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        # paho calls this while it handles the error, and is the only one to know it.
        self._say(self._why(sys.exception(), Problem(Trouble.UNREACHABLE)))

    def _on_disconnect(
        self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected = False
        now = time.monotonic()
        self._doublings = min(self._doublings + 1, MOST_DOUBLINGS) if now < self._connected_at + SHORT else 0
        _spread(client, self._doublings)
        if code.value == SESSION_TAKEN_OVER:
            self._taken = now
            self._say(Problem(Trouble.TAKEN))
        else:
            self._say(self._why(self._broken, Problem(Trouble.ENDED, str(code))))
        self._broken = None
        self._gone.set()

    def _on_log(self, client: paho.Client, _data: Any, _level: int, _text: str) -> None:
        """Under TLS 1.3 a broker refuses a certificate after the handshake: paho then logs the error, no more."""
        error = sys.exception()
        if isinstance(error, ssl.SSLError | ConnectionError):
            self._broken = last_word(client.socket()) or error

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for code in codes:
            if code.is_failure:
                self._say(Problem(Trouble.UNHEARD, str(code)))

    def _why(self, error: BaseException | None, otherwise: Problem) -> Problem:
        found = explained(error, self._tls, datetime.now(UTC)) if self._tls else None
        return found or otherwise

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._inbound.put(Inbound(message.topic, bytes(message.payload), message.retain))
        self._wake()

    def _on_publish(
        self, _client: paho.Client, _data: Any, _mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        # Under MQTT 5 this is the only place where a publish that the access rules forbid shows.
        if code.is_failure:
            self._denied = time.monotonic()
            self._say(Problem(Trouble.DENIED, str(code)))
        elif self._is(Trouble.DENIED) and time.monotonic() > self._denied + DENIED_STANDS:
            self._problem = None

    def _is(self, trouble: Trouble) -> bool:
        return self._problem is not None and self._problem.trouble is trouble

    def _say(self, problem: Problem) -> None:
        if problem != self._problem:
            log.warning("link", problem=str(problem))
        self._problem = problem
        self._wake()


def _spread(client: paho.Client, doublings: int) -> None:
    """Doubling from a random start keeps a thousand gateways apart after a broker's restart."""
    start = random.uniform(0.5, 1.5) * 2**doublings
    client.reconnect_delay_set(min_delay=start, max_delay=60)


def _no_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Small messages wait for no acknowledgement of earlier ones (measured: ten times the throughput)."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
