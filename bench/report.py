"""How measurements are told: each side's median, and the medians of the ratios run by run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

RUNS = 5


def compare(title: str, unit: str, ours: Callable[[], float], peers: Mapping[str, Callable[[], float]]) -> None:
    """Run all in turn, so that a machine whose speed drifts treats them alike; each returns a rate."""
    runs = [(ours(), {name: peer() for name, peer in peers.items()}) for _ in range(RUNS)]
    print(f"{title}, medians of {RUNS} runs\n  Gardu {median(mine for mine, _ in runs):,.0f} {unit}")
    for name in peers:
        rate = median(theirs[name] for _, theirs in runs)
        ratio = median(mine / theirs[name] for mine, theirs in runs)
        print(f"  {name} {rate:,.0f} {unit}: Gardu's is {ratio:.2f} of it")
