from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.database import Database, StorageError, moment
from central.ingest import Envelope, Ingest, Position, Verdict, judge
from central.quarantine import ROWS as QUARANTINE_ROWS
from central.queries import Wanted, records
from mqtt_bridge.envelope import SIZE_LIMIT, seal
from mqtt_bridge.records import Batch, genesis

from ..postgres import END_OTHERS
from .factories import GATEWAY, JOURNAL, KEYS, NOW, OTHER, KnownKeys, batch, chain, envelope, record, status

CHAIN = chain(12)


@pytest.fixture
def ingest(database: Database) -> Ingest:
    return Ingest(database, KnownKeys())  # type: ignore[arg-type]


def held(database: Database) -> list[tuple[str, str, int]]:
    return [(each.gateway, each.journal, each.seq) for each in records(database, Wanted(), 10_000)]


def seqs(database: Database) -> list[int]:
    return [seq for _, _, seq in held(database)]


def quarantined(database: Database) -> list[tuple[str, int]]:
    return [(reason, times) for reason, times in database.rows("SELECT reason, times FROM quarantine ORDER BY id")]


def take(ingest: Ingest, *batches: Batch) -> list[tuple[int, str | None]]:
    acks = ingest.take([envelope(each, each.gateway) for each in batches], NOW)
    return [(ack.seq, ack.refused) for ack in acks]


def test_new_records_are_held_and_acked(ingest: Ingest, database: Database) -> None:
    (ack,) = ingest.take([envelope(batch(CHAIN, 1, 5))], NOW)
    assert (ack.gateway, ack.journal, ack.seq, ack.hash, ack.refused) == (GATEWAY, JOURNAL, 5, CHAIN[4].hash, None)
    assert seqs(database) == [1, 2, 3, 4, 5]


def test_a_record_is_held_as_it_was_sent(ingest: Ingest, database: Database) -> None:
    ingest.take([envelope(batch(CHAIN, 1, 3))], NOW)
    found = records(database, Wanted(), 10)[2]
    sent = msgspec.structs.asdict(CHAIN[2])
    assert {name: getattr(found, name) for name in sent if name != "fingerprint"} == {
        name: value for name, value in sent.items() if name != "fingerprint"
    }
    assert found.stored == NOW


def test_what_comes_again_counts_once_and_is_acked_again(ingest: Ingest, database: Database) -> None:
    assert take(ingest, batch(CHAIN, 1, 5), batch(CHAIN, 1, 5)) == [(5, None), (5, None)]
    assert take(ingest, batch(CHAIN, 1, 5), batch(CHAIN, 1, 2)) == [(5, None), (5, None)]
    assert seqs(database) == [1, 2, 3, 4, 5]
    assert quarantined(database) == []


def test_a_batch_that_overlaps_adds_what_is_new(ingest: Ingest, database: Database) -> None:
    take(ingest, batch(CHAIN, 1, 5))
    assert take(ingest, batch(CHAIN, 3, 8)) == [(8, None)]
    assert seqs(database) == list(range(1, 9))


def test_a_gap_is_not_filled_but_asked_for(ingest: Ingest, database: Database) -> None:
    take(ingest, batch(CHAIN, 1, 2))
    assert take(ingest, batch(CHAIN, 5, 8)) == [(2, None)]
    assert seqs(database) == [1, 2]
    (first,) = ingest.take([envelope(batch(chain(9, OTHER), 4, 9, OTHER), OTHER)], NOW)
    assert (first.seq, first.hash) == (0, genesis(OTHER, JOURNAL))


def test_a_new_journal_is_another_chain(ingest: Ingest, database: Database) -> None:
    other = chain(2, journal="ffff")
    assert take(ingest, batch(CHAIN, 1, 3), batch(other, 1, 2, journal="ffff")) == [(3, None), (2, None)]
    assert held(database)[3:] == [(GATEWAY, "ffff", 1), (GATEWAY, "ffff", 2)]


def forged(records_: list[Any], seq: int) -> list[Any]:
    return [*records_[: seq - 1], msgspec.structs.replace(records_[seq - 1], employee="e-else"), *records_[seq:]]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (batch(forged(CHAIN, 6), 5, 8), "record 6 does not follow from the one before it"),
        (batch(chain(8, receipt="ZZZZ"), 5, 8), "another record 4 of this journal is held"),
        (batch(chain(8, receipt="ZZZZ"), 3, 8), "another record 4 of this journal is held"),
        (batch(chain(8, receipt="ZZZZ"), 1, 3), "another record 3 of this journal is held"),
        (batch(chain(8, receipt="ZZZZ"), 1, 4), "another record 4 of this journal is held"),
    ],
)
def test_what_does_not_fit_the_chain_is_put_aside(
    ingest: Ingest, database: Database, sent: Batch, reason: str
) -> None:
    take(ingest, batch(CHAIN, 1, 4))
    assert take(ingest, sent) == [(4, reason)]
    assert take(ingest, sent) == [(4, reason)]
    assert seqs(database) == [1, 2, 3, 4]
    assert quarantined(database) == [(reason, 2)]
    assert take(ingest, batch(CHAIN, 5, 6)) == [(6, None)]


GOOD = seal(batch(CHAIN, 1, 2), KEYS[GATEWAY])


@pytest.mark.parametrize(
    "bad",
    [
        Envelope(GATEWAY, seal(batch(CHAIN, 1, 2), KEYS[OTHER])),
        Envelope(OTHER, GOOD),
        Envelope(OTHER, seal(batch(CHAIN, 1, 2), KEYS[OTHER])),
        Envelope("nobody-01", GOOD),
        Envelope("../../etc", GOOD),
        Envelope("nul\0", GOOD),
        Envelope(GATEWAY, b""),
        Envelope(GATEWAY, b"\xff\xfe garbage \0"),
        Envelope(GATEWAY, b"x" * (SIZE_LIMIT + 1)),
        Envelope(GATEWAY, seal(status(), KEYS[GATEWAY])),
        Envelope(GATEWAY, GOOD.replace(b"e-1", b"e-2")),
    ],
)  # fmt: skip
def test_what_can_not_be_believed_is_put_aside_and_holds_up_nobody(
    ingest: Ingest, database: Database, bad: Envelope
) -> None:
    fine = chain(3, OTHER)
    acks = ingest.take([bad, envelope(batch(fine, 1, 3, OTHER), OTHER)], NOW)
    assert [(ack.gateway, ack.seq) for ack in acks] == [(OTHER, 3)]
    assert len(quarantined(database)) == 1
    assert held(database) == [(OTHER, JOURNAL, 1), (OTHER, JOURNAL, 2), (OTHER, JOURNAL, 3)]


def test_nobody_can_fill_the_quarantine(ingest: Ingest, database: Database) -> None:
    many = [envelope(batch(forged(chain(40), seq), 1, 40)) for seq in range(1, 40)]
    ingest.take(many, NOW)
    ingest.take(many, NOW)
    assert len(quarantined(database)) == QUARANTINE_ROWS


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_sent_how_often_in_any_order_ends_with_each_record_once(
    database: Database, data: st.DataObject
) -> None:
    journal = data.draw(st.uuids()).hex[:16]
    made = chain(12, journal=journal)
    ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]
    spans = st.tuples(st.integers(1, 12), st.integers(1, 12)).map(sorted)
    for first, last in data.draw(st.lists(spans, max_size=12)):
        take(ingest, batch(made, first, last, journal=journal))
    position = take(ingest, batch(made, 1, 1, journal=journal))[0][0]
    while position < 12:  # as a gateway does it
        ((position, refused),) = take(ingest, batch(made, position + 1, min(position + 3, 12), journal=journal))
        assert refused is None
    assert [seq for _, its, seq in held(database) if its == journal] == list(range(1, 13))


def test_made_up_names_do_not_multiply_it(ingest: Ingest, database: Database) -> None:
    ingest.take([Envelope(f"made-up-{number}", GOOD) for number in range(30)], NOW)
    assert database.rows("SELECT gateway, times FROM quarantine") == [("(unknown)", 30)]


def test_judging_is_pure() -> None:
    start = Position(0, genesis(GATEWAY, JOURNAL))
    assert judge(start, batch(CHAIN, 1, 3), None) == Verdict(CHAIN[:3])
    assert judge(Position(3, str(CHAIN[2].hash)), batch(CHAIN, 1, 3), None) == Verdict([])
    assert judge(start, batch(CHAIN, 2, 3), None) == Verdict()


def test_positions_are_those_of_the_newest_journals(ingest: Ingest) -> None:
    take(ingest, batch(CHAIN, 1, 3))
    later = NOW.replace(hour=2)
    ingest.take([envelope(batch(chain(2, journal="ffff"), 1, 2, journal="ffff"))], later)
    assert [(ack.journal, ack.seq) for ack in ingest.positions(later)] == [("ffff", 2)]


def test_a_database_that_fails_acks_nothing_and_works_again(postgres_url: str) -> None:
    database = Database(postgres_url)
    ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]
    take(ingest, batch(CHAIN, 1, 2))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(END_OTHERS)
    with pytest.raises(StorageError):
        take(ingest, batch(CHAIN, 3, 4))
    assert take(ingest, batch(CHAIN, 3, 4)) == [(4, None)]
    assert seqs(database) == [1, 2, 3, 4]
    database.close()


def test_one_that_the_database_chokes_on_does_not_hold_up_the_others(database: Database) -> None:
    class Choking(Ingest):
        def _store(self, batch: Batch, *arguments: Any) -> None:
            if batch.gateway == GATEWAY:
                self._database.run("INSERT INTO no_such_table VALUES (1)")
            super()._store(batch, *arguments)

    acks = Choking(database, KnownKeys()).take(  # type: ignore[arg-type]
        [envelope(batch(CHAIN, 1, 2)), envelope(batch(chain(3, OTHER), 1, 3, OTHER), OTHER)], NOW
    )
    assert [(ack.gateway, ack.seq) for ack in acks] == [(OTHER, 3)]
    assert held(database)[0][0] == OTHER


def test_times_are_kept_to_the_microsecond(ingest: Ingest, database: Database) -> None:
    ingest.take([envelope(batch(chain(1), 1, 1))], NOW)
    (received,) = [moment(value) for (value,) in database.rows("SELECT received FROM record")]
    assert received == record(1).received


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("name", ["at", "received"])
def test_a_time_that_could_not_be_shown_is_not_taken(
    ingest: Ingest, database: Database, name: str, at: datetime
) -> None:
    assert take(ingest, batch(chain(1, **{name: at}), 1, 1)) == [(0, "record 1 has an impossible time")]
    assert seqs(database) == []


def test_a_clock_that_was_never_set_loses_nothing(ingest: Ingest, database: Database) -> None:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    assert take(ingest, batch(chain(1, at=never, received=never), 1, 1)) == [(1, None)]
    assert records(database, Wanted(), 1)[0].at == never


def test_a_database_that_does_not_answer_is_not_asked_again_for_each_batch() -> None:
    class Away:
        asked = 0

        @contextmanager
        def transaction(self) -> Iterator[None]:
            self.value("BEGIN")
            yield

        def value(self, _statement: str) -> None:
            self.asked += 1
            raise StorageError("connection timed out")

    away = Away()
    with pytest.raises(StorageError):
        take(Ingest(away, KnownKeys()), *[batch(CHAIN, 1, 2)] * 50)  # type: ignore[arg-type]
    assert away.asked == 2


def test_a_message_counts_once_though_it_comes_from_two_journals(ingest: Ingest, database: Database) -> None:
    """After an old card, a new one or a fork: other chains, the same messages."""
    take(ingest, batch(CHAIN, 1, 5))
    forked = chain(7, journal="another", messages=JOURNAL)
    envelopes = [envelope(batch(forked, 1, 7, journal="another"))]
    assert [ack.seq for ack in ingest.take(envelopes, NOW)] == [7]
    held = database.rows("SELECT journal, seq FROM record WHERE duplicate = 0 ORDER BY seq, journal")
    assert held == [*((JOURNAL, seq) for seq in range(1, 6)), ("another", 6), ("another", 7)]
    assert [entry.seq for entry in records(database, Wanted(), 10)] == [1, 2, 3, 4, 5, 6, 7]
    assert database.value("SELECT COUNT(*) FROM record") == 12, "the evidence of both is kept"
