"""A link whose other end is the test."""

from __future__ import annotations

from dataclasses import dataclass, field

from mqtt_bridge.client import Inbound, Problem


@dataclass
class FakeLink:
    """All of a `Link` but `publish`: who inherits says what becomes of it. `inbox` is what arrives next."""

    connected: bool = True
    session: int = 1
    problem: Problem | None = None
    inbox: list[Inbound] = field(default_factory=list)

    def take(self) -> list[Inbound]:
        taken, self.inbox = self.inbox, []
        return taken

    def close(self) -> None:
        self.connected = False
