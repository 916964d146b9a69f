"""A month by a draft of the rules beside the rules in force: what would become another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .attendance import Person, PersonDay
from .rules import NOTHING, DayResult


@dataclass(frozen=True, slots=True)
class Difference:
    person: Person
    date: date
    now: DayResult | None
    draft: DayResult | None

    @property
    def change(self) -> Decimal:
        return _share(self.draft) - _share(self.now)


def differences(now: Iterable[PersonDay], draft: Iterable[PersonDay]) -> list[Difference]:
    """Of the same people and days in the same order."""
    pairs = zip(now, draft, strict=True)
    return [
        Difference(one.person, one.date, one.result, other.result)
        for one, other in pairs
        if _gist(one.result) != _gist(other.result)
    ]


def change(found: Sequence[Difference]) -> Decimal:
    return sum((each.change for each in found), NOTHING)


def _gist(result: DayResult | None) -> tuple[object, ...] | None:
    return (result.status, result.grades, result.percent) if result else None


def _share(result: DayResult | None) -> Decimal:
    return result.percent if result else NOTHING
