"""Shipped files of other projects are what they are said to be."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTED = {
    path: file["sha256"]
    for file in tomllib.loads((ROOT / "deploy" / "vendored.toml").read_text())["file"]
    for path in file["paths"]
}


def test_every_shipped_file_is_listed_and_unchanged() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for package in ("gateway", "central", "modem")
        for path in (ROOT / package).rglob("vendor/*")
        if path.is_file()
    }
    assert found == LISTED
