from __future__ import annotations

import gettext
import inspect
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import gateway.replies
from gateway.languages import LOCALE
from gateway.replies import LONGEST, Texts
from mqtt_bridge.day import Day, Punch
from mqtt_bridge.records import Action, Language

PO = LOCALE / "en/LC_MESSAGES/gateway.po"
# The longest that each kind of value can be.
LATE = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
VALUES = {
    "action": [*Action, None], "at": [LATE], "came": [LATE], "until": [LATE], "receipt": ["WWWW"], "late": [0, 1439],
    "early": [0, 1439], "own_time": [True, False], "coded": [True, False], "optional": [True, False],
    "aliases": ["W" * 60], "keyword": ["PULANG"], "prompt": [""], "day": [date(2026, 9, 30)], "present": [31],
    "minutes": [14000], "unfinished": [31],
}  # fmt: skip


def every_text(texts: Texts) -> Iterator[tuple[str, str]]:
    """The name and the text of every sentence, with every combination that may make it longer."""
    for name, method in inspect.getmembers(texts, inspect.ismethod):
        if name.startswith("_") or name in {"of_day", "of_month", "name", "moment", "clock", "day", "wrong_choice"}:
            continue
        names = list(inspect.signature(method).parameters)
        for choice in range(4):
            values = {each: VALUES[each][choice % len(VALUES[each])] for each in names}
            if values.get("late") and values.get("early"):
                values["early"] = 0
            yield name, method(**values)
    absences = {Action.SICK: 31, Action.LEAVE: 31, Action.DUTY: 31}
    day = date(2026, 9, 30)
    both = Day(Punch(Action.IN, LATE, "WWWW"), Punch(Action.OUT, LATE, "WWWW"))
    yield "of_day", texts.of_day(day, both, tuple(absences))
    yield "of_month", texts.of_month(day, present=31, late=31, minutes=14000, unfinished=31, absences=absences)
    for prompt in (texts.menu(), texts.menu_sure("SAKIT"), texts.menu_code(optional=True), texts.menu_nip()):
        yield "wrong_choice", texts.wrong_choice(prompt)


# What every character of the basic table of GSM 7 bit needs one place for (3GPP TS 23.038, 6.2.1).
GSM = set("@$\n !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"])
def test_every_text_is_one_sms(language: Language, zone: str) -> None:
    told = list(every_text(Texts(language, ZoneInfo(zone))))
    assert len(told) > 100
    for name, text in told:
        assert len(text) <= LONGEST, f"{name}: {len(text)} signs: {text}"
        assert set(text) <= GSM, f"{name}: {set(text) - GSM}"
        assert "{" not in text


def test_every_text_is_there_in_english() -> None:
    source = Path(gateway.replies.__file__)
    wanted = {message for _, message, _, _ in extract_from_file("python", source, keywords={"_": None, "N_": None})}
    with PO.open("rb") as file:
        catalog = read_po(file, locale="en")
    held = {message.id: message.string for message in catalog if message.id}
    assert set(held) == wanted, "run `make texts`, and translate what is new"
    assert all(held.values()), [text for text, english in held.items() if not english]
    assert not [message.id for message in catalog if message.id and message.fuzzy]
    compiled = gettext.translation("gateway", LOCALE, ["en"])
    assert {text: compiled.gettext(text) for text in held} == held, "run `make texts`"


def test_the_languages_differ() -> None:
    zone = ZoneInfo("Asia/Jakarta")
    assert "tercatat" in Texts(Language.INDONESIAN, zone).recorded(Action.IN, LATE, "K7QF", own_time=False)
    assert "recorded" in Texts(Language.ENGLISH, zone).recorded(Action.IN, LATE, "K7QF", own_time=False)
