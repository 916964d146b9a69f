"""Logging of every process: one line an event, for people on a terminal and as JSON elsewhere.

No phone number, NIP or check-in code belongs in an event; `redact` is the net under that rule.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import deque

import structlog
from structlog.typing import EventDict, WrappedLogger

# Six digits or more in a row are a number of a person or a code; seqs, counts and times are shorter. Fractions of
# seconds and hashes are not meant.
_REMEMBERED: deque[dict[str, str]] = deque(maxlen=30)
_DIGITS = re.compile(r"(?<![0-9a-fA-F])(?<!\d\.)\+?\d{6,}(?![0-9a-fA-F])")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _DIGITS.sub("[hidden]", value) if isinstance(value, str) else value for key, value in event.items()}


def remember(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Keeps the last warnings and errors in memory, for whoever asks from afar."""
    level = str(event.get("level", method))
    if level in ("warning", "error", "critical"):
        # The first lines of a traceback tell nothing that its last one does not.
        _REMEMBERED.append({key: str(value).strip().rpartition("\n")[2] for key, value in event.items()})
    return event


def remembered() -> list[dict[str, str]]:
    """The last warnings of this process, oldest first, without what `redact` hides."""
    return list(_REMEMBERED)


def set_up(level: str = "INFO") -> None:
    """Route the standard library's logging and structlog through one formatter on standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    people = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(sort_keys=True)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, remember, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
