"""From one SQLite file to another over a real broker, beside the same bytes sent and thrown away.

Ours is journal → forwarder → broker → collector → ack, durable on both sides (synchronous=FULL). The peer publishes
the same sealed batches with QoS 1 to a subscriber that only counts them: what broker and client cost alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.collector import Collector
from central.database import Database, sqlite_url
from central.keys import GatewayKeys
from gateway.clock import Now, SystemClock
from gateway.downlink import Downlink
from gateway.forwarder import Forwarder
from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from gateway.rules import Rules, by_number
from mqtt_bridge.broker import EmbeddedBroker
from mqtt_bridge.client import MqttLink
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make
from mqtt_bridge.records import BATCH_LIMIT, Batch, Channel, Member, Policy
from mqtt_bridge.topics import UPLINK, Leaf, downlink, topic
from tests.waiting import free_ports

from .report import compare

RECORDS = 20_000
GATEWAY = "bench-01"


def main() -> None:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker("127.0.0.1", port):
        place = Path(folder)
        key, central_key = load_or_make(place / f"{GATEWAY}.key"), load_or_make(place / "central.key")
        journal = filled(place)
        up = MqttLink("127.0.0.1", port, GATEWAY, [downlink(GATEWAY)])
        down = MqttLink("127.0.0.1", port, "central-bench", UPLINK)
        until(lambda: up.connected and down.connected)
        sealed = batches(journal, key)

        def ours() -> float:
            with tempfile.TemporaryDirectory() as fresh:
                database = Database(sqlite_url(Path(fresh) / "central.db"))
                collector = Collector(down, database, GatewayKeys(place, database), central_key)
                forwarder = Forwarder(up, journal, key)
                listener = Downlink(up, journal, forwarder, central_key.public_key(), SystemClock())
                rewind(journal)
                up.take(), down.take()
                start = time.perf_counter()
                while journal.position().delivered < RECORDS:
                    forwarder.step(Now(datetime.now(UTC), time.monotonic()))
                    collector.step(datetime.now(UTC))
                    listener.step()
                took = time.perf_counter() - start
                database.close()
            return RECORDS / took

        def bare() -> float:
            down.take()
            start = time.perf_counter()
            arrived = 0
            for each in sealed:
                up.publish(topic(GATEWAY, Leaf.RECORDS), each, retain=False)
                arrived += len(down.take())
            while arrived < len(sealed):
                arrived += len(down.take())
            return RECORDS / (time.perf_counter() - start)

        title = "Forwarding 20,000 records, one thread for both sides"
        compare(title, "records/s", ours, {"send and forget": bare})
        up.close()
        down.close()
        journal.close()


def filled(folder: Path) -> Journal:
    journal = Journal(folder / "journal.db", GATEWAY)
    phones = [f"+62812{1000000 + number}" for number in range(200)]
    roster = [Member(employee=f"e-{number}", phone=phone) for number, phone in enumerate(phones)]
    rules = Rules(by_number(roster), Policy(answers_per_day=0))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    for day in range(RECORDS // len(phones)):
        at = start + timedelta(days=day)
        journal.admit([message(phone, at + timedelta(seconds=n)) for n, phone in enumerate(phones)], rules)
    return journal


def message(phone: str, at: datetime) -> IncomingMessage:
    return IncomingMessage(
        channel=Channel.SMS, form=Form.TEXT, sender=phone, text="HADIR", sent=at, received=at, clock_trusted=True
    )


def batches(journal: Journal, key: Ed25519PrivateKey) -> list[bytes]:
    made = []
    for after in range(0, RECORDS, BATCH_LIMIT):
        records = journal.records(after=after, limit=BATCH_LIMIT)
        previous = str(journal.hash_at(after))
        batch = Batch(
            gateway=GATEWAY, journal=journal.id, previous=previous, sent=records[0].received, records=records
        )
        made.append(seal(batch, key))
    return made


def rewind(journal: Journal) -> None:
    """As after an ack of a collector that holds nothing."""
    from mqtt_bridge.records import Ack

    start = str(journal.hash_at(0))
    journal.acknowledge(Ack(gateway=GATEWAY, journal=journal.id, seq=0, hash=start, at=datetime.now(UTC)))


def until(truth: Callable[[], bool]) -> None:
    while not truth():
        time.sleep(0.01)


if __name__ == "__main__":
    main()
