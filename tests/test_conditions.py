"""What a gateway says of itself is read at central in both languages, whatever it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from central import states
from central.languages import reading
from central.web.conditions import told
from gateway.guardian import SimView
from gateway.health import LITTLE_DISK, Condition, modem_state, numbered, reasons
from gateway.journal import Fork, Guesses
from modem.messages import ModemStatus, Registration
from modem.ussd import Forecast
from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.modem_states import MEANINGS
from mqtt_bridge.records import Language

from .central.factories import NOW, status
from .central.test_languages import INDONESIAN
from .gateway.test_health import WELL

WEAK = ModemStatus(Registration.HOME, signal=3)
FACTS: list[dict[str, Any]] = [
    *({"link_problem": Problem(trouble, detail)} for trouble in Trouble for detail in ("", "x" * 500)),
    *({"modem_state": state, "modem_detail": detail} for state in MEANINGS for detail in ("", "no answer (timeout)")),
    *({"sim": SimView(valid_until=date(2026, 12, 31), forecast=Forecast(None, days))} for days in (-1, 0, 3, 13)),
    *({"certificate_left": timedelta(days=days)} for days in (-1, 3)),
    {"modem_state": modem_state(WEAK, None)[0], "modem_detail": modem_state(WEAK, None)[1]},
    {"modem_state": modem_state(WEAK, None, "ditolak")[0], "modem_detail": modem_state(WEAK, None, "no credit")[1]},
    {"journal_problem": "disk full"}, {"clock_trusted": False}, {"disk_free": LITTLE_DISK - 1}, {"has_rules": False},
    {"guesses": Guesses(30, 4)}, {"modem": ModemStatus(Registration.HOME, used=50, capacity=50)}, {"stuck": 2},
    {"waiting_for": "kunci publik pusat belum dibaca"}, {"forked": Fork(NOW, "x")}, {"refused": "chain"},
    {"unanswered": 301.0}, {"disbelieved": "bad signature"}, {"sim": SimView(balance=9_999, low_balance=10_000)},
    {"sim": SimView(balance=90_000, forecast=Forecast(4, None))}, {"sim": SimView(unread="no answer")},
    {"unsent_in_a_row": 3}, {"capped": "sms.per_day"}, {"deaf": True}, {"uplink_problem": "the cap"}, {"rival": True},
    {"undervoltage": True},
]  # fmt: skip


def said() -> Iterator[str]:
    for facts in FACTS:
        found = list(reasons(Condition(**{**WELL, "now": NOW, **facts})))
        for reason in (*found, *numbered(2, iter(found))):
            yield reason.text
            about = status(reasons=(reason, reason))
            for judged in _judged(about):
                yield from judged
    for meaning in MEANINGS.values():
        yield from (meaning.name, meaning.reason, meaning.remedy)
    yield from states.REMEDIES.values()


def _judged(about: Any) -> Iterator[tuple[str, str]]:
    known: dict[str, Any] = {"online": True, "seen": NOW, "status": about, "now": NOW}
    for changes in (
        {}, {"ended": "stolen"}, {"rival": NOW}, {"seen": None}, {"online": False},
        {"seen": NOW - timedelta(hours=1)}, {"status": status(), "wanted": 1},
    ):  # fmt: skip
        found = states.judge(**{**known, **changes})
        yield found.reason, found.remedy


def test_every_sentence_has_its_english() -> None:
    count = 0
    for text in said():
        with reading(Language.ENGLISH):
            english = told(text)
        words = set(re.findall(r"\w+", english.lower()))
        assert not words & (INDONESIAN | {"gateway ini", "kartu", "pusat", "modem tidak"}), (text, english)
        assert (english != text) == bool(text) or "x" * 9 in text, text
        assert told(text) == text
        count += 1
    assert count > 200


@pytest.mark.parametrize("text", ["Yang belum dikenal: 100% (x) {y}", "", "(", "Modem 2: ", "a (+3 lagi)"])
def test_what_is_not_known_stays_as_it_was_said(text: str) -> None:
    with reading(Language.ENGLISH):
        assert told(text).replace("more", "lagi") == text
