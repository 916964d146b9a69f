"""The embedded broker, for a demo or a collector with everything on one machine. The only file that imports it.

It keeps everything in memory and lets anyone on its address in; across machines use mosquitto or another MQTT 5
broker. Nothing of Gardu rests on what a broker remembers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType

import iotcore

from .envelope import SIZE_LIMIT

# MQTT 5 is to be had by a configuration file only; the defaults would listen on every address and cut at 20 kB.
_CONFIG = """\
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "{listen}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {size}
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker in a child process that ends with this one. Raises `OSError` when the port is taken."""

    def __init__(self, host: str, port: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gardu-broker-")
        path = Path(self._folder.name) / "broker.toml"
        path.write_text(_CONFIG.format(listen=f"{host}:{port}", size=SIZE_LIMIT + 10_000))
        self._broker = iotcore.Broker(config_path=str(path))

    def __enter__(self) -> EmbeddedBroker:
        self._broker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker.stop()
        self._folder.cleanup()
