"""When a gateway sends its records by SMS, what it believes of the answers, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision import Outcome
from gateway.uplink import FIRST_WAIT, LOOK_EVERY, RETRY_AFTER, first_free
from gateway.web.server import create_app
from modem.messages import IncomingSms, Kind, OutgoingSms
from mqtt_bridge.records import Action, Member, UplinkTerms
from mqtt_bridge.sms_codec import Answer, Frame, as_text, pack_answer, tag
from mqtt_bridge.uplink_keys import uplink_keys
from tests.uplinked import CITY_KEY, CITY_NUMBER, GATEWAY, OFFICE_KEY, TERMS, Uplinked

from .test_web import SETTINGS

KEYS = uplink_keys(OFFICE_KEY, CITY_KEY.public_key(), GATEWAY)
STRANGER = "+6281299999999"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Uplinked]:
    made = Uplinked(tmp_path)
    yield made
    made.close()


def sent(office: Uplinked) -> list[OutgoingSms]:
    return office.mail.to(CITY_NUMBER)


def codes(office: Uplinked) -> set[str]:
    return {reason.code for reason in office.core.status().reasons}


# When


def test_nothing_goes_by_sms_before_its_time(office: Uplinked) -> None:
    office.check_in(120)
    office.pass_time(14.5)
    assert sent(office) == []
    office.pass_time(1)
    assert len(sent(office)) == 1


def test_nothing_goes_by_sms_while_acks_come(office: Uplinked) -> None:
    for _ in range(5):
        office.check_in(30)
        office.pass_time(12)
        office.heal()
    office.pass_time(60)
    assert sent(office) == []


def test_nothing_goes_by_sms_where_nobody_wants_it(office: Uplinked) -> None:
    office.policy = msgspec.structs.replace(office.policy, uplink=None)
    office.obey()
    office.check_in(120)
    office.pass_time(200)
    assert office.mail.sent == []
    assert office.core.status().uplink is None


def test_an_sms_that_is_not_full_waits_for_more_but_not_for_ever(office: Uplinked) -> None:
    office.check_in(10)
    office.pass_time(59)
    assert sent(office) == []
    office.check_in(5)
    office.pass_time(2)
    assert len(sent(office)) == 1
    assert office.provisional() == list(range(1, 16))


def test_replies_to_employees_go_first(office: Uplinked) -> None:
    office.check_in(10)
    office.pass_time(16)
    office.policy = msgspec.structs.replace(office.policy, answers_per_day=20)
    office.obey()
    office.check_in(120)
    assert office.journal.unsent_count() == 120
    office.clock.turn(LOOK_EVERY)
    office.step_office()
    assert [sms.number == CITY_NUMBER for _, sms in office.mail.sent] == [False] * 120 + [True]


# What it costs


def test_a_day_has_a_cap_that_shows(tmp_path: Path) -> None:
    office = Uplinked(tmp_path, terms=UplinkTerms(number=CITY_NUMBER, per_day=2))
    office.work()
    office.pass_time(120)
    assert len(sent(office)) == 2
    assert "uplink" in codes(office)
    office.pass_time(2 * 60)  # past midnight: it was 20:45
    assert len(sent(office)) == 4
    report = office.core.status().uplink
    assert report
    assert (report.today, report.month) == (2, 4)
    office.close()


def test_while_nobody_answers_one_sms_goes_again_at_a_time_and_ever_later(office: Uplinked) -> None:
    office.work()
    office.pass_time(20, deliver=False)
    first = len(sent(office))
    assert first == 8
    moments = []
    for minute in range(12 * 60):
        before = len(sent(office))
        office.pass_time(1, deliver=False)
        if len(sent(office)) > before:
            assert len(sent(office)) == before + 1
            moments.append(minute)
    waits = [later - earlier for earlier, later in pairwise(moments)]
    assert waits == sorted(waits)
    assert len(moments) <= 6
    assert "uplink" in codes(office)


def test_costs_show_on_the_page_and_to_machines(office: Uplinked) -> None:
    office.work()
    office.pass_time(20)
    office.pass_time(1)
    client = create_app(office.core, SETTINGS).test_client()
    page = client.get("/").get_data(as_text=True)
    assert "400 di pusat, sementara" in page
    assert "8 SMS hari ini, 8 bulan ini" in page
    metrics = client.get("/metrics").get_data(as_text=True)
    assert "gardu_gateway_uplink_sms_today 8.0" in metrics
    assert "gardu_gateway_uplink_records_held 400.0" in metrics
    assert "Jawaban pusat" in client.get("/messages").get_data(as_text=True)


# In which form


def test_where_octets_are_refused_texts_go(office: Uplinked) -> None:
    office.office_sim.refuses = lambda sms: "cause 98" if sms.data is not None else None
    office.check_in(120)
    office.pass_time(15.5)
    assert sent(office) == []
    assert "uplink" in codes(office)
    office.pass_time(RETRY_AFTER[0] / 60 + 1)
    assert sent(office)
    assert all(sms.data is None for sms in sent(office))
    office.pass_time(60)
    assert office.provisional() == list(range(1, 121))
    assert "uplink" not in codes(office)


def test_where_octets_are_spoiled_texts_go(office: Uplinked) -> None:
    """The network takes them, and what arrives is something else."""
    office.check_in(60)
    for _ in range(40):
        office.pass_time(10, deliver=False)
        office.mail.waiting = [(sender, spoiled(sms)) for sender, sms in office.mail.waiting]
        office.mail.deliver()
        office.step_city()
    assert office.provisional() == list(range(1, 61))
    assert sent(office)[-1].data is None


def spoiled(sms: OutgoingSms) -> OutgoingSms:
    return replace(sms, data=b"?" + sms.data[1:]) if sms.data else sms


# What is believed


def answer(office: Uplinked, counter: int, runs: tuple[tuple[int, int], ...], key: bytes = KEYS.down) -> bytes:
    frame = Frame(tag(GATEWAY), tag(office.journal.id), counter)
    return pack_answer(Answer(frame, runs), key)


def hear(office: Uplinked, data: bytes, number: str = CITY_NUMBER) -> Outcome:
    at = office.clock.wall + timedelta(seconds=len(office.journal.log(1000)))
    office.office_sim.put(IncomingSms(0, number, data.hex(), at, kind=Kind.BINARY))
    office.step_office()
    return office.journal.log(1)[0].outcome


def test_only_the_collectors_own_words_count(office: Uplinked) -> None:
    office.check_in(20)
    office.step_office()
    good = answer(office, 100, ((1, 5),))
    forged = answer(office, 101, ((1, 20),), key=KEYS.up)
    other = pack_answer(Answer(Frame(tag(GATEWAY), tag("another"), 102), ((1, 20),)), KEYS.down)
    assert hear(office, good, STRANGER) is Outcome.UNKNOWN_SENDER
    assert office.journal.uplink().held == ()
    assert hear(office, good) is Outcome.UPLINK
    assert hear(office, forged) is Outcome.NOT_UNDERSTOOD
    assert hear(office, other) is Outcome.NOT_UNDERSTOOD
    assert hear(office, b"") is Outcome.NOT_UNDERSTOOD
    assert office.journal.uplink().held == ((1, 5),)
    assert office.mail.to(CITY_NUMBER) == []
    assert office.journal.position().delivered == 0


def test_an_older_answer_changes_nothing(office: Uplinked) -> None:
    office.check_in(20)
    office.step_office()
    hear(office, answer(office, 100, ((1, 15),)))
    hear(office, answer(office, 99, ((1, 5),)))
    hear(office, answer(office, 100, ((1, 5),)))
    assert office.journal.uplink().held == ((1, 15),)


def test_an_answer_in_a_text_is_one_too(office: Uplinked) -> None:
    office.check_in(20)
    office.step_office()
    text = as_text(answer(office, 100, ((1, 15),)))
    office.office_sim.put(IncomingSms(0, CITY_NUMBER, text, office.clock.wall))
    office.step_office()
    assert office.journal.uplink().held == ((1, 15),)


def test_what_is_under_way_does_not_go_again_after_a_power_cut(office: Uplinked) -> None:
    office.work()
    office.pass_time(20, deliver=False)
    assert len(sent(office)) == 8
    office.journal.close()
    office.boot_office()
    office.pass_time(TERMS.after_minutes + FIRST_WAIT / 60 - 1, deliver=False)
    assert len(sent(office)) == 8
    office.pass_time(2, deliver=False)
    assert len(sent(office)) == 9


def test_no_number_is_used_twice_even_by_a_restored_journal(office: Uplinked) -> None:
    office.work()
    backup = {path.name: path.read_bytes() for path in office.folder.glob("journal.db*")}
    office.pass_time(20)
    office.journal.close()
    for name, content in backup.items():
        (office.folder / name).write_bytes(content)
    office.boot_office()
    office.pass_time(40)
    counters = [sms.data[5:9] for sms in sent(office) if sms.data]
    assert len(set(counters)) == len(counters) == 16


def test_a_record_too_large_for_any_sms_holds_up_nobody(tmp_path: Path) -> None:
    office = Uplinked(tmp_path, people=30)
    long = Member(employee="€" * 60, phone="+6281255555555")
    rules = replace(office.rules, people={**office.rules.people, long.phone: (long,)})
    office.check_in(10)
    office.journal.admit([office.text("+6281255555555", Action.IN, office.clock.wall, office.clock.wall)], rules)
    office.check_in(10)
    office.pass_time(120)
    assert office.provisional() == [*range(1, 11), *range(12, 22)]
    office.close()


@given(
    st.integers(1, 60),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))),
)
def test_the_first_free_run(first: int, last: int, taken: list[tuple[int, int]]) -> None:
    free = [seq for seq in range(first, last + 1) if not any(start <= seq <= end for start, end in taken)]
    expected = None
    if free:
        end = free[0]
        while end + 1 in free:
            end += 1
        expected = free[0], end
    assert first_free(first, last, taken) == expected
