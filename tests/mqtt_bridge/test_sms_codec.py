from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modem.simulator import gsm7
from mqtt_bridge import sms_codec
from mqtt_bridge.records import Action, Channel, Flag, Presence, Record
from mqtt_bridge.sms_codec import (
    ROOM,
    TEXT_ROOM,
    Answer,
    BadSms,
    Dispatch,
    Frame,
    Notice,
    Roster,
    UnknownRoster,
    as_text,
    from_text,
    pack,
    pack_answer,
    proof,
    tag,
    unpack,
    unpack_answer,
    whole_second,
)

from .uplinked import GATEWAY, JOURNAL, MORNING, day, employees

KEY = b"k" * 32
FRAME = Frame(tag(GATEWAY), tag(JOURNAL), 1_795_000_000)
PEOPLE = employees(200)
ROSTER = Roster(PEOPLE)
DAY = day(PEOPLE)
AT = datetime(2026, 11, 24, 0, 21, 5, tzinfo=UTC)


def known(wanted: bytes) -> Roster | None:
    return ROSTER if wanted == ROSTER.tag else None


def notice(record: Record) -> Notice:
    return Notice(record.seq, record.employee, record.action, whole_second(record.at), record.presence, record.flags)


def record(seq: int, **changes: Any) -> Record:
    values = {
        "seq": seq, "employee": PEOPLE[0], "action": Action.IN, "at": AT, "received": AT, "channel": Channel.SMS,
        "presence": Presence.NONE, "flags": (), "receipt": "K7QF", "fingerprint": "ab" * 32, "hash": f"{seq:064x}",
    }  # fmt: skip
    return Record(**{**values, **changes})


NAMES = st.text(st.characters(min_codepoint=32, codec="utf-8"), min_size=1, max_size=64)
RUNS_OF_RECORDS = st.builds(
    lambda first, parts: [record(first + place, **part) for place, part in enumerate(parts)],
    st.integers(1, 2**53 - 300),
    st.lists(
        st.fixed_dictionaries({
            "employee": st.sampled_from(PEOPLE) | NAMES,
            "action": st.sampled_from(Action),
            "at": st.datetimes(timezones=st.just(UTC)),
            "presence": st.sampled_from(Presence),
            "flags": st.sampled_from([(), tuple(Flag)]),
            "hash": st.integers(0, 2**256 - 1).map("{:064x}".format),
        }),
        min_size=1,
        max_size=60,
    ),
)  # fmt: skip
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))


@given(RUNS_OF_RECORDS, MOMENTS, st.sampled_from([ROSTER, Roster(())]), st.sampled_from([ROOM, TEXT_ROOM]))
def test_any_records_arrive_as_they_were(
    records: list[Record], until: datetime | None, roster: Roster, room: int
) -> None:
    data, count = pack(records, roster, FRAME, KEY, complete_until=until, room=room)
    if not count:
        assert len(records[0].employee.encode()) > 60
        return
    assert len(data) <= room
    got = unpack(data, KEY, known)
    assert got == Dispatch(
        FRAME,
        tuple(map(notice, records[:count])),
        proof(records[count - 1].hash),
        whole_second(until) if until and count == len(records) else None,
    )


@given(RUNS_OF_RECORDS)
def test_as_many_go_as_fit(records: list[Record]) -> None:
    _, count = pack(records, ROSTER, FRAME, KEY)
    for fewer in range(1, count + 1):
        assert pack(records[:fewer], ROSTER, FRAME, KEY)[1] == fewer
    for more in range(count + 1, len(records) + 1):
        assert pack(records[:more], ROSTER, FRAME, KEY)[1] == count


def test_any_flipped_bit_and_any_missing_octet_is_noticed() -> None:
    data, _ = pack(DAY, ROSTER, FRAME, KEY)
    wrong = [data[:length] for length in range(len(data))] + [data + b"\0"]
    wrong += [(int.from_bytes(data) ^ 1 << bit).to_bytes(len(data)) for bit in range(8 * len(data))]
    for altered in wrong:
        with pytest.raises(BadSms):
            unpack(altered, KEY, known)


@given(st.binary(max_size=ROOM))
@example(bytes([0x10]) * 18)
@example(bytes([0x11]) * 18)
def test_no_octets_raise_anything_else(data: bytes) -> None:
    for read in (lambda: unpack(data, KEY, known), lambda: unpack_answer(data, KEY)):
        with pytest.raises(BadSms):
            read()


@given(st.binary(min_size=1, max_size=ROOM - 17), st.sampled_from("RA"))
def test_not_even_octets_with_the_right_key_raise_anything_else(body: bytes, kind: str) -> None:
    data = sms_codec._sealed(kind, FRAME, ROSTER.tag + body, KEY)
    for read in (lambda: unpack(data, KEY, known), lambda: unpack_answer(data, KEY)):
        with suppress(BadSms):
            read()


def test_who_has_another_key_is_not_believed() -> None:
    data, _ = pack(DAY, ROSTER, FRAME, KEY)
    with pytest.raises(BadSms, match="key"):
        unpack(data, b"x" * 32, known)
    answer = pack_answer(Answer(FRAME, ((1, 5),)), KEY)
    with pytest.raises(BadSms, match="key"):
        unpack_answer(answer, b"x" * 32)
    with pytest.raises(BadSms, match="another kind"):
        unpack(answer, KEY, known)
    with pytest.raises(BadSms, match="another kind"):
        unpack_answer(data, KEY)


def test_a_roster_that_is_not_known_is_said_so() -> None:
    data, _ = pack(DAY, Roster(PEOPLE[1:]), FRAME, KEY)
    with pytest.raises(UnknownRoster):
        unpack(data, KEY, known)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(BadSms):
        from_text(text)


@given(st.binary(min_size=TEXT_ROOM, max_size=TEXT_ROOM) | st.binary(max_size=TEXT_ROOM))
def test_octets_travel_as_a_text_of_one_sms(data: bytes) -> None:
    text = as_text(data)
    assert gsm7.fits(text)
    assert len(gsm7.septets(text)) <= 160
    assert from_text(text) == data
    assert from_text(f" {text}\r\n") == data


RUNS = st.lists(st.integers(1, 10_000), max_size=300).map(
    lambda steps: tuple((first, last) for first, last in pairwise([sum(steps[: n + 1]) for n in range(len(steps))]))[
        ::2
    ]
)


@given(RUNS, st.booleans(), st.sampled_from([ROOM, TEXT_ROOM]))
def test_an_answer_says_what_is_held_or_less(runs: tuple[tuple[int, int], ...], known: bool, room: int) -> None:
    data = pack_answer(Answer(FRAME, runs, known), KEY, room)
    assert len(data) <= room
    got = unpack_answer(data, KEY)
    assert (got.frame, got.roster_known) == (FRAME, known)
    assert got.runs == runs[: len(got.runs)]
    assert len(got.runs) >= min(len(runs), 20)


# What it can carry


def sent(records: list[Record], room: int) -> list[int]:
    """How many records each SMS of a day carries."""
    counts: list[int] = []
    while records[sum(counts) :]:
        counts.append(pack(records[sum(counts) :], ROSTER, FRAME, KEY, room=room)[1])
    return counts


@pytest.mark.parametrize("seed", range(5))
def test_a_day_of_two_hundred_people_goes_into_ten_sms(seed: int) -> None:
    counts = sent(day(PEOPLE, seed), ROOM)
    assert sum(counts) == 400
    assert len(counts) <= 9
    assert min(counts[:-1]) >= 30
    assert len(sent(day(PEOPLE, seed), TEXT_ROOM)) <= 12


def test_records_with_nothing_in_common_are_few_in_an_sms_but_go() -> None:
    actions, flags = list(Action), [(), tuple(Flag)]
    odd = [
        record(
            seq, employee=PEOPLE[seq % 200], action=actions[seq % 5], flags=flags[seq % 2],
            at=MORNING + timedelta(days=seq * 7919 % 400, seconds=seq * 104_729 % 86_400),
        )
        for seq in range(1, 60)
    ]  # fmt: skip
    assert pack(odd, ROSTER, FRAME, KEY)[1] >= 11
    strangers = [record(seq, employee=f"e-{seq:010}") for seq in range(1, 60)]
    assert pack(strangers, Roster(()), FRAME, KEY)[1] >= 7


def test_numbers_on_the_wire_keep_their_meaning() -> None:
    """New values are added at the end, or the two sides of an upgrade misunderstand each other."""
    assert [*Action][:5] == ["in", "out", "sick", "leave", "duty"]
    assert [*Presence][:2] == ["code", "none"]
    assert [*Flag][:1] == ["clock-untrusted"]


def test_an_sms_of_today_is_read_for_ever() -> None:
    roster = Roster(["e-ani", "e-budi", "e-citra"])
    records = [record(41, employee="e-budi"), record(42, employee="e-gone", at=AT + timedelta(seconds=40))]
    data, _ = pack(records, roster, FRAME, KEY, complete_until=AT + timedelta(minutes=1))
    assert data.hex() == GOLDEN
    assert unpack(data, KEY, lambda _: roster).notices == tuple(map(notice, records))


GOLDEN = "10155667036afd86c0e60d671a90100000000835826c38a3f8000800051c1994b59dbdb99740963b34467b5dadaa"
