from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central import collector, desired, fleet
from central.collector import Collector
from central.database import Database
from central.queries import gateways
from central.roster import Row, store
from central.states import State
from mqtt_bridge.client import Inbound, LinkDown
from mqtt_bridge.envelope import seal, unseal
from mqtt_bridge.records import Ack, Batch, Certificate, Connection, Desired, Policy, decode, genesis
from mqtt_bridge.topics import Leaf, parse, topic

from ..links import FakeLink
from .factories import CENTRAL_KEY, GATEWAY, JOURNAL, KEYS, NOW, OTHER, KnownKeys, batch, chain, status

CHAIN = chain(8)
HERE = Connection(gateway=GATEWAY, online=True, since=NOW, starts=1, session=1)
GONE = Connection(gateway=GATEWAY, online=False, since=NOW, starts=1)
FIRST = int(NOW.timestamp())  # the first version of what is desired


@dataclass
class Desk(FakeLink):
    """A link whose other end is the test: what was said, by gateway and kind."""

    said: list[tuple[str, Any]] = field(default_factory=list)
    broken: bool = False
    cleared: list[str] = field(default_factory=list)

    def publish(self, name: str, payload: bytes, *, retain: bool) -> None:
        if self.broken:
            raise LinkDown("cut")
        place = parse(name)
        assert place
        assert retain
        if not payload:
            self.cleared.append(name)
            return
        self.said.append((place[0], decode(unseal(payload, CENTRAL_KEY.public_key()))))


class Town:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.desk = Desk()
        self.collector = Collector(self.desk, database, KnownKeys(), CENTRAL_KEY)  # type: ignore[arg-type]

    def hear(self, payload: Any, leaf: Leaf, *, key: str = GATEWAY, retained: bool = False) -> None:
        sealed = seal(payload, KEYS[key]) if not isinstance(payload, bytes) else payload
        self.desk.inbox.append(Inbound(topic(GATEWAY, leaf), sealed, retained))

    def step(self) -> list[Any]:
        self.desk.said.clear()
        self.collector.step(NOW)
        return [payload for _, payload in self.desk.said]

    def state(self) -> State:
        from zoneinfo import ZoneInfo

        (found,) = gateways(self.database, NOW, ZoneInfo("Asia/Jakarta"))
        return found.condition.state


@pytest.fixture
def town(database: Database) -> Town:
    fleet.add(database, GATEWAY, NOW)
    desired.refresh(database, Policy(), NOW)
    return Town(database)


def positions(said: list[Any]) -> list[int]:
    return [each.seq for each in said if isinstance(each, Ack)]


def versions(said: list[Any]) -> list[int]:
    return [each.version for each in said if isinstance(each, Desired)]


def test_a_batch_is_acked_to_its_gateway(town: Town) -> None:
    town.step()
    town.hear(batch(CHAIN, 1, 3), Leaf.RECORDS)
    assert positions(town.step()) == [3]
    assert town.desk.said[0][0] == GATEWAY


def test_a_new_session_says_positions_and_what_is_desired(town: Town) -> None:
    town.hear(batch(CHAIN, 1, 3), Leaf.RECORDS)
    assert versions(town.step()) == [FIRST]
    assert town.step() == []
    town.desk.session = 2
    said = town.step()
    assert (positions(said), versions(said)) == ([3], [FIRST])


def test_what_changes_is_said_once(town: Town) -> None:
    town.step()
    desired.refresh(town.database, Policy(timezone="Asia/Jayapura"), NOW)
    assert versions(town.step()) == [FIRST + 1]
    assert town.step() == []


def test_what_no_message_can_hold_cuts_off_nobody_else(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a roster in which all of a city are at one gateway by mistake."""
    fleet.add(town.database, OTHER, NOW)
    names = [f"{seq:018}" for seq in range(20)]
    store(town.database, [Row(2, nip, nip, f"+62812345678{nip[-2:]}", OTHER) for nip in names], now=NOW)
    desired.refresh(town.database, Policy(), NOW)
    small = seal(desired.newest(town.database, GATEWAY), CENTRAL_KEY)  # type: ignore[arg-type]
    monkeypatch.setattr(collector, "SIZE_LIMIT", len(small))
    town.step()
    assert [gateway for gateway, _ in town.desk.said] == [GATEWAY]
    assert town.step() == []


def test_what_could_not_be_said_is_said_in_the_next_session(town: Town) -> None:
    town.desk.broken = True
    town.hear(batch(CHAIN, 1, 3), Leaf.RECORDS)
    assert town.step() == []
    town.desk.broken, town.desk.session = False, 2
    said = town.step()
    assert (positions(said), versions(said)) == ([3], [FIRST])
    town.hear(batch(CHAIN, 1, 3), Leaf.RECORDS)
    assert positions(town.step()) == [3]


def test_a_gateway_is_what_it_says_it_is(town: Town) -> None:
    assert town.state() is State.NEW
    town.hear(HERE, Leaf.CONNECTION)
    town.hear(status(), Leaf.STATUS)
    town.step()
    assert town.state() is State.UP
    town.hear(GONE, Leaf.CONNECTION)
    town.step()
    assert town.state() is State.DOWN


def test_what_the_broker_kept_does_not_say_that_it_is_there_now(town: Town) -> None:
    town.hear(HERE, Leaf.CONNECTION)
    town.hear(status(), Leaf.STATUS)
    town.step()
    town.database.run("UPDATE gateway SET seen = seen - 3600000000")
    town.hear(status(), Leaf.STATUS, retained=True)
    town.step()
    assert town.state() is State.LATE
    town.hear(batch(CHAIN, 1, 1), Leaf.RECORDS)
    town.step()
    assert town.state() is State.UP


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (status(), OTHER),
        (status(gateway=OTHER), GATEWAY),
        (b"garbage", GATEWAY),
        (seal(status(), Ed25519PrivateKey.generate()), GATEWAY),
    ],
)
def test_nobody_else_can_speak_for_it(town: Town, payload: Any, key: str) -> None:
    town.hear(payload, Leaf.STATUS, key=key)
    town.step()
    assert town.state() is State.NEW


def test_many_batches_at_once_are_all_acked(town: Town) -> None:
    long = chain(300)
    for seq in range(1, 301):
        town.hear(batch(long, seq, seq), Leaf.RECORDS)
    assert positions(town.step())[-1] == 300


def test_nothing_is_done_while_the_link_is_down(town: Town) -> None:
    town.desk.connected = False
    town.hear(batch(CHAIN, 1, 1), Leaf.RECORDS)
    assert town.step() == []
    assert len(town.desk.inbox) == 1


def test_the_ack_carries_the_journal_and_the_time(town: Town) -> None:
    made: Batch = batch(CHAIN, 1, 2)
    town.hear(made, Leaf.RECORDS)
    (ack,) = [each for each in town.step() if isinstance(each, Ack)][:1]
    assert (ack.journal, ack.hash, ack.at - NOW) == (JOURNAL, CHAIN[1].hash, timedelta(0))


def test_a_last_will_that_comes_late_does_not_outlast_the_next_report(town: Town) -> None:
    town.hear(HERE, Leaf.CONNECTION)
    town.hear(status(), Leaf.STATUS)
    town.hear(GONE, Leaf.CONNECTION)
    town.hear(status(), Leaf.STATUS, retained=True)
    town.step()
    assert town.state() is State.DOWN
    town.hear(status(count=1), Leaf.STATUS)
    town.step()
    assert town.state() is State.UP


def test_what_was_recorded_and_is_played_again_keeps_no_dead_gateway_alive(town: Town) -> None:
    town.hear(HERE, Leaf.CONNECTION)
    town.hear(status(starts=1, count=1), Leaf.STATUS)
    town.hear(batch(CHAIN, 1, 3), Leaf.RECORDS)
    town.step()
    town.hear(GONE, Leaf.CONNECTION)
    town.step()
    town.database.run("UPDATE gateway SET seen = seen - 3600000000")
    seen = town.database.value("SELECT seen FROM gateway WHERE id = ?", GATEWAY)
    for payload, leaf in (
        (HERE, Leaf.CONNECTION),
        (status(starts=1, count=1), Leaf.STATUS),
        (batch(CHAIN, 1, 3), Leaf.RECORDS),
    ):
        town.hear(payload, leaf)
    town.step()
    assert town.state() is State.DOWN
    assert town.database.value("SELECT seen FROM gateway WHERE id = ?", GATEWAY) == seen
    town.hear(msgspec.structs.replace(HERE, session=2), Leaf.CONNECTION)
    town.hear(status(starts=1, count=2), Leaf.STATUS)
    town.step()
    assert town.state() is State.UP


def test_a_clock_that_went_back_is_no_replay(town: Town) -> None:
    town.hear(status(starts=1, count=5, at=NOW + timedelta(days=400)), Leaf.STATUS)
    town.hear(status(starts=2, count=1, last_seq=77), Leaf.STATUS)
    town.step()
    (gateway,) = gateways(town.database, NOW, ZoneInfo("Asia/Jakarta"))
    assert gateway.status
    assert gateway.status.last_seq == 77


def test_who_believes_that_more_is_held_is_told(town: Town) -> None:
    """The database was restored from a backup that knows nothing of this journal yet."""
    town.hear(status(delivered=3), Leaf.STATUS)
    (ack,) = [each for each in town.step() if isinstance(each, Ack)]
    assert (ack.journal, ack.seq, ack.hash) == (JOURNAL, 0, genesis(GATEWAY, JOURNAL))


def test_who_has_less_than_is_held_is_told(town: Town) -> None:
    """An old card was put into the gateway."""
    town.hear(batch(CHAIN, 1, 5), Leaf.RECORDS)
    town.step()
    town.hear(status(last_seq=3, delivered=3), Leaf.STATUS)
    assert positions(town.step()) == [5]
    town.hear(status(last_seq=7, delivered=5, count=1), Leaf.STATUS)
    assert positions(town.step()) == []


def test_two_devices_that_take_turns_are_noticed_and_a_restart_is_not(town: Town) -> None:
    def begin(minute: int, *, retained: bool = False) -> None:
        nonlocal said
        said += 1
        since = NOW + timedelta(minutes=minute)
        town.hear(status(started=since, at=NOW + timedelta(seconds=said)), Leaf.STATUS, retained=retained)
        town.step()

    said = 0
    for minute in (1, 2, 2, 3, 4):  # it started four times, and connected twice in the second run
        begin(minute)
    begin(3, retained=True)
    assert town.state() is State.UP
    begin(3)
    assert town.state() is State.SICK


class Registry:
    """Answers every request for a certificate with the same one."""

    def renew(self, gateway: str, sealed: bytes, now: datetime) -> Certificate | None:
        del now
        return Certificate(gateway=gateway, certificate=PEM) if sealed != b"garbage" else None


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_a_renewed_certificate_goes_to_its_gateway(town: Town) -> None:
    town.collector = Collector(town.desk, town.database, KnownKeys(), CENTRAL_KEY, Registry())  # type: ignore[arg-type]
    town.step()
    town.hear(b"garbage", Leaf.RENEWAL)
    assert town.step() == []
    town.hear(b"asked", Leaf.RENEWAL)
    assert town.step() == [Certificate(gateway=GATEWAY, certificate=PEM)]
    town.desk.broken = True
    town.hear(b"asked", Leaf.RENEWAL)
    assert town.step() == []


def test_what_a_revoked_gateway_should_hold_is_taken_from_the_broker(town: Town) -> None:
    keys = KnownKeys()
    town.collector = Collector(town.desk, town.database, keys, CENTRAL_KEY)  # type: ignore[arg-type]
    assert versions(town.step()) == [FIRST]
    keys.gone = lambda: {GATEWAY}  # type: ignore[method-assign]
    town.step()
    assert town.desk.cleared == [topic(GATEWAY, Leaf.DESIRED)]
    town.step()
    assert len(town.desk.cleared) == 1
    town.desk.session = 2
    town.step()
    assert len(town.desk.cleared) == 2, "again, for a broker that forgot"
    keys.gone = set  # type: ignore[method-assign]
    assert versions(town.step()) == [FIRST], "a gateway that is enrolled again gets it again"
