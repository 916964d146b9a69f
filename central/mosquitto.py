"""What mosquitto needs to be Gardu's broker: its settings, its access rules, its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mqtt_bridge.envelope import SIZE_LIMIT
from mqtt_bridge.keys import load_or_make_tls, write_whole

from .authority import COLLECTOR, Authority

REVOKED = "crl.pem"
# A packet holds its topic and some properties beside the payload.
_PACKET = SIZE_LIMIT + 10_000

_SETTINGS = """\
# Written by `gardu-central broker-config`, which writes it anew: put what you add into a file of your own beside it.
# For mosquitto 2.0 or newer. The key beside it must be readable for mosquitto, and for nobody else.

listener {port}
tls_version tlsv1.3
cafile {folder}/ca.crt
certfile {folder}/server.crt
keyfile {folder}/server.key
crlfile {folder}/{revoked}

# Nobody gets in without a certificate of Gardu's authority, and its name is all that anybody is known by: also the
# client id, or one gateway could throw another out by taking its id.
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl

# Without it small messages wait for each other: a tenth of the throughput.
set_tcp_nodelay true
max_packet_size {packet}
max_inflight_messages 20
max_queued_messages 20000
max_keepalive 120
max_connections -1
persistent_client_expiration 1d

# Nothing rests on what a broker remembers, and so rosters and records never lie on its disk.
persistence false

# "Denied PUBLISH" and the like are written with: log_type debug
log_type error
log_type warning
log_type notice
connection_messages true
"""

_RULES = """\
# A gateway speaks below its own name, and hears what is said to it. The name is that of its certificate. It also
# hears what is said of its own connection: if that was another device, it notices.
pattern write gardu/v1/%u/event/#
pattern write gardu/v1/%u/state/#
pattern read gardu/v1/%u/state/connection
pattern read gardu/v1/%u/command/#

# The collector: a name that no gateway can have.
user {collector}
topic read gardu/v1/+/event/#
topic read gardu/v1/+/state/#
topic write gardu/v1/+/command/#
"""


def write(folder: Path, authority: Authority, names: Sequence[str], port: int, now: datetime) -> list[Path]:
    """All files but the list of the revoked, which the registrar writes. A key that is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # mosquitto runs as a user of its own
    server = authority.for_server(names, load_or_make_tls(folder / "server.key").public_key(), now)
    settings = _SETTINGS.format(port=port, folder=folder, revoked=REVOKED, packet=_PACKET)
    texts = {
        "mosquitto.conf": settings,
        "acl": _RULES.format(collector=COLLECTOR),
        "ca.crt": authority.pem,
        "server.crt": server.pem,
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode(), 0o644)
    return [folder / name for name in (*texts, "server.key", REVOKED)]
