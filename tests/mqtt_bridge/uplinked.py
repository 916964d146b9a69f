"""A made-up working day of an office, for the tests of what travels by SMS."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from mqtt_bridge.records import Action, Channel, Presence, Record, chained, genesis

GATEWAY = "dinkes-01"
JOURNAL = "4d1c9f00a1b2c3d4"
MORNING = datetime(2026, 11, 23, 23, 45, tzinfo=UTC)  # 06:45 WIB
EVENING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # 16:00 WIB
_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"


def employees(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return ["e-" + "".join(chance.choices(_SIGNS, k=10)) for _ in range(count)]


def punches(people: list[str], seed: int = 1) -> list[tuple[datetime, datetime, str, Action]]:
    """(received, at, employee, action) as they come in: in between 06:45 and 08:15, out between 16:00 and 17:00.

    Most SMS take some seconds; three in a hundred hang in a queue for up to six hours.
    """
    chance = random.Random(seed)
    made = []
    for action, start, span in ((Action.IN, MORNING, 90 * 60), (Action.OUT, EVENING, 60 * 60)):
        for employee in people:
            at = start + timedelta(seconds=chance.randrange(span))
            delay = chance.expovariate(1 / 8) if chance.random() < 0.97 else chance.uniform(60, 6 * 3600)
            made.append((at + timedelta(seconds=delay), at, employee, action))
    return sorted(made)


def day(people: list[str], seed: int = 1) -> list[Record]:
    """The records of such a day, chained."""
    made: list[Record] = []
    previous = genesis(GATEWAY, JOURNAL)
    for seq, (received, at, employee, action) in enumerate(punches(people, seed), 1):
        record = Record(
            seq=seq, employee=employee, action=action, at=at, received=received, channel=Channel.SMS,
            presence=Presence.NONE, flags=(), receipt=f"R{seq:03}", fingerprint=f"{seq:064x}",
        )  # fmt: skip
        made.append(chained(previous, record))
        previous = str(made[-1].hash)
    return made
