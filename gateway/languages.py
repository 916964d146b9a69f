"""The translations of what people are told, read once."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path

from mqtt_bridge.records import Language

LOCALE = Path(__file__).parent / "locale"


@cache
def translator(language: Language) -> Callable[[str], str]:
    """From the Indonesian text to that language's."""
    if language is Language.INDONESIAN:
        return str
    return gettext.translation("gateway", LOCALE, [language]).gettext
