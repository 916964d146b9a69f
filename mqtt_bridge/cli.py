"""What the command lines of both sides have in common."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import click

from .keys import BadKey
from .settings import ConfigError

T = TypeVar("T")


class Misconfigured(click.ClickException):
    """One line on standard error, and EX_CONFIG of sysexits.h."""

    exit_code = 78


def configured(
    read: Callable[[Path, Mapping[str, str]], T], default: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `--config`, and as its first argument what `read` makes of that file and the environment."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--config", "path", type=click.Path(path_type=Path), default=default, show_default=True,
            help="The configuration file.",
        )  # fmt: skip
        @wraps(command)
        def wrapper(path: Path, **options: Any) -> None:
            try:
                command(read(path, os.environ), **options)
            except (ConfigError, BadKey) as error:
                raise Misconfigured(str(error)) from None

        return wrapper

    return decorate


def told_to_stop() -> Callable[[], int]:
    """Waits until the process is told to stop; made before anything starts, as what comes meanwhile counts too."""
    told: SimpleQueue[int] = SimpleQueue()  # what a signal handler may use: it may interrupt itself (Python, queue)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    return told.get
