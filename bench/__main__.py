"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import fleet, forwarding, grading, proving, reading, waking

for part in (reading, waking, forwarding, grading, proving, fleet):
    part.main()
