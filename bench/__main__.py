"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import fleet, forwarding, grading, proving, reading

for part in (reading, forwarding, grading, proving, fleet):
    part.main()
