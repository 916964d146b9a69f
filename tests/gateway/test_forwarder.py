from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.clock import Now
from gateway.downlink import Downlink
from gateway.forwarder import BATCH_LIMIT, FIRST_SIZE, FIRST_TIMEOUT, LAST_TIMEOUT, Forwarder
from gateway.journal import Journal, Position
from mqtt_bridge.client import Inbound, LinkDown
from mqtt_bridge.envelope import seal, unseal
from mqtt_bridge.records import Ack, Batch, Member, broken_link, decode, genesis
from mqtt_bridge.sealing import public_text
from mqtt_bridge.topics import Leaf, topic

from ..links import FakeLink
from .factories import MORNING, RULES, STRANGER, desired, journal, message, rules
from .fakes import FakeClock

GATEWAY_KEY = Ed25519PrivateKey.generate()
CENTRAL_KEY = Ed25519PrivateKey.generate()


@dataclass
class Desk(FakeLink):
    """A link whose other end is the test."""

    sent: list[Batch] = field(default_factory=list)

    def publish(self, _topic: str, payload: bytes, *, retain: bool) -> None:
        if not self.connected:
            raise LinkDown("cut")
        assert not retain
        self.sent.append(decode(unseal(payload, GATEWAY_KEY.public_key())))


class Gateway:
    """Journal, forwarder and downlink at one desk, with a clock to turn by hand."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.journal: Journal = journal(folder)
        self.forwarder = Forwarder(self.desk, self.journal, GATEWAY_KEY)
        self.downlink = Downlink(self.desk, self.journal, self.forwarder, CENTRAL_KEY.public_key(), FakeClock())
        self.seconds = 0.0

    def records(self, count: int) -> None:
        start = self.journal.position().last
        self.journal.admit([message(sent=MORNING + timedelta(days=start + day)) for day in range(count)], RULES)

    def step(self, after: float = 0.0) -> bool:
        self.seconds += after
        return self.forwarder.step(Now(MORNING, self.seconds))

    def hear(self, payload: Any, key: Any = CENTRAL_KEY, leaf: Leaf = Leaf.ACK, *, retained: bool = False) -> None:
        self.desk.inbox.append(Inbound(topic("dinkes-01", leaf), seal(payload, key), retained))
        self.downlink.step()

    def ack(self, seq: int, **changes: Any) -> Ack:
        known = self.journal.hash_at(seq) or "00" * 32
        values = {"gateway": "dinkes-01", "journal": self.journal.id, "seq": seq, "hash": known, "at": MORNING}
        return Ack(**{**values, **changes})


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path)
    yield made
    made.journal.close()


def test_one_batch_at_a_time_in_order_until_all_is_held(gateway: Gateway) -> None:
    gateway.records(FIRST_SIZE + 30)
    assert gateway.step()
    assert not gateway.step()
    gateway.hear(gateway.ack(FIRST_SIZE))
    assert gateway.step()
    gateway.hear(gateway.ack(FIRST_SIZE + 30))
    assert not gateway.step()
    sent = [record for batch in gateway.desk.sent for record in batch.records]
    assert [record.seq for record in sent] == list(range(1, FIRST_SIZE + 31))
    assert broken_link(gateway.desk.sent[0].previous, sent) is None
    assert gateway.journal.position().delivered == FIRST_SIZE + 30


def test_an_unanswered_batch_is_sent_again_ever_smaller_and_slower(gateway: Gateway) -> None:
    gateway.records(FIRST_SIZE)
    gateway.step()
    assert not gateway.step(after=FIRST_TIMEOUT - 1)
    assert gateway.step(after=1)
    assert [len(batch.records) for batch in gateway.desk.sent] == [FIRST_SIZE, FIRST_SIZE // 2]
    assert not gateway.step(after=FIRST_TIMEOUT)
    for _ in range(20):
        gateway.step(after=LAST_TIMEOUT)
    assert len(gateway.desk.sent[-1].records) == 1
    assert gateway.step(after=LAST_TIMEOUT)


def test_batches_grow_while_all_goes_well(gateway: Gateway) -> None:
    gateway.records(3000)
    while gateway.step():
        gateway.hear(gateway.ack(gateway.desk.sent[-1].records[-1].seq))
    sizes = [len(batch.records) for batch in gateway.desk.sent]
    assert sizes[:5] == [50, 100, 200, 400, 500]
    assert max(sizes) == BATCH_LIMIT


def test_a_new_connection_sends_at_once(gateway: Gateway) -> None:
    gateway.records(1)
    gateway.step()
    gateway.desk.connected = False
    assert not gateway.step(after=1000)
    gateway.desk.connected, gateway.desk.session = True, 2
    assert gateway.step()


def test_a_collector_that_comes_back_gets_it_at_once_but_a_repeated_ack_does_not(gateway: Gateway) -> None:
    gateway.records(1)
    gateway.step()
    gateway.hear(gateway.ack(0))
    assert not gateway.step()
    gateway.hear(desired(), leaf=Leaf.DESIRED, retained=True)
    assert not gateway.step()
    gateway.hear(desired(), leaf=Leaf.DESIRED)
    assert gateway.step()


def test_a_collector_that_lost_data_gets_it_again(gateway: Gateway) -> None:
    gateway.records(3)
    gateway.step()
    gateway.hear(gateway.ack(3))
    gateway.hear(gateway.ack(1))
    assert gateway.step()
    assert [record.seq for record in gateway.desk.sent[-1].records] == [2, 3]


def test_a_refusal_is_kept_and_asked_again_at_the_pace_of_timeouts(gateway: Gateway) -> None:
    gateway.records(1)
    gateway.step()
    gateway.hear(gateway.ack(0, refused="chain"))
    assert gateway.forwarder.refused == "chain"
    assert not gateway.step()
    assert gateway.step(after=FIRST_TIMEOUT)
    gateway.hear(gateway.ack(1))
    assert gateway.forwarder.refused is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda g: g.hear(g.ack(1), key=Ed25519PrivateKey.generate()),
        lambda g: g.hear(g.ack(1, gateway="dinkes-02")),
        lambda g: g.hear(g.ack(1), leaf=Leaf.DESIRED),
        lambda g: g.desk.inbox.append(Inbound(topic("dinkes-01", Leaf.ACK), b"nonsense")) or g.downlink.step(),
    ],
)
def test_only_the_collectors_word_counts(gateway: Gateway, forge: Any) -> None:
    gateway.records(1)
    gateway.step()
    forge(gateway)
    assert gateway.journal.position().delivered == 0
    assert gateway.journal.desired() is None


@pytest.mark.parametrize("changes", [{"seq": 5}, {"seq": 1, "hash": "11" * 32}])
def test_a_journal_that_was_turned_back_begins_anew_with_all_it_holds(
    gateway: Gateway, changes: dict[str, Any]
) -> None:
    gateway.records(3)
    gateway.hear(gateway.ack(2))
    former, before = gateway.journal.id, gateway.journal.records(0, 10)
    gateway.hear(gateway.ack(**changes))
    assert gateway.journal.id != former
    assert gateway.journal.forked()
    assert gateway.journal.position() == Position(0, 3)
    after = gateway.journal.records(0, 10)
    assert broken_link(genesis("dinkes-01", gateway.journal.id), after) is None
    assert [(each.fingerprint, each.receipt, each.at) for each in after] == [
        (each.fingerprint, each.receipt, each.at) for each in before
    ]
    gateway.step()
    assert gateway.desk.sent[-1].journal == gateway.journal.id
    gateway.hear(gateway.ack(3))
    assert gateway.journal.position() == Position(3, 3)


def test_an_ack_of_the_journal_before_changes_nothing(gateway: Gateway) -> None:
    gateway.records(1)
    former = gateway.ack(1)
    gateway.hear(gateway.ack(9))
    journal_ = gateway.journal.id
    gateway.hear(former)
    assert (gateway.journal.id, gateway.journal.position().delivered) == (journal_, 0)


def test_a_roster_is_applied(gateway: Gateway) -> None:
    gateway.hear(desired(), leaf=Leaf.DESIRED)
    assert gateway.journal.desired() == desired()


def test_who_asked_for_a_number_is_told_though_the_power_fails_after_the_roster_is_there(gateway: Gateway) -> None:
    key = public_text(X25519PrivateKey.generate())
    gateway.journal.admit([message("DAFTAR 199001012020121001", sender=STRANGER)], rules(sealing_key=key))
    wanted = desired()
    wanted = msgspec.structs.replace(wanted, roster=(*wanted.roster, Member(employee="e-dewi", phone=STRANGER)))
    gateway.journal.apply(wanted)
    for _ in range(2):
        gateway.hear(wanted, leaf=Leaf.DESIRED, retained=True)
        assert ["kini terdaftar" in reply.text for reply in gateway.journal.unsent(10)] == [False, True]
