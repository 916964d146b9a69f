"""Which gateways somebody wants to see, in which order, on which page; and how many there are of each state. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import states
from .queries import Gateway
from .states import State

PAGE = 50
# What can be sorted by, and the value of it; None comes last, whichever way.
SORTS: dict[str, Callable[[Gateway], Any]] = {
    "state": lambda each: states.worst_first(each.condition.state),
    "gateway": lambda each: each.id,
    "signal": lambda each: each.status.modem.signal if each.status else None,
    "queue": lambda each: each.waiting + each.provisional,
    "seen": lambda each: each.seen,
    "sim": lambda each: each.status.sim.balance if each.status and each.status.sim else None,
    "clock": lambda each: each.status.clock_trusted if each.status else None,
    "disk": lambda each: each.status.disk_free if each.status else None,
    "heat": lambda each: each.status.heat if each.status else None,
    "version": lambda each: _version(each.status.version) if each.status else None,
    "certificate": lambda each: each.status.certificate_until if each.status else None,
    "complete": lambda each: each.complete,
}


@dataclass(frozen=True, slots=True)
class View:
    """All that is empty does not narrow. `sort` is one of `SORTS`, with `-` before it from the other end."""

    search: str = ""
    state: str = ""
    tag: str = ""
    sort: str = "state"
    page: int = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """`counts` are of all that fit but for their state, so that each can be chosen; `found` of those that fit."""

    gateways: Sequence[Gateway]
    counts: Counter[State]
    found: int
    page: int
    pages: int


def view(search: str, state: str, tag: str, sort: str, page: int) -> View:
    """Out of an address: what is unknown there does not count."""
    known = sort if sort.removeprefix("-") in SORTS else "state"
    return View(search.strip()[:100], state if state in set(State) else "", tag.strip()[:40], known, max(1, page))


def choose(gateways: Iterable[Gateway], wanted: View) -> Shown:
    fitting = [each for each in gateways if _fits(each, wanted)]
    counts = Counter(each.condition.state for each in fitting)
    chosen = ordered([each for each in fitting if wanted.state in ("", each.condition.state)], wanted.sort)
    pages = max(1, -(-len(chosen) // PAGE))
    page = min(wanted.page, pages)
    return Shown(chosen[(page - 1) * PAGE : page * PAGE], counts, len(chosen), page, pages)


def ordered(gateways: list[Gateway], sort: str) -> list[Gateway]:
    """Those that are alike by their state and name."""
    value, backwards = SORTS[sort.removeprefix("-")], sort.startswith("-")
    gateways = sorted(gateways, key=lambda each: (SORTS["state"](each), each.id))
    known = [each for each in gateways if value(each) is not None]
    return sorted(known, key=value, reverse=backwards) + [each for each in gateways if value(each) is None]


def tags(gateways: Iterable[Gateway]) -> list[str]:
    return sorted({tag for each in gateways for tag in each.labels.tags})


def _fits(gateway: Gateway, wanted: View) -> bool:
    """The search is part of its id, name, number or one of its tags."""
    labels = gateway.labels
    if wanted.tag and wanted.tag not in labels.tags:
        return False
    text = wanted.search.casefold()
    if not text or any(text in place for place in (gateway.id, labels.name.casefold(), *labels.tags)):
        return True
    digits = "".join(sign for sign in text if sign.isdecimal()).removeprefix("0")
    return len(digits) >= 3 and not any(sign.isalpha() for sign in text) and digits in labels.number


def _version(text: str) -> tuple[tuple[int, str], ...]:
    """0.10.0 comes after 0.9.1."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in text.split("."))
