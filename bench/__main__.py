"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import forwarding, grading, proving, reading

for part in (reading, forwarding, grading, proving):
    part.main()
