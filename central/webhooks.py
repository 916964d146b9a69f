"""Tells endpoints of new records, by Standard Webhooks: signed, each at least once, in order for each employee.

The only file of central that imports standardwebhooks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog
from standardwebhooks import Webhook

from mqtt_bridge.loop import Loop

from . import deliveries, endpoints, outbound, queries
from .config import WebhooksSection
from .database import Database, StorageError
from .deliveries import Delivery
from .endpoints import Endpoint
from .outbound import Outcome, Rules
from .web import contract

log = structlog.get_logger(__name__)

BATCH = 20  # attempts between two commits: after a crash so many may be made again
PAUSE = 1.0
CREATED = "record.created"


def rules(section: WebhooksSection) -> Rules:
    return Rules(http=section.allow_http, local=section.allow_local, seconds=section.timeout_seconds)


def message(entry: queries.Entry) -> tuple[str, bytes]:
    """The id and the body. The id is the record's own, so that it stays the same after a restore from a backup."""
    record = contract.record(entry)
    body = {"type": CREATED, "timestamp": record.stored, "data": record}
    return f"rec_{record.hash[:32]}", msgspec.json.encode(body)


def signed(endpoint: Endpoint, id_: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers. Two signatures while the endpoint changes over to another secret."""
    text = body.decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Gardu",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(id_, now, text) for secret in endpoint.secrets(now)),
    }


def test(endpoint: Endpoint, rules: Rules, now: datetime) -> Outcome:
    """Whether it would take something: an event that says nothing of anybody."""
    id_ = f"test_{secrets.token_hex(8)}"
    body = msgspec.json.encode({"type": "test", "timestamp": now, "data": {"endpoint": endpoint.name}})
    return outbound.post(endpoint.url, signed(endpoint, id_, body, now), body, rules)


class Sender:
    """Brings one endpoint what it was not told yet."""

    def __init__(self, database: Database, id_: int, rules: Rules, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._id = id_
        self._rules = rules
        self._clock = clock

    def step(self) -> bool:
        """Tells whether anything was sent or is to be sent at once. Raises `StorageError`."""
        now = self._clock()
        endpoint = endpoints.one(self._database, self._id)
        if endpoint is None or endpoint.disabled is not None:
            return False
        filled = deliveries.fill(self._database, endpoint, now)
        if now < endpoint.resume:
            return filled == deliveries.AT_ONCE
        return self._send(endpoint, deliveries.due(self._database, endpoint, now, BATCH)) or filled > 0

    def _send(self, endpoint: Endpoint, wanted: list[Delivery]) -> bool:
        """Until the endpoint needs rest: what it refuses of one employee must not hold up the others."""
        tried: list[tuple[Delivery, Outcome]] = []
        entries = {entry.id: entry for entry in queries.by_ids(self._database, [each.record for each in wanted])}
        for delivery in wanted:
            entry = entries.get(delivery.record)
            if entry is None:  # its time had come, and it was removed: there is nothing to tell any more
                tried.append((delivery, Outcome(204)))
                continue
            id_, body = message(entry)
            outcome = outbound.post(endpoint.url, signed(endpoint, id_, body, self._clock()), body, self._rules)
            tried.append((delivery, outcome))
            if not outcome.ok:
                log.info("webhook not taken", endpoint=endpoint.name, problem=outcome.problem)
            if deliveries.rests(outcome):
                break
        if tried:
            deliveries.settle(self._database, endpoint, tried, self._clock())
        return bool(tried)


class Webhooks:
    """A sender for each endpoint, in a thread of its own: a slow one holds up no other."""

    def __init__(self, database: Database, rules: Rules, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._loops: dict[int, Loop] = {}
        self._watch = Loop("webhooks", self._look, PAUSE, expected=(StorageError,))

    def start(self) -> None:
        self._watch.start()

    def stop(self, timeout: float) -> None:
        self._watch.stop(timeout)
        for loop in self._loops.values():
            loop.stop(0)  # all at once
        for loop in self._loops.values():
            loop.stop(timeout)

    def _look(self) -> bool:
        """Begin for endpoints that are new, end for those that are gone."""
        wanted = {endpoint.id: endpoint for endpoint in endpoints.everyone(self._database)}
        for id_ in set(self._loops) - set(wanted):
            self._loops.pop(id_).stop(0)
        for id_ in set(wanted) - set(self._loops):
            sender = Sender(self._database, id_, self._rules, self._clock)
            name = f"webhook {wanted[id_].name}"
            self._loops[id_] = Loop(name, sender.step, PAUSE, expected=(StorageError,))
            self._loops[id_].start()
        return False
