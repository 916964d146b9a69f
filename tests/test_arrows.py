"""Who may import whom: the structure that the code keeps, read from the code itself."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"gateway", "modem", "mqtt_bridge", "central"}
ALLOWED = {
    "modem": set(),
    "mqtt_bridge": set(),
    "gateway": {"modem", "mqtt_bridge"},
    "central": {"mqtt_bridge", "modem"},
}  # fmt: skip
# Central has a modem only where it takes records by SMS.
CENTRAL_MODEM = {"central/uplink.py", "central/__main__.py"}
ONE_IMPORTER = {
    "gammu": {"modem/driver.py"},
    "paho": {"mqtt_bridge/client.py"},
    "iotcore": {"mqtt_bridge/broker.py"},
    "peewee": {"gateway/store.py", "central/database.py"},
    "playhouse": {"central/database.py"},
    "phonenumbers": {"mqtt_bridge/phones.py"},
    "psutil": {"gateway/health.py"},
    "xlsxwriter": {"central/exports.py"},
    "python_calamine": {"central/workbooks.py"},
    "standardwebhooks": {"central/webhooks.py"},
    "pyotp": {"gateway/presence.py", "central/second_factor.py"},
    "segno": {"gateway/web/screen.py", "central/qr.py"},
    "holidays": {"central/calendar.py"},
    "serial": {"modem/usb.py"},
    "apprise": {"central/channels.py"},
}
EDGES = {
    "os", "pathlib", "socket", "subprocess", "threading", "time", "sqlite3", "peewee", "flask", "random", "secrets",
    "logging", "structlog", "shutil", "tempfile", "urllib", "http", "select", "signal",
}  # fmt: skip

FILES = [path.relative_to(ROOT).as_posix() for package in sorted(OURS) for path in (ROOT / package).rglob("*.py")]


@cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


@cache
def imports(file: str) -> frozenset[str]:
    """Top-level modules that a file imports, its own package's relative imports as that package."""
    found = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(file.partition("/")[0] if node.level else (node.module or "").partition(".")[0])
    return frozenset(found)


def pure() -> list[str]:
    """A file that calls itself pure in its docstring is held to it."""
    return [file for file in FILES if re.search(r"\bPure\b", ast.get_docstring(parsed(file)) or "")]


def test_packages_import_only_what_they_may() -> None:
    for file in FILES:
        package = file.partition("/")[0]
        assert imports(file) & OURS <= ALLOWED[package] | {package}, file


def test_central_knows_a_modem_only_where_it_takes_sms() -> None:
    users = {file for file in FILES if file.startswith("central/") and "modem" in imports(file)}
    assert users <= CENTRAL_MODEM


@pytest.mark.parametrize("library", ONE_IMPORTER)
def test_a_foreign_library_has_one_importer(library: str) -> None:
    assert {file for file in FILES if library in imports(file)} <= ONE_IMPORTER[library]


def test_the_rules_are_pure() -> None:
    assert {"gateway/decide.py", "gateway/moves.py", "mqtt_bridge/day.py", "central/rules.py"} <= set(pure())


def test_pure_files_touch_nothing() -> None:
    for file in pure():
        assert not imports(file) & EDGES, file
        calls = (node.func for node in ast.walk(parsed(file)) if isinstance(node, ast.Call))
        named = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        assert not named & {"now", "today", "utcnow", "monotonic"}, file


def test_the_top_level_is_what_was_agreed() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"} == OURS
