"""What is believed of gateways: their watermark only with the records that it speaks of, their incidents as seen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from central import fleet, watermark
from central.database import Database, moment
from central.fleet import Fleet
from central.ingest import Ingest
from central.watermark import Claim, Mark
from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Connection, Status

from .factories import GATEWAY, JOURNAL, KEYS, NOW, KnownKeys, batch, chain, envelope, reason, status

EARLIER = NOW - timedelta(hours=5)
RECORDS = chain(5)


class Central:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.sessions = self.said = 0
        self.fleet = Fleet(database, KnownKeys())  # type: ignore[arg-type]
        self.ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]
        fleet.add(database, GATEWAY, EARLIER)

    def say(self, payload: Connection | Status, now: datetime = NOW, *, retained: bool = False) -> None:
        self.fleet.note(GATEWAY, Inbound("", seal(payload, KEYS[GATEWAY]), retained), now)

    def claim(self, until: datetime, seq: int = 5, now: datetime = NOW, **changes: object) -> None:
        self.said += 1
        values = {"started": EARLIER, "complete_until": until, "last_seq": seq, "count": self.said, **changes}
        self.say(status(at=now, **values), now)

    def online(self, online: bool, now: datetime, *, retained: bool = False) -> None:
        self.sessions += online
        said = Connection(gateway=GATEWAY, online=online, since=EARLIER, starts=1, session=self.sessions)
        self.say(said, now, retained=retained)

    def store(self, first: int, last: int) -> None:
        self.ingest.take([envelope(batch(RECORDS, first, last))], NOW)
        self.fleet.stored({GATEWAY})

    @property
    def believed(self) -> datetime | None:
        kept = self.database.value("SELECT MAX(until) FROM watermark WHERE gateway = ?", GATEWAY)
        return moment(kept) if kept is not None else None

    @property
    def incidents(self) -> list[tuple[str, datetime, datetime | None]]:
        rows = self.database.rows("SELECT reason, since, until FROM incident ORDER BY id")
        return [(reason, moment(since), moment(until) if until else None) for reason, since, until in rows]


@pytest.fixture
def central(database: Database) -> Central:
    return Central(database)


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def test_a_claim_is_believed_with_the_records_that_it_speaks_of(central: Central) -> None:
    central.claim(minutes(-1))
    assert central.believed is None
    central.store(1, 4)
    assert central.believed is None
    central.store(5, 5)
    assert central.believed == minutes(-1)


def test_a_claim_whose_records_are_there_is_believed_at_once(central: Central) -> None:
    central.store(1, 5)
    central.claim(minutes(-1))
    assert central.believed == minutes(-1)


def test_newer_claims_do_not_push_an_older_one_away(central: Central) -> None:
    """While a backlog drains, each status speaks of records that are not there yet."""
    central.claim(minutes(-5), seq=3)
    central.claim(minutes(-4), seq=4)
    central.store(1, 3)
    assert central.believed == minutes(-5)
    central.claim(minutes(-3), seq=5)
    central.store(4, 5)
    assert central.believed == minutes(-3)


def test_what_is_believed_never_goes_back(central: Central) -> None:
    central.store(1, 5)
    central.claim(minutes(-1))
    central.claim(minutes(-9))
    assert central.believed == minutes(-1)


@pytest.mark.parametrize(
    "changes",
    [
        {"clock_trusted": False},
        {"complete_until": None},
        {"reasons": (reason("network"),)},
        {"reasons": (reason("modem"),)},
        {"reasons": (reason("sim-full"),)},
        {"started": NOW - timedelta(minutes=5)},
    ],
)
def test_what_a_gateway_can_not_know_is_not_believed(central: Central, changes: dict[str, object]) -> None:
    central.store(1, 5)
    central.claim(**{"until": minutes(-1), **changes})  # type: ignore[arg-type]
    assert central.believed is None


def test_a_watermark_is_never_in_the_future(central: Central) -> None:
    central.store(1, 5)
    central.claim(minutes(60))
    assert central.believed == NOW


def test_after_a_blindness_the_sms_centre_is_given_time(central: Central) -> None:
    central.store(1, 5)
    central.claim(minutes(0), now=minutes(0), reasons=(reason("network"),))
    central.claim(minutes(20), now=minutes(20))
    central.claim(minutes(29), now=minutes(29))
    assert central.believed is None
    central.claim(minutes(31), now=minutes(31))
    assert central.believed == minutes(31)


@given(
    some.lists(
        some.one_of(
            some.tuples(some.just("said"), some.integers(1, 9), some.integers(0, 99)),
            some.tuples(some.just("stored"), some.integers(1, 9), some.just(0)),
        )
    )
)
def test_no_more_is_believed_than_is_held(steps: list[tuple[str, int, int]]) -> None:
    mark, held, claims = Mark(), 0, []
    for kind, seq, minute in steps:
        before = mark.until
        if kind == "said":
            claims.append(Claim(seq, minutes(minute)))
            mark = watermark.said(mark, claims[-1], held)
        else:
            held = max(held, seq)
            mark = watermark.stored(mark, held)
        assert mark.until is None or any(each.until == mark.until and each.seq <= held for each in claims)
        assert before is None or (mark.until is not None and mark.until >= before)
        assert mark.claim is None or mark.claim.seq > held


# Incidents


def test_a_last_will_begins_an_incident_where_the_gateway_was_last_heard(central: Central) -> None:
    central.claim(minutes(0), now=minutes(0))
    central.online(False, minutes(2))
    central.online(False, minutes(3))
    assert central.incidents == [("offline", minutes(0), None)]
    central.online(True, minutes(9))
    assert central.incidents == [("offline", minutes(0), minutes(9))]


def test_a_live_status_ends_being_offline(central: Central) -> None:
    central.online(False, minutes(2))
    central.claim(minutes(3), now=minutes(3))
    assert central.incidents == [("offline", minutes(2), minutes(3))]


def test_what_is_retained_tells_not_since_when(central: Central) -> None:
    central.claim(minutes(0), now=minutes(0))
    central.online(False, minutes(90), retained=True)
    assert central.incidents == [("offline", minutes(90), None)]
    central.online(True, minutes(91), retained=True)
    assert central.incidents[0][2] is None


def test_a_modem_that_is_out_of_order_is_an_incident(central: Central) -> None:
    central.claim(minutes(0), now=minutes(0), reasons=(reason("modem"), reason("clock")))
    central.claim(minutes(1), now=minutes(1), reasons=(reason("modem"), reason("network")))
    central.claim(minutes(2), now=minutes(2), reasons=(reason("network"),))
    central.claim(minutes(3), now=minutes(3))
    assert central.incidents == [("modem", minutes(0), minutes(2)), ("network", minutes(1), minutes(3))]


def test_a_new_journal_is_a_gap_from_what_the_old_one_had_proved(central: Central) -> None:
    central.store(1, 5)
    central.claim(minutes(0))
    central.claim(minutes(90), now=minutes(90), journal="another", started=minutes(60), seq=0)
    central.claim(minutes(91), now=minutes(91), journal="another", started=minutes(60), seq=0)
    assert central.incidents == [("journal", minutes(0), minutes(60))]
    assert central.believed == minutes(91)
    assert JOURNAL != "another"
