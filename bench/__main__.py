"""`make bench`: every measurement, one after another."""

from __future__ import annotations

from . import forwarding, reading

for part in (reading, forwarding):
    part.main()
