"""How measurements are told: each side's median, and the median of the pairwise ratios."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

RUNS = 5


def compare(title: str, unit: str, ours: Callable[[], float], peer: Callable[[], float], peer_name: str) -> None:
    """Run both in turn, so that a machine whose speed drifts treats them alike; both return a rate."""
    pairs = [(ours(), peer()) for _ in range(RUNS)]
    ratio = median(mine / theirs for mine, theirs in pairs)
    mine, theirs = (median(side) for side in zip(*pairs, strict=True))
    print(f"{title}\n  Gardu {mine:,.0f} {unit} · {peer_name} {theirs:,.0f} {unit} · ratio {ratio:.2f} ({RUNS} runs)")
