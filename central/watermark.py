"""How far a gateway's records are complete at the collector. Pure.

A gateway claims that everything before a time is in a record up to a seq. The claim is believed once the collector
holds that seq; what is believed never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_bridge.records import Status

# While one of these holds, messages may lie where the gateway can not see them: at the SMS centre, or on the SIM.
BLIND = frozenset({"journal", "modem", "network", "sim-full"})
# The SMS centre hands over what it kept some time after the modem is back.
SETTLED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claim:
    seq: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """Of one journal: what is believed, and the oldest claim that still waits for its records."""

    until: datetime | None = None
    claim: Claim | None = None


def claim(status: Status, now: datetime, seeing_since: datetime | None) -> Claim | None:
    """What a status claims, if that can be believed at all; `seeing_since` is when its last blindness ended."""
    blind = BLIND & {reason.code for reason in status.reasons}
    if blind or not status.clock_trusted or status.complete_until is None:
        return None
    if status.complete_until - max(status.started, seeing_since or status.started) < SETTLED:
        return None
    return Claim(status.last_seq, min(status.complete_until, now))


def said(mark: Mark, new: Claim, held: int) -> Mark:
    """After a claim: a newer one covers all before it, but the oldest that waits is the first to come true."""
    if held >= new.seq:
        return Mark(_later(mark.until, new.until))
    return Mark(mark.until, mark.claim or new)


def stored(mark: Mark, held: int) -> Mark:
    """After the collector stored records of that journal."""
    if mark.claim is None or held < mark.claim.seq:
        return mark
    return Mark(_later(mark.until, mark.claim.until))


def _later(one: datetime | None, other: datetime) -> datetime:
    return max(one, other) if one else other
