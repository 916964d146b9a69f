"""What people read, in their language: Indonesian is the source text, English its translation. The language is that
of whoever is served right now; without anybody, as in the background and in official documents, it is Indonesian.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from mqtt_bridge.records import Language

LOCALE = Path(__file__).parent / "locale"

_reader = ContextVar("reader", default=Language.INDONESIAN)


def reader() -> Language:
    return _reader.get()


def read_in(language: Language) -> None:
    """From now on, in this thread."""
    _reader.set(language)


@contextmanager
def reading(language: Language) -> Iterator[None]:
    token = _reader.set(language)
    try:
        yield
    finally:
        _reader.reset(token)


def N_(text: str) -> str:
    """Marks a text of a table: it is translated where it is shown."""
    return text


def _(text: str) -> str:
    """In the language of the reader."""
    return _translations(reader()).gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """The same for what English says differently of one and of many."""
    return _translations(reader()).ngettext(one, many, count)


def pgettext(where: str, text: str) -> str:
    """The same for a word that English says differently here and there."""
    return _translations(reader()).pgettext(where, text)


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    if language is Language.INDONESIAN:
        return gettext.NullTranslations()
    return gettext.translation("central", LOCALE, [language])
