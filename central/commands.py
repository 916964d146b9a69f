"""What the groups of `gardu-central`'s commands have in common."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mqtt_bridge import cli

from . import config
from .access import BadPassword
from .config import Config
from .database import StorageError
from .parts import now, open_database
from .refusal import Refusal
from .registrar import Declined

__all__ = ["AS_JSON", "configured", "now", "who", "with_database"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")

configured = cli.configured(config.read, "/etc/gardu/central.toml")


def with_database(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the settings and the database as its first arguments; what fails is one line."""

    @configured
    @wraps(command)
    def wrapper(settings: Config, **options: Any) -> None:
        try:
            command(settings, open_database(settings), **options)
        except (StorageError, Declined, Refusal, BadPassword, OSError) as error:
            raise click.ClickException(str(error)) from None

    return wrapper


def who() -> str:
    """For the audit: whose login on this machine it was."""
    return f"cli:{getpass.getuser()}"
