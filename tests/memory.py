"""A file system in memory for what need not outlive a test: waiting for disks is most of the time there otherwise."""

from __future__ import annotations

import os
import shutil

_SHARED = "/dev/shm"
_LEAST = 2_000_000_000  # bytes


def in_memory() -> str | None:
    """The folder; None on a machine that has too little of it."""
    usable = os.access(_SHARED, os.W_OK) and shutil.disk_usage(_SHARED).free > _LEAST
    return _SHARED if usable else None
