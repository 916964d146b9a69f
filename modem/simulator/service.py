"""The running simulator: network, line and phone page put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

from waitress.server import create_server

from .at import Engine, Radio
from .faults import Faults
from .line import Line
from .network import Network
from .peers import carrier
from .phone import create_app

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`device` becomes a link to the pseudo terminal; `state` holds all SMS over restarts.

    `by_id` is a folder for a link that stays when the modem comes back under another name.
    """

    device: Path
    state: Path
    host: str
    port: int
    contacts: Path | None = None
    number: str = "+6281100001"
    capacity: int = 50
    utc_offset: int = 7  # hours; the zone of the SMS centre
    by_id: Path | None = None
    peers: Mapping[str, str] = field(default_factory=dict)  # number of another modem → its phone page


def run(settings: Settings, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until KeyboardInterrupt or SystemExit. OSError when the device or the port can not be had."""
    zone = timezone(timedelta(hours=settings.utc_offset))
    peers = {number: carrier(settings.number, page) for number, page in settings.peers.items()}
    faults = Faults()
    network = Network(settings.state, capacity=settings.capacity, zone=zone, peers=peers, faults=faults)
    line = Line(settings.device, Engine(network, Radio(), faults=faults), network, settings.by_id)
    faults.changed = line.wake
    app = create_app(network, line.wake, settings.contacts, settings.number)
    server = create_server(app, host=settings.host, port=settings.port, threads=4, ident="gardu-modem")
    line.start()
    log.info("modem at %s, phone page on port %d", settings.device, settings.port)
    try:
        ready()
        server.run()
    finally:
        server.close()
        line.stop()
        network.close()
