"""What the groups of `gardu-central`'s commands have in common."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime

import click

# Gives a command the settings and the database as its first arguments.
Decorator = Callable[[Callable[..., None]], Callable[..., None]]
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def who() -> str:
    """For the audit: whose login on this machine it was."""
    return f"cli:{getpass.getuser()}"


def now() -> datetime:
    return datetime.now(UTC)
