"""gammu-smsd, the daemon that comes with libgammu: it reads, keeps and deletes as well, but decides nothing."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PROGRAM = "gammu-smsd"
_TABLES = Path("/usr/share/doc/gammu-smsd/examples/sqlite.sql")
_LIBDBI = "/usr/lib/*/dbd/libdbdsqlite3.so"
_SECONDS = 120.0
_GLANCE = 0.02

_CONFIG = """
[gammu]
device = {device}
connection = at
[smsd]
logfile = {folder}/smsd.log
debuglevel = 0
checkbattery = 0
checksignal = 0
checksecurity = 0
loopsleep = 0
receivefrequency = 0
statusfrequency = 0
{backend}
"""
_BACKENDS = {
    "files": "service = files\ninboxpath = {folder}/inbox/\noutboxpath = {folder}/\nsentsmspath = {folder}/\n"
    "errorsmspath = {folder}/",
    "SQLite": "service = sql\ndriver = sqlite3\ndbdir = {folder}\ndatabase = smsd.db",
}


def missing() -> str | None:
    """What keeps it from being measured here, with how to mend it."""
    if not shutil.which(PROGRAM):
        return f"{PROGRAM} is not installed; as root: apt-get install gammu-smsd libdbd-sqlite3"
    if not any(Path("/").glob(_LIBDBI.lstrip("/"))):
        return "libdbd-sqlite3 is not installed; as root: apt-get install libdbd-sqlite3"
    return None


def rate(backend: str, device: Path, folder: Path, left: Callable[[], int]) -> float:
    """SMS/s from the first SMS that is gone from the modem to the last; `left` counts those still there.

    Opening the modem is not counted. Nobody looks into its database meanwhile: that would lock it out.
    """
    (folder / "inbox").mkdir()
    if backend == "SQLite":
        with closing(sqlite3.connect(folder / "smsd.db")) as database:
            database.executescript(_TABLES.read_text())
    config = folder / "smsdrc"
    config.write_text(_CONFIG.format(device=device, folder=folder, backend=_BACKENDS[backend].format(folder=folder)))
    daemon = subprocess.Popen(
        [PROGRAM, "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        all_ = left()
        first, remaining = _until(lambda: left() < all_), left()
        took = _until(lambda: left() == 0) - first
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
    assert _kept(backend, folder) == all_
    return remaining / took


def _kept(backend: str, folder: Path) -> int:
    if backend == "files":
        return sum(1 for _ in (folder / "inbox").iterdir())
    with closing(sqlite3.connect(folder / "smsd.db")) as database:
        return int(database.execute("SELECT COUNT(*) FROM inbox").fetchone()[0])


def _until(truth: Callable[[], bool]) -> float:
    """When it came true."""
    end = time.perf_counter() + _SECONDS
    while not truth():
        if time.perf_counter() > end:
            raise TimeoutError(f"{PROGRAM} did not take all SMS within {_SECONDS:g} seconds")
        time.sleep(_GLANCE)
    return time.perf_counter()
