"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import fleet, forwarding, grading, reading

for part in (reading, forwarding, grading, fleet):
    part.main()
