"""A broker that keeps its word as little as real ones do: it drops, delays, doubles, forgets, disconnects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mqtt_bridge.client import Inbound, LinkDown, Problem

from .fate import Fate


@dataclass
class Wire:
    """One client's connection: the port `Link`."""

    broker: Broker
    prefix: str
    leaves: tuple[str, ...]
    connected: bool = False
    session: int = 0
    problem: Problem | None = None
    inbox: list[Inbound] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self.connected:
            raise LinkDown("cut")
        self.broker.route(Inbound(topic, payload), retain=retain)

    def take(self) -> list[Inbound]:
        taken, self.inbox = self.inbox, []
        return taken

    def close(self) -> None:
        self.connected = False

    def wants(self, topic: str) -> bool:
        return topic.startswith(self.prefix) and any(leaf in topic for leaf in self.leaves)


class Broker:
    """Routes between wires. Everything that it holds is memory."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._wires: list[Wire] = []
        self._retained: dict[str, Inbound] = {}
        self._late: list[Inbound] = []
        self.on_publish: Callable[[str, bytes], None] = lambda _topic, _payload: None

    def wire(self, prefix: str, *leaves: str) -> Wire:
        self._wires.append(Wire(self, prefix, leaves))
        return self._wires[-1]

    def unplug(self, wire: Wire) -> None:
        """The client is gone; what was on its way to it is lost."""
        wire.connected = False
        wire.inbox.clear()

    def remove(self, wire: Wire) -> None:
        self.unplug(wire)
        self._wires.remove(wire)

    def crash(self) -> None:
        """All connections end, and all that was retained or late is forgotten."""
        self._retained.clear()
        self._late.clear()
        for wire in self._wires:
            self.unplug(wire)

    def step(self) -> None:
        """Let clients come back and late messages arrive, in any order."""
        self._fate.random.shuffle(self._late)
        while self._late and not self._fate.mishap():
            self._deliver(self._late.pop())
        for wire in self._wires:
            if not wire.connected and not self._fate.mishap():
                self._connect(wire)

    def route(self, message: Inbound, *, retain: bool) -> None:
        self.on_publish(message.topic, message.payload)
        if retain:
            self._retained[message.topic] = message
        for _ in range(2 if self._fate.mishap() else 1):
            if self._fate.mishap():
                self._late.append(message)
            elif not self._fate.mishap():
                self._deliver(message)

    def _connect(self, wire: Wire) -> None:
        wire.connected, wire.problem = True, None
        wire.session += 1
        wire.inbox.extend(replace(kept, retained=True) for topic, kept in self._retained.items() if wire.wants(topic))

    def _deliver(self, message: Inbound) -> None:
        for wire in self._wires:
            if wire.connected and wire.wants(message.topic):
                wire.inbox.append(message)
