"""The collector away for long: all arrives in order, once, and whatever the broker forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from mqtt_bridge.records import Channel, Policy

from .gateway.factories import rules
from .system import GATEWAY, System, fetch
from .waiting import eventually


@pytest.mark.parametrize("broker", ["mosquitto", pytest.param("embedded", marks=pytest.mark.slow)])
def test_what_was_made_while_the_collector_was_away_arrives_in_order_and_once(tmp_path: Path, broker: str) -> None:
    made = 5000
    with System(tmp_path, employees=made, broker=broker) as system:
        system.start("broker", "central")
        eventually(lambda: fetch(system.url("central", "/healthz")))
        system.stop("central")
        fill(system, made)
        system.start("gateway")
        eventually(lambda: "no ack" in (tmp_path / "gateway.log").read_text(), 60, "a batch without an ack")
        # Whatever the broker had kept for the collector goes with it.
        system.kill("broker")
        system.start("broker", "central")
        eventually(lambda: system.status().get("delivered") == made, 60, "everything being acknowledged")
        arrived = system.records()
    assert [record["seq"] for record in arrived] == list(range(1, made + 1))


def fill(system: System, count: int) -> None:
    """Records in the gateway's journal as a long outage of the link leaves them: one of each employee."""
    (system.folder / "gateway").mkdir(exist_ok=True)
    journal = Journal(system.folder / "gateway" / "journal.db", GATEWAY)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    messages = [
        IncomingMessage(
            channel=Channel.SMS, form=Form.TEXT, sender=phone, text="HADIR", sent=start + timedelta(seconds=number),
            received=start + timedelta(seconds=number + 5), clock_trusted=True,
        )
        for number, phone in enumerate(system.phones)
    ]  # fmt: skip
    people = {phone: f"e-{number}" for number, phone in enumerate(system.phones)}
    made = rules(people, Policy(answers_per_day=0))
    journal.admit(messages, made)
    assert journal.position().last == count
    journal.close()
