"""Topics `gardu/v1/{gateway}/…`: a gateway speaks by event and state, and is spoken to by command.

The broker's access rules need no more than the gateway's name: it may write `event/#` and `state/#` and read
`command/#` below its own. Pure.
"""

from __future__ import annotations

from enum import StrEnum

ROOT = "gardu/v1"


class Leaf(StrEnum):
    """The last two levels of a topic."""

    RECORDS = "event/records"
    RESULT = "event/result"
    RENEWAL = "event/renewal"
    CONNECTION = "state/connection"
    STATUS = "state/status"
    ACK = "command/ack"
    DESIRED = "command/desired"
    RUN = "command/run"
    CERTIFICATE = "command/certificate"


RETAINED = frozenset({Leaf.CONNECTION, Leaf.STATUS, Leaf.ACK, Leaf.DESIRED, Leaf.CERTIFICATE})
UPLINK = (f"{ROOT}/+/event/#", f"{ROOT}/+/state/#")


def topic(gateway: str, leaf: Leaf) -> str:
    return f"{ROOT}/{gateway}/{leaf}"


def downlink(gateway: str) -> str:
    """The filter of everything that is said to one gateway."""
    return f"{ROOT}/{gateway}/command/#"


def parse(name: str) -> tuple[str, Leaf] | None:
    """(gateway, leaf) of a topic; None when it is none of ours."""
    prefix = ROOT + "/"
    gateway, _, leaf = name.removeprefix(prefix).partition("/")
    if not name.startswith(prefix) or leaf not in set(Leaf):
        return None
    return gateway, Leaf(leaf)
