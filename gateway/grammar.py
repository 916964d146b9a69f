"""From a text to what it asks for. Pure.

A text is a check-in only when nothing is left over: one keyword, a code perhaps, and words that change nothing.
Whatever else a person writes ("besok saya hadir rapat", "hadir?") is chatter: a false record is worse than a
second try.
"""

from __future__ import annotations

import re
import unicodedata

from mqtt_bridge.records import Action

KEYWORDS = {
    "hadir": Action.IN,
    "masuk": Action.IN,
    "pulang": Action.OUT,
}
# Words around the keyword that change nothing about what is asked.
FILLERS = frozenset({"absen", "absensi", "presensi", "saya", "pak", "bu", "kerja"})
LONGEST = 60

_WORD = re.compile(r"[a-z]+|[0-9]+")
_CODE = re.compile(r"[0-9]{4,6}")


def parse(text: str) -> Action | None:
    """The one thing that the text asks for; None when it asks for none, or could mean more than one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if len(folded) > LONGEST or "?" in folded or _has_foreign_letters(folded):
        return None
    words = [word for word in _WORD.findall(folded) if word not in FILLERS]
    codes = [word for word in words if word.isdigit()]
    actions = {KEYWORDS.get(word) for word in words if not word.isdigit()}
    if len(actions) != 1 or len(codes) > 1 or not all(map(_CODE.fullmatch, codes)):
        return None
    return actions.pop()


def _has_foreign_letters(text: str) -> bool:
    """Letters or digits that the pattern for words would silently pass over."""
    return any(sign.isalnum() and not sign.isascii() for sign in text)
