"""Dialogues of `tests/conversations` on the air: by SMS through real libgammu on the simulated modem, and the menu
over USSD as well, with all that runs in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, zip_longest
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from .conversations.test_conversations import lines
from .system import System, fetch
from .waiting import eventually

FOLDER = Path(__file__).parent / "conversations"
WIB = ZoneInfo("Asia/Jakarta")
# Those that happen on one day, with an ordinary policy, and in which only the SMS centre's clock matters.
BY_SMS = (
    "cek_sepanjang_hari", "emoji_dan_aksara", "menu_sakit", "nama_pengirim_meniru",
    "orang_asing_bertanya", "singkatan", "stop_dan_mulai", "ulangan", "untuk_besok",
)  # fmt: skip
BY_USSD = (
    "menu_angka_salah", "menu_cek", "menu_dinas_luar", "menu_hadir", "menu_izin", "menu_sakit", "menu_sakit_lagi",
    "menu_tidak_jadi",
)  # fmt: skip
# Unknown numbers, each for one dialogue.
_strangers = count(85211110001)
_DAY = r"\b(?:Sen|Sel|Rab|Kam|Jum|Sab|Min) \d+ \w{3}\b|\b\w{3} 20\d\d\b"
_MOMENT = r"\d\d:\d\d(?::\d\d WIB)?(?: \(jam gateway\))?"


@dataclass(frozen=True)
class Exchange:
    """One text of a dialogue, when it was sent, and what its phone must hear; "" for nothing."""

    phone: str
    at: datetime
    text: str
    answer: str = ""
    recorded: bool = False


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("office"), employees=40) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


@pytest.fixture(scope="module")
def phones(office: System) -> Iterator[str]:
    """Each employee's number once."""
    return iter(office.phones)


def test_what_the_dialogues_say_is_what_phones_hear(office: System, phones: Iterator[str]) -> None:
    dialogues = [played(name, phones) for name in BY_SMS]
    before = len(office.records())
    heard: dict[str, list[str]] = {}
    for texts in zip_longest(*dialogues):  # all dialogues go on at the same time
        together = [each for each in texts if each]
        for each in together:
            office.text(each.phone, each.text, scts=each.at.isoformat())
            heard.setdefault(each.phone, []).extend([each.answer] if each.answer else [])
        eventually(office.taken, what="an empty SIM")
        for phone in {each.phone for each in together if each.answer}:
            assert [bare(answer) for answer in office.answered(phone, len(heard[phone]))] == heard[phone]
    assert {phone: [bare(answer) for answer in office.answers(phone)] for phone in heard} == heard
    records = sum(each.recorded for dialogue in dialogues for each in dialogue)
    eventually(lambda: len(office.records()) - before == records, what=f"{records} records")


@pytest.mark.parametrize("name", BY_USSD)
def test_the_menu_says_the_same_over_ussd(name: str, office: System, phones: Iterator[str]) -> None:
    exchanges = played(name, phones)
    typed: list[str] = []
    by_sms = 0
    for place, each in enumerate(exchanges):
        if each.text.isdecimal() or each.text == "MENU":
            typed = [*typed, each.text] if each.text.isdecimal() else []
            goes_on = exchanges[place + 1 :] and exchanges[place + 1].text.isdecimal()
            answer = office.ussd(f"{name}-{place - len(typed)}", each.phone, "*".join(typed))
            assert timeless(bare(answer)) == f"{'CON' if goes_on else 'END'} {timeless(each.answer)}"
        else:
            by_sms += 1
            office.text(each.phone, each.text)
            assert timeless(bare(office.answered(each.phone, by_sms)[-1])) == timeless(each.answer)


def played(name: str, phones: Iterator[str]) -> Sequence[Exchange]:
    """The texts of that dialogue as they go on the air: yesterday, from numbers of its own."""
    found: list[Exchange] = []
    cast: dict[str, str] = {}
    yesterday = datetime.now(WIB).date() - timedelta(days=1)
    at = datetime.now(WIB)
    for _, line in lines((FOLDER / f"{name}.txt").read_text()):
        if match := re.fullmatch(r"(\+62\d+) = e-\w+", line):
            cast[match[1]] = next(phones)
        elif match := re.fullmatch(r"@ \S+ (\S+) WIB", line):
            at = datetime.fromisoformat(f"{yesterday} {match[1]}").replace(tzinfo=WIB)
        elif match := re.fullmatch(r"(\S+) > ?(.*)", line, re.DOTALL):
            if match[1] not in cast:
                cast[match[1]] = f"+62{next(_strangers)}" if match[1].startswith("+62") else match[1]
            found.append(Exchange(cast[match[1]], at, match[2]))
            at += timedelta(seconds=1)
        elif line.startswith("<"):
            found[-1] = replace(found[-1], answer=bare(line[1:].strip()))
        elif line.startswith("="):
            found[-1] = replace(found[-1], recorded=line != "=")
        else:
            raise AssertionError(f"{name}: {line!r} can not be played on the air")
    return found


def bare(answer: str) -> str:
    """Without the day and the receipt, which are others on the air."""
    return re.sub(r"No\. \S{4}\b|No\. \d?\*{3,4}", "No. …", re.sub(_DAY, "…", answer))


def timeless(answer: str) -> str:
    return re.sub(_MOMENT, "…", answer)
