"""The MQTT 5 link of a gateway or a collector. The only file that imports paho.

paho's callbacks only fill a queue and set flags here: they run under its locks, and an exception in one would end
its network thread without a word. Whoever owns a link takes from it in a thread of their own.
"""

from __future__ import annotations

import queue
import random
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = structlog.get_logger(__name__)

QOS = 1
KEEPALIVE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as the broker delivered it."""

    topic: str
    payload: bytes
    retained: bool = False  # said some time ago, and kept by the broker


class LinkDown(Exception):
    """There is no connection now; nothing was queued."""


class Trouble(StrEnum):
    """What kind of thing keeps a link from working."""

    STARTING = "not connected yet"
    UNREACHABLE = "the broker can not be reached"
    REJECTED = "the broker refused the connection"
    ENDED = "the connection to the broker ended"
    DENIED = "the broker refused a message"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a link does not work; `detail` is the broker's own word, if it gave one."""

    trouble: Trouble
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.trouble}: {self.detail}" if self.detail else str(self.trouble)


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


class MqttLink:
    """A `Link` that connects by itself, again and again, until it is closed. `wake` is called on every event."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        subscriptions: Sequence[str],
        *,
        will: Will | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._subscriptions = [(each, QOS) for each in subscriptions]
        self._wake = wake
        self._inbound: queue.SimpleQueue[Inbound] = queue.SimpleQueue()
        self._session = 0
        self._connected = False
        self._problem: Problem | None = Problem(Trouble.STARTING)
        self._client = self._make_client(client_id, will)
        self._client.connect_async(host, port, keepalive=KEEPALIVE_SECONDS)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        return self._connected and self._thread.is_alive()

    @property
    def session(self) -> int:
        return self._session

    @property
    def problem(self) -> Problem | None:
        """Why the link does not work; None when it does."""
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
        self._closing = True
        self._client.disconnect()
        self._thread.join(timeout=5)

    def _make_client(self, client_id: str, will: Will | None) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        client.max_inflight_messages_set(10)  # paho ignores the broker's Receive Maximum, which is 20 or more
        # Doubling from a random start keeps a thousand gateways apart after a broker's restart.
        client.reconnect_delay_set(min_delay=random.uniform(0.5, 1.5), max_delay=60)  # type: ignore[arg-type]
        if will:
            client.will_set(will.topic, will.payload, qos=QOS, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _run(self) -> None:
        while not self._closing:
            try:
                self._client.loop_forever(retry_first_connection=True)
            except Exception:  # whatever paho trips over, the link must live on
                log.exception("mqtt loop failed; starting it again")
                threading.Event().wait(1)

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._say(Problem(Trouble.REJECTED, str(code)))
            return
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        self._session += 1
        self._connected = True
        self._problem = None
        log.info("connected to the broker")
        self._wake()

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        self._say(Problem(Trouble.UNREACHABLE))

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected = False
        self._say(Problem(Trouble.ENDED, str(code)))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._inbound.put(Inbound(message.topic, bytes(message.payload), message.retain))
        self._wake()

    def _on_publish(
        self, _client: paho.Client, _data: Any, _mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        # Under MQTT 5 this is the only place where a publish that the access rules forbid shows.
        if code.is_failure:
            self._say(Problem(Trouble.DENIED, str(code)))

    def _say(self, problem: Problem) -> None:
        if problem != self._problem:
            log.warning("link", problem=str(problem))
        self._problem = problem
        self._wake()


def _no_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Small messages wait for no acknowledgement of earlier ones (measured: ten times the throughput)."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
