"""A command as it is typed, run in this process: starting Python anew for each costs more than the command."""

from __future__ import annotations

import logging
import os
from subprocess import CompletedProcess

import click
import structlog
from click.testing import CliRunner


def typed(program: click.Group, *arguments: str, **environ: str) -> CompletedProcess[str]:
    """What it said and how it ended. No `GARDU_…` of this process's environment reaches it."""
    clean: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GARDU_")}
    root, handlers, level, events = logging.root, logging.root.handlers[:], logging.root.level, structlog.get_config()
    mask = os.umask(0o022)
    try:
        done = CliRunner().invoke(program, arguments, env={**clean, **environ})
    finally:
        os.umask(mask)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**events)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
