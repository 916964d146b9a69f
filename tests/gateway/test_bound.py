"""Who asked to be bound to their number, and is told once that they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.core import Core
from gateway.journal import _ASKED, REQUESTS_STAND, Journal
from gateway.schema import STEPS
from gateway.web.server import create_app
from mqtt_bridge.records import Channel, Desired, Language, Member, Policy, Replies
from mqtt_bridge.sealing import public_text

from .factories import MORNING, OTHER, STRANGER, desired, journal, message, rules
from .fakes import FakeClock, FakeModem
from .test_web import SETTINGS

ASKED = "DAFTAR 199001012020121001"
LATER = MORNING + timedelta(hours=5)
SECOND = "+6285211114444"
DEWI = Member(employee="e-dewi", phone=STRANGER)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Journal]:
    opened = journal(tmp_path)
    yield opened
    opened.close()


def ask(held: Journal, *days: int, number: str = STRANGER) -> list[str]:
    """The receipts of requests, one on each of those days."""
    sealing = rules(sealing_key=public_text(X25519PrivateKey.generate()))
    held.admit([message(ASKED, sender=number, sent=MORNING + timedelta(days=day)) for day in days], sealing)
    return [record.receipt for record in held.records(0, 10)]


def bound(version: int = 2, member: Member = DEWI, **policy: object) -> Desired:
    wanted = desired(version)
    return msgspec.structs.replace(wanted, roster=(*wanted.roster, member), policy=Policy(**policy))  # type: ignore[arg-type]


def tell(held: Journal, wanted: Desired, at: datetime) -> int:
    held.apply(wanted)
    return held.tell_bound(at)


def notices(held: Journal) -> list[str]:
    return [
        reply.text for reply in held.unsent(10) if "kini terdaftar" in reply.text or "now registered" in reply.text
    ]


def test_once_it_is_granted_and_not_before(held: Journal) -> None:
    (receipt,) = ask(held, 0)
    assert tell(held, desired(), LATER) == 0
    assert tell(held, bound(), LATER) == 1
    assert tell(held, bound(3), LATER + timedelta(days=1)) == 0
    assert notices(held) == [f"Nomor ini kini terdaftar, permintaan No. {receipt}. Ketik BANTU untuk petunjuk."]
    first, second = held.log(10)
    assert (first.id, first.text) == (second.id, second.text)
    assert [entry.reply for entry in (first, second)] == [reply.text for reply in held.unsent(10)]


def test_several_requests_are_one_and_a_new_one_is_another(held: Journal) -> None:
    receipts = ask(held, 0, 1)
    assert tell(held, bound(), LATER + timedelta(days=1)) == 1
    (text,) = notices(held)
    assert receipts[1] in text
    assert tell(held, bound(), LATER + timedelta(days=1)) == 0
    third = ask(held, 2)[2]
    assert tell(held, bound(3), LATER + timedelta(days=2)) == 1
    assert third in notices(held)[1]


def test_each_number_for_itself(held: Journal) -> None:
    ask(held, 0)
    ask(held, 1, number=SECOND)
    wanted = bound(member=Member(employee="e-eka", phone=SECOND))
    assert tell(held, wanted, LATER + timedelta(days=1)) == 1
    both = msgspec.structs.replace(wanted, version=3, roster=(*wanted.roster, DEWI))
    assert tell(held, both, LATER + timedelta(days=2)) == 1
    assert [reply.number for reply in held.unsent(10)][2:] == [SECOND, STRANGER]


def test_nobody_is_told_who_asked_too_long_ago_or_asked_for_nothing(held: Journal) -> None:
    ask(held, 0)
    assert tell(held, bound(member=Member(employee="e-x", phone=OTHER)), LATER) == 0
    assert tell(held, bound(), LATER + REQUESTS_STAND) == 0


def test_where_nobody_is_answered_this_is_not_told_either(held: Journal) -> None:
    ask(held, 0)
    assert tell(held, bound(replies=Replies.NONE), LATER) == 0


def test_in_the_language_of_the_person(held: Journal) -> None:
    (receipt,) = ask(held, 0)
    tell(held, bound(member=Member(employee="e-dewi", phone=STRANGER, language=Language.ENGLISH)), LATER)
    assert notices(held) == [f"This number is now registered, request No. {receipt}. Send BANTU for help."]


def test_whoever_asked_on_a_session_asks_again_on_one(held: Journal) -> None:
    """There may be no modem."""
    sealing = rules(sealing_key=public_text(X25519PrivateKey.generate()))
    held.admit([replace(message(ASKED, sender=STRANGER), channel=Channel.USSD)], sealing)
    assert len(held.records(0, 10)) == 1
    assert tell(held, bound(), LATER) == 0


def test_on_the_message_log_both_replies_are_under_the_one_message(held: Journal, tmp_path: Path) -> None:
    (receipt,) = ask(held, 0)
    tell(held, bound(), LATER)
    page = create_app(Core(FakeModem(), held, FakeClock(), tmp_path), SETTINGS).test_client().get("/messages").text
    assert page.count("<li class=") == 1
    assert page.index("Tunggu persetujuan") < page.index(f"kini terdaftar, permintaan No. {receipt}")


def test_one_that_was_given_up_without_a_try_is_told_again(held: Journal) -> None:
    """By the limit of a day, or by a clock that was set forward."""
    ask(held, 0)
    assert tell(held, bound(), LATER) == 1
    held.not_sent(held.unsent(10)[-1].id, "sms.per_day is reached", give_up=True)
    assert tell(held, bound(), LATER + timedelta(days=1)) == 1
    notice = held.unsent(10)[-1]
    assert held.sending(notice.id, 0)
    held.not_sent(notice.id, "cause 38", give_up=True)
    assert tell(held, bound(), LATER + timedelta(days=2)) == 0


def test_they_go_out_after_what_people_wait_for(held: Journal) -> None:
    ask(held, 0)
    tell(held, bound(), LATER)
    held.admit([message(sent=LATER)], rules())
    assert ["kini" in reply.text for reply in held.unsent(10)] == [False, False, True]


def test_whoever_was_bound_before_such_notices_were_hears_of_nothing(held: Journal, tmp_path: Path) -> None:
    ask(held, 0)
    held.close()
    with sqlite3.connect(tmp_path / "journal.db") as old:  # as the version before left it
        old.executescript(
            "DROP INDEX record_register; DROP INDEX inbox_record; DELETE FROM meta WHERE key = 'notices_after';"
            f"PRAGMA user_version = {len(STEPS) - 1}"
        )
    again = journal(tmp_path)
    assert tell(again, bound(), LATER) == 0
    ask(again, 1)
    assert tell(again, bound(), LATER + timedelta(days=1)) == 1
    again.close()


def test_the_look_for_them_reads_no_other_messages(held: Journal, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as file:
        plan = " ".join(row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {_ASKED}", ("", "")))
    assert "USING INDEX record_register" in plan
    assert "SCAN" not in plan
