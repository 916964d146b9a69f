"""What the statements of one person on one day come to, whatever the order in which they arrived. Pure.

Both sides need it alike: the gateway to answer, the collector to grade.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .records import Action

# Longer than any presence code lives (see `Policy`): what was typed to come can not be typed to go.
STAY = timedelta(minutes=10)
# Who sends only a code again so soon was not sure that the first one counted.
SECOND_THOUGHT = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Punch:
    """One statement; `inferred` when only a code was sent, so that its action depends on the others."""

    action: Action
    at: datetime
    receipt: str
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The first that counts for coming and the last that counts for going."""

    came: Punch | None
    left: Punch | None


def settle(punches: Iterable[Punch]) -> Day:
    """The first coming and the last going count. A lone code comes if nothing came before it, else it goes.

    Only minimum and maximum decide, and the bounds for going move with the first coming: leaving out a coming behind
    another, or a going before another, changes nothing.
    """
    moves = [punch for punch in punches if punch.action in (Action.IN, Action.OUT)]
    came = min((punch for punch in moves if punch.inferred or punch.action is Action.IN), key=_at, default=None)
    left = [
        punch for punch in moves if _may_leave(punch) and (came is None or punch.at >= came.at + _wait(punch, came))
    ]
    return Day(came, max(left, key=_at, default=None))


def _may_leave(punch: Punch) -> bool:
    return punch.inferred or punch.action is Action.OUT


def _wait(punch: Punch, came: Punch) -> timedelta:
    if punch.inferred:
        return SECOND_THOUGHT
    # Whose lone code was taken for coming may say at once that it was not.
    return timedelta(0) if came.inferred else STAY


def _at(punch: Punch) -> datetime:
    return punch.at
