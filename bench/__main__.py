"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import forwarding, grading, reading, waking

for part in (reading, waking, forwarding, grading):
    part.main()
