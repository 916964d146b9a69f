"""What goes wrong, and when: all of it drawn from one seed, so that a failure can be run again."""

from __future__ import annotations

import random
from typing import Any


class PowerCut(BaseException):
    """The process is gone between two instructions. No `except Exception` may catch it."""


class Fate:
    """Draws mishaps. While `calm`, nothing goes wrong.

    Every call of a port passes `point` before and after; at some of them the power is cut, by chance (`cuts`, a
    probability) or at the `cut_at`th of them, counted from 1.
    """

    def __init__(self, seed: int, *, cuts: float = 0.0, mishaps: float = 0.0, cut_at: int | None = None) -> None:
        self.random = random.Random(seed)
        self.cuts = cuts
        self.mishaps = mishaps
        self.cut_at = cut_at
        self.points = 0
        self.calm = False

    def point(self, where: str) -> None:
        if self.calm:
            return
        self.points += 1
        if self.points == self.cut_at or self.random.random() < self.cuts:
            raise PowerCut(where)

    def mishap(self, weight: float = 1.0) -> bool:
        return not self.calm and self.random.random() < self.mishaps * weight


class Fragile:
    """Stands before a port, and lets the power fail before and after each of its calls."""

    def __init__(self, port: Any, fate: Fate, name: str) -> None:
        self._port = port
        self._fate = fate
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            self._fate.point(f"before {self._name}.{attribute}")
            result = value(*arguments, **named)
            self._fate.point(f"after {self._name}.{attribute}")
            return result

        return call
