"""From a text to what it asks for. Pure.

A false record is worse than a second try: a text comes or goes only when nothing is left over but a keyword, a code
and words that change nothing. Whatever else people write ("besok saya hadir rapat", "hadir?") is chatter, and what
looks like a try gets the one hint that mends it. Keywords may have one slip of the finger, codes an O for 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from mqtt_bridge.records import Action

from .commands import (
    BareCode,
    Choice,
    Command,
    Dispute,
    Fault,
    Help,
    Menu,
    Mistake,
    Query,
    Register,
    Scope,
    Silence,
    Statement,
)
from .words import (
    CHATTER,
    ILL_WORDS,
    LEAVE_WORDS,
    NOT_TODAY,
    OUTING_WORDS,
    PHRASES,
    POLITE_WORDS,
    RELATIVES,
    TO_OTHERS,
    is_filler,
    nearest,
    one_slip,
    spelled,
)

LONGEST = 80  # of what comes or goes
LONGEST_NOTE = 300  # of what carries words of its own
DIGITS = 6
NIP = 18
NOTE = 100


_MOVES = {
    "hadir": Action.IN, "masuk": Action.IN, "datang": Action.IN, "checkin": Action.IN,
    "pulang": Action.OUT, "checkout": Action.OUT,
}  # fmt: skip
_ABSENCES = {"sakit": Action.SICK, "izin": Action.LEAVE, "dl": Action.DUTY, "dinas luar": Action.DUTY}
_ALONE: dict[str, Command] = {
    "cek": Query(Scope.DAY), "cek bulan": Query(Scope.MONTH), "cek bln": Query(Scope.MONTH),
    "cekbulan": Query(Scope.MONTH), "cek rekap": Query(Scope.MONTH), "rekap": Query(Scope.MONTH),
    "rekap bulan": Query(Scope.MONTH), "bantu": Help(), "bantuan": Help(), "help": Help(), "info": Help(),
    "petunjuk": Help(), "menu": Menu(), "stop": Silence(on=True), "stop sms": Silence(on=True),
    "stop balasan": Silence(on=True), "mulai": Silence(on=False), "start": Silence(on=False),
    "mulai balasan": Silence(on=False),
}  # fmt: skip
_TIMES = "(?:pagi|siang|sore|malam)"
_GREETING = re.compile(rf"(?<=\babsen ){_TIMES}\b|\b(?:selamat|slmt|slamat|met) {_TIMES}\b|^{_TIMES}\b")
_CHECK = re.compile(r"\b(?:check|chek|cek|ceck|chck) ?(in|out)\b")
_REPEATED = re.compile(r"([a-z])\1{2,}")
# Between two of a kind they only show that both were meant.
_BETWEEN = {"dan", "atau", "dn"}
_CHUNK = re.compile(r"[a-z0-9]+")
_FOLD = str.maketrans("oil", "011")


def parse(text: str) -> Command | None:
    """The one thing that the text asks for; None when it asks for none, or could mean more than one."""
    folded = _folded(text)
    if folded == "?":
        return Help()
    if len(folded) > LONGEST_NOTE or _has_foreign_letters(folded) or any(phrase in folded for phrase in PHRASES):
        return None
    if "?" in folded:
        return _questioned(folded)
    if re.fullmatch(r"[0-9]{1,2}", folded):
        return Choice(int(folded))
    opening, words = _read(folded)
    if set(opening) & RELATIVES and words[:1] == ["sakit"]:
        return Mistake(Fault.UNSURE, Action.SICK)  # "ibu saya sakit" is about her
    return _told(words, folded) or (_moves(words, folded) if len(folded) <= LONGEST else None)


def _questioned(folded: str) -> Command | None:
    """A question asks for nothing, unless it is one for which there is a word."""
    words = _read(folded)[1] if folded.endswith("?") and " " not in folded else []
    command = _alone(words)
    if words == ["sanggah"]:
        return Mistake(Fault.NO_TEXT)
    return command if isinstance(command, Query | Help | Menu) else None


def _read(folded: str) -> tuple[list[str], list[str]]:
    """The words of politeness at the beginning, and the words and numbers that follow them."""
    plain = _CHECK.sub(r"check\1", _REPEATED.sub(r"\1", _GREETING.sub(" ", folded)))
    words = _joined([part for chunk in _CHUNK.findall(plain) for part in _parts(chunk)])
    begins = next((place for place, word in enumerate(words) if not is_filler(word)), len(words))
    return words[:begins], words[begins:]


def _joined(words: list[str]) -> list[str]:
    """Letters with spaces between them, and a keyword with one space in it, are put together again."""
    letters = [word for word in words if not word.isdigit()]
    if len(letters) > 1 and all(len(word) == 1 for word in letters):
        return ["".join(letters), *(word for word in words if word.isdigit())]
    for place in range(len(words) - 1):
        whole = words[place] + words[place + 1]
        if whole in {*_MOVES, "dl"}:
            return [*words[:place], whole, *words[place + 2 :]]
    return words


def _folded(text: str) -> str:
    """Small letters, without what can not be seen."""
    plain = unicodedata.normalize("NFKC", text[: 4 * LONGEST_NOTE]).casefold()
    if len(text) > 4 * LONGEST_NOTE:
        return plain
    seen = ("" if unicodedata.category(sign) == "Cf" else sign if sign.isprintable() else " " for sign in plain)
    return " ".join("".join(seen).split())


def _has_foreign_letters(text: str) -> bool:
    """Letters or digits that the pattern for words would silently pass over."""
    return any(sign.isalnum() and not sign.isascii() for sign in text)


def _parts(chunk: str) -> Sequence[str]:
    """The words and numbers of what stands together: `hadir482913` is two of them, `48291o` is a number."""
    if chunk.isdigit() or nearest(chunk):
        return [chunk]
    if number := _number(chunk):
        return [number]
    for word in (*_MOVES, "daftar"):
        for tail in (chunk.removeprefix(word), chunk.removesuffix(word)):
            if tail not in (chunk, "") and (_number(tail) or is_filler(tail)):
                return [word, _number(tail) or tail]
    return re.findall(r"[a-z]+|[0-9]+", chunk)


def _number(chunk: str) -> str | None:
    """The digits of it, where an O or an l among them was meant as one."""
    folded = chunk.translate(_FOLD)
    digits = sum(sign.isdigit() for sign in chunk)
    return folded if folded.isdigit() and digits and (len(chunk) <= DIGITS or digits > len(chunk) // 2) else None


# What is asked or told with its keyword first


def _told(words: Sequence[str], folded: str) -> Command | None:
    if not words:
        return None
    alone = _alone(words)
    if alone:
        return alone
    first = nearest(words[0])
    if _is_outing(words):
        return _absence("dinas luar", words[1 if words[0] == "dinasluar" else 2 :], folded)
    if first == "izin" and len(words) > 1:
        polite = _after_izin(words, folded)
        if polite:
            return polite
    if first in _ABSENCES and (spelled(words[0]) or len(words) <= 3 or set(words) & LEAVE_WORDS):
        return _absence(first, words[1:], folded)
    if first == "sanggah":
        return _dispute(words, folded)
    if first == "daftar":
        return _register(words[1:])
    if nearest(words[-1]) == "daftar" and len("".join(words[:-1])) == NIP:
        return _register(words[:-1])
    return None


def _is_outing(words: Sequence[str]) -> bool:
    if words[0] == "dinasluar":
        return True
    return len(words) > 1 and _same("dinas", words[0]) and _same("luar", words[1])


def _same(keyword: str, word: str) -> bool:
    return word == keyword or one_slip(word, keyword)


def _after_izin(words: Sequence[str], folded: str) -> Command | None:
    """`izin pulang`, `ijin sakit demam`: there the word is mere politeness."""
    rest = list(words[1:])
    while rest and is_filler(rest[0]):
        rest = rest[1:]
    if rest and rest[0] == "sakit":
        return _absence("sakit", rest[1:], folded)
    moved = _moves(rest, folded) if rest and len(folded) <= LONGEST else None
    return moved if isinstance(moved, Statement) else None


def _dispute(words: Sequence[str], folded: str) -> Command:
    said = _after(words[0], folded)
    empty = all(is_filler(word) for word in words[1:])
    return Mistake(Fault.NO_TEXT) if empty else Dispute(said[:NOTE])


def _alone(words: Sequence[str]) -> Command | None:
    """Words that mean something only when nothing else stands beside them."""
    meant = [word for word in words if not is_filler(word)]
    if not meant or len(meant) > 2 or set(words) & TO_OTHERS:
        return None
    second = ["bulan" if _same("bulan", word) else word for word in meant[1:]]
    return _ALONE.get(" ".join([nearest(meant[0]) or meant[0], *second]))


def _absence(keyword: str, rest: Sequence[str], folded: str) -> Command | None:
    """Ill, on leave, on duty elsewhere: with words that tell no more than why."""
    action = _ABSENCES[keyword]
    said = [word for word in rest if not is_filler(word)]
    if not said:
        # "izin pak" opens a talk; who is on leave says only that, or why.
        return Mistake(Fault.UNSURE, action) if action is Action.LEAVE and rest else Statement(action)
    if set(said) & CHATTER:
        return None
    fits = {
        Action.SICK: set(said) <= ILL_WORDS,
        Action.LEAVE: bool(set(said) & LEAVE_WORDS) and not set(said) & POLITE_WORDS and said[0] != "masuk",
        Action.DUTY: said[0] in OUTING_WORDS,
    }
    if not fits[action] or set(said) & NOT_TODAY:
        return Mistake(Fault.UNSURE, action)
    return Statement(action, note=_after(keyword.split()[-1], folded)[:NOTE])


def _after(word: str, folded: str) -> str:
    """What stands behind that word, or behind the first one where it was mistyped."""
    place = folded.find(word)
    rest = folded[place + len(word) :] if place >= 0 else folded.partition(" ")[2]
    return rest.strip(" .,:;-!/")


def _register(rest: Sequence[str]) -> Command | None:
    said = [word for word in rest if not is_filler(word) and word != "nip"]
    if not all(word.isdigit() for word in said):
        return None
    nip = "".join(said)
    return Register(nip) if len(nip) == NIP else Mistake(Fault.NO_NIP)


# Coming and going


def _moves(words: Sequence[str], folded: str) -> Command | None:
    meant = [word for word in words if not is_filler(word)]
    numbers = [word for word in meant if word.isdigit()]
    spoken = [word for word in meant if not word.isdigit() and word not in _BETWEEN]
    keywords = [nearest(word) for word in spoken]
    actions = {_MOVES[keyword] for keyword in keywords if keyword in _MOVES}
    if not spoken:
        return _bare(numbers, folded)
    if len(actions) > 1:
        return Mistake(Fault.BOTH_WAYS) if None not in keywords else None
    if not actions:
        return None
    (action,) = actions
    if any(keyword not in _MOVES for keyword in keywords):
        return _unsure(words, spoken, action)
    return _with_code(action, numbers)


def _bare(numbers: Sequence[str], folded: str) -> Command | None:
    code = "".join(numbers)
    sizes = [len(number) for number in numbers]
    if len(sizes) > 1 and set(sizes) == {DIGITS}:
        return BareCode(numbers[0]) if len(set(numbers)) == 1 else Mistake(Fault.TWO_CODES)
    # With points, commas or strokes between, it is a price, a date or a time of day.
    parted = re.search(r"[0-9][/:.,][0-9]", folded) or (sizes == [2, 2, 2] and "-" in folded)
    grouped = sizes in ([3, 3], [2, 2, 2], [1] * DIGITS) and not parted
    if sizes == [DIGITS] or grouped:
        return BareCode(code)
    return Mistake(Fault.CODE_LENGTH) if sizes in ([DIGITS - 1], [DIGITS + 1]) else None


def _with_code(action: Action, numbers: Sequence[str]) -> Command:
    if not numbers:
        return Statement(action)
    if len("".join(numbers)) == DIGITS:
        return Statement(action, "".join(numbers))
    whole = [number for number in numbers if len(number) == DIGITS]
    if len(whole) > 1:
        same = len(set(whole)) == 1 == len(set(numbers))
        return Statement(action, whole[0]) if same else Mistake(Fault.TWO_CODES, action)
    return Mistake(Fault.CODE_LENGTH, action)


def _unsure(words: Sequence[str], spoken: Sequence[str], action: Action) -> Command | None:
    """Something is left over: a try if the keyword comes first and little follows, else chatter."""
    begins = nearest(spoken[0]) in _MOVES
    return Mistake(Fault.UNSURE, action) if begins and len(words) <= 4 else None
