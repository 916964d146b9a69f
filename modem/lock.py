"""One program at a time on one modem: a lock on the device itself, which ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from .messages import ModemError

_PSEUDO_TERMINALS = range(136, 144)  # majors; the simulator that serves one has it open as well

_PATIENCE = 1.5  # seconds: whoever had it may just be ending
_SHOWN = 80  # signs of another program's command line


def hold(device: str) -> int:
    """A descriptor that keeps others off until it is closed. ModemError, gone, when the device is missing or in use.

    Two programs that read from one modem take each other's answers, and neither notices.
    """
    if not Path(device).exists():
        raise ModemError(f"{device} does not exist", absent=True)
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ModemError(f"{device}: {error.strerror}", gone=True) from None
    end = time.monotonic() + _PATIENCE
    while not _locked(descriptor):
        if time.monotonic() >= end:
            os.close(descriptor)
            raise ModemError(f"{device} is in use by {_lock_owner(device)}; stop that first", gone=True)
        time.sleep(0.05)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def others(device: str) -> str:
    """Programs that have the device open without our lock, such as ModemManager, as far as they may be seen."""
    path = Path(device).resolve()
    if os.major(path.stat().st_rdev) in _PSEUDO_TERMINALS:
        return ""
    owners = {
        int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal() and _has(folder, path)
    }
    return ", ".join(_named(pid) for pid in sorted(owners - {os.getpid()}))


def _has(process: Path, device: Path) -> bool:
    try:
        return any(entry.readlink() == device for entry in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or is somebody else's
        return False


def _lock_owner(device: str) -> str:
    """By /proc/locks: `1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF`."""
    inode = str(Path(device).stat().st_ino)
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        rows = []
    pids = [int(row[4]) for row in rows if row[1:2] == ["FLOCK"] and row[5].rpartition(":")[2] == inode]
    return _named(pids[0]) if pids else "another program"


def _named(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ").strip()
    except OSError:
        command = ""
    return f"process {pid}" + (f" ({command[:_SHOWN]})" if command else "")
