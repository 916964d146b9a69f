"""Endpoints are told of every record, in order for each employee, whatever becomes of the one or the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from central import audit, deliveries, endpoints, webhooks
from central.database import Database
from central.deliveries import ATTEMPTS, BACKOFF, Count
from central.endpoints import Endpoint
from central.ingest import Ingest
from central.outbound import Outcome, Rules
from central.refusal import Refusal
from central.webhooks import Sender
from mqtt_bridge.records import Record, chained, genesis

from ..waiting import eventually
from .factories import GATEWAY, JOURNAL, NOW, KnownKeys, batch, envelope, record
from .listeners import Heard, Listener, listening

OPEN = Rules(http=True, local=True, seconds=5)
PEOPLE = 3


def crowd(length: int) -> list[Record]:
    """Records of three people in turn."""
    made: list[Record] = []
    previous = genesis(GATEWAY, JOURNAL)
    for seq in range(1, length + 1):
        made.append(chained(previous, record(seq, employee=f"e-{seq % PEOPLE}")))
        previous = str(made[-1].hash)
    return made


class Desk:
    """A collector with an endpoint, a clock of its own, and a way to bring in records."""

    def __init__(self, database: Database, listener: Listener) -> None:
        self.database = database
        self.listener = listener
        self.now = NOW
        self.held = 0
        self.endpoint = self.add("sinergi")
        self.sender = Sender(database, self.endpoint.id, OPEN, lambda: self.now)

    def add(self, name: str, **options: Any) -> Endpoint:
        return endpoints.add(self.database, name, self.listener.url, OPEN, "it", self.now, **options)

    def take(self, count: int) -> None:
        first, self.held = self.held + 1, self.held + count
        sealed = envelope(batch(crowd(self.held), first, self.held))
        Ingest(self.database, KnownKeys()).take([sealed], self.now)  # type: ignore[arg-type]

    def run(self, sender: Sender | None = None) -> None:
        """Until nothing is left to do now."""
        for _ in range(1000):
            if not (sender or self.sender).step():
                return
        raise AssertionError("the sender never rests")

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.run()

    def refuse(self, *employees: str, status: int = 500) -> None:
        def answer(heard: Heard, _: BaseHTTPRequestHandler) -> int:
            return status if heard.data["employee"] in employees else 200

        self.listener.answer = answer

    @property
    def state(self) -> Endpoint:
        found = endpoints.one(self.database, self.endpoint.id)
        assert found
        return found

    @property
    def count(self) -> Count:
        return deliveries.counts(self.database).get(self.endpoint.id, Count())

    @property
    def taken(self) -> dict[str, list[int]]:
        """Employee → seq of what was taken of them, in that order."""
        found = defaultdict(list)
        for employee, seq in self.listener.taken:
            found[employee].append(seq)
        return dict(found)

    def has_all(self) -> bool:
        """Nothing lost, nothing twice, in order for each."""
        return self.taken == {
            f"e-{each}": [seq for seq in range(1, self.held + 1) if seq % PEOPLE == each]
            for each in {seq % PEOPLE for seq in range(1, self.held + 1)}
        }


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with listening() as listener:
        yield Desk(database, listener)


def test_every_record_is_told_once_and_in_order(desk: Desk) -> None:
    desk.take(7)
    desk.take(5)
    desk.run()
    assert [seq for _, seq in desk.listener.taken] == list(range(1, 13))
    assert (desk.count, desk.state.delivered) == (Count(), 12)


def test_what_is_sent_is_signed_as_standard_webhooks_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.now = datetime.now(NOW.tzinfo)
    desk.take(1)
    desk.run()
    (heard,) = desk.listener.heard
    event = Webhook(desk.endpoint.secret).verify(heard.body, heard.headers)
    assert (event["type"], event["data"]["seq"], event["data"]["at"]) == ("record.created", 1, "2026-11-24T00:01:00Z")
    assert heard.id == f"rec_{crowd(1)[0].hash:.32}"
    with pytest.raises(WebhookVerificationError):
        Webhook(desk.endpoint.secret).verify(heard.body + b" ", heard.headers)


def test_the_signature_of_the_specifications_own_example() -> None:
    """Made by another implementation, of the reference libraries' tests."""
    endpoint = Endpoint(
        1, "x", "https://x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None, None, NOW, 0, None, 0, NOW, "", 0, None
    )
    at = datetime.fromtimestamp(1614265330, NOW.tzinfo)
    headers = webhooks.signed(endpoint, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_only_what_comes_after_it_was_added_unless_it_asks_for_all(desk: Desk) -> None:
    desk.take(3)
    late, whole = desk.add("late"), desk.add("whole", from_start=True)
    desk.take(1)
    for endpoint in (late, whole):
        desk.listener.heard.clear()
        desk.run(Sender(desk.database, endpoint.id, OPEN, lambda: desk.now))
        assert [each.data["seq"] for each in desk.listener.heard] == ([4] if endpoint is late else [1, 2, 3, 4])


def test_one_that_is_not_taken_holds_up_only_its_own_employee(desk: Desk) -> None:
    desk.refuse("e-1", status=400)
    desk.take(9)
    desk.run()
    assert desk.taken == {"e-2": [2, 5, 8], "e-0": [3, 6, 9]}
    assert desk.count.waiting == 3
    assert "answered 400" in desk.state.problem or desk.state.failures == 0
    desk.refuse()
    desk.later(seconds=6)
    assert desk.has_all()


def test_many_that_are_not_taken_hold_up_the_others_for_minutes_and_not_for_days(desk: Desk) -> None:
    made: list[Record] = []
    for seq in range(1, 62):
        previous = str(made[-1].hash) if made else genesis(GATEWAY, JOURNAL)
        made.append(chained(previous, record(seq, employee=f"e-{seq}")))
    Ingest(desk.database, KnownKeys()).take([envelope(batch(made, 1, 61))], desk.now)  # type: ignore[arg-type]
    desk.refuse(*(f"e-{seq}" for seq in range(1, 61)), status=422)
    desk.run()
    for _ in range(3):
        desk.later(minutes=6)
    assert desk.taken == {"e-61": [61]}
    assert len(desk.listener.heard) < 150


def test_whoever_never_takes_one_gets_the_next_after_three_days_and_the_dead_one_when_asked(desk: Desk) -> None:
    desk.refuse("e-1", status=422)
    desk.take(4)
    desk.run()
    for wait in BACKOFF:
        assert desk.count.dead == 0
        desk.take(3)  # others go on
        desk.later(seconds=wait.total_seconds() + 1)
    assert sum(BACKOFF, timedelta()) > timedelta(days=3)
    assert desk.count.dead == 1
    (dead,) = deliveries.dead(desk.database, desk.endpoint)
    assert (dead.employee, dead.attempts, dead.problem) == ("e-1", ATTEMPTS, "answered 422")
    desk.refuse()
    desk.later(days=2)
    assert 1 not in desk.taken["e-1"]
    assert desk.count.waiting == 0
    assert deliveries.resend(desk.database, desk.endpoint, "it", desk.now) == 1
    desk.run()
    assert desk.taken["e-1"][-1] == 1
    assert desk.count == Count()
    seqs = [seq for _, seq in desk.listener.taken]
    assert sorted(seqs) == list(range(1, desk.held + 1))


def test_one_of_several_dead_is_sent_again_alone(desk: Desk) -> None:
    desk.take(3)
    deliveries.fill(desk.database, desk.state, desk.now)
    desk.database.run("UPDATE delivery SET dead = 1")
    assert deliveries.resend(desk.database, desk.endpoint, "it", desk.now, record=2) == 1
    desk.run()
    assert [seq for _, seq in desk.listener.taken] == [2]
    assert desk.count.dead == 2


def test_an_endpoint_that_is_away_for_a_week_loses_nothing_and_is_not_hammered(desk: Desk) -> None:
    desk.refuse("e-0", "e-1", "e-2", status=503)
    desk.take(6)
    begun = desk.now
    while desk.now < begun + timedelta(days=7):
        desk.later(minutes=10)
    tried = len(desk.listener.heard)
    assert 7 < tried < 7 * 48 + 10  # twice an hour
    assert desk.count.dead == 0
    desk.take(3)
    desk.refuse()
    desk.later(minutes=31)
    assert desk.has_all()


def test_whoever_asks_for_time_gets_it(desk: Desk) -> None:
    def busy(_: Heard, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", "100")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    desk.listener.answer = busy
    desk.take(2)
    desk.run()
    desk.later(seconds=99)
    assert len(desk.listener.heard) == 1
    desk.refuse()
    desk.later(seconds=2)
    assert desk.has_all()


def test_whoever_wants_no_more_is_left_alone_and_keeps_its_queue(desk: Desk) -> None:
    desk.refuse("e-0", "e-1", "e-2", status=410)
    desk.take(3)
    desk.run()
    assert "410" in str(desk.state.disabled)
    desk.refuse()
    desk.take(3)
    desk.later(days=9)
    assert len(desk.listener.heard) == 1
    endpoints.enable(desk.database, desk.state, "it", desk.now)
    desk.run()
    assert desk.has_all()


def test_while_it_changes_over_either_secret_fits(desk: Desk) -> None:
    desk.now = datetime.now(NOW.tzinfo)
    former = desk.endpoint.secret
    fresh = endpoints.rotate(desk.database, desk.endpoint, "it", desk.now)
    assert former != fresh
    desk.take(1)
    desk.run()
    for secret in (former, fresh):
        Webhook(secret).verify(desk.listener.heard[-1].body, desk.listener.heard[-1].headers)
    assert desk.state.secrets(desk.now + endpoints.FORMER_HOLDS) == [fresh]


def test_what_people_change_is_noted_without_the_secret(desk: Desk) -> None:
    endpoints.rotate(desk.database, desk.endpoint, "it", NOW)
    endpoints.disable(desk.database, desk.endpoint, "moving house", "it", NOW)
    endpoints.enable(desk.database, desk.endpoint, "it", NOW)
    endpoints.remove(desk.database, desk.endpoint, "it", NOW)
    lines = list(audit.lines(desk.database))
    assert [line.event for line in lines] == [
        "webhook-added", "webhook-secret-rotated", "webhook-disabled", "webhook-enabled", "webhook-removed",
    ]  # fmt: skip
    assert "whsec_" not in str(lines)
    assert desk.database.rows("SELECT * FROM delivery") == []


@pytest.mark.parametrize(
    ("name", "url", "message"),
    [
        ("Sinergi!", "https://sinergi.example", "small letters"), ("b", "ftp://sinergi.example", "https://"),
        ("sinergi", "https://sinergi.example", "already"),
    ],
)  # fmt: skip
def test_an_endpoint_that_can_not_be_is_said(desk: Desk, name: str, url: str, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        endpoints.add(desk.database, name, url, Rules(), "it", NOW)


def test_what_was_counted_before_is_not_told_again(desk: Desk) -> None:
    """A record of hardware that was replaced, which came again in another journal."""
    desk.take(2)
    desk.database.run("UPDATE record SET duplicate = 1 WHERE seq = 1")
    desk.run()
    assert [seq for _, seq in desk.listener.taken] == [2]


def test_a_record_whose_time_had_come_is_passed_over(desk: Desk) -> None:
    desk.take(2)
    deliveries.fill(desk.database, desk.state, desk.now)
    desk.database.run("DELETE FROM record WHERE seq = 1")
    desk.run()
    assert [seq for _, seq in desk.listener.taken] == [2]
    assert desk.count == Count()


@pytest.mark.parametrize("status", [200, 500])
def test_an_endpoint_that_is_removed_while_it_answers_leaves_nothing_behind(desk: Desk, status: int) -> None:
    def answer(_heard: Heard, _handler: BaseHTTPRequestHandler) -> int:
        endpoints.remove(desk.database, desk.endpoint, "it", desk.now)
        return status

    desk.listener.answer = answer
    desk.take(1)
    desk.run()
    assert desk.database.rows("SELECT * FROM delivery") == []


def test_a_test_is_no_record(desk: Desk) -> None:
    assert webhooks.test(desk.endpoint, OPEN, desk.now).ok
    (heard,) = desk.listener.heard
    assert heard.id.startswith("test_")
    assert heard.data == {"endpoint": "sinergi"}
    assert not webhooks.test(desk.endpoint, Rules(http=True), desk.now).ok


def test_a_crash_between_sending_and_writing_it_down_sends_again_by_the_same_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take(3)
    with monkeypatch.context() as crash:
        crash.setattr(deliveries, "settle", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            desk.run()
    desk.run()
    ids = [each.id for each in desk.listener.heard]
    assert len(ids) == 6
    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:]


def test_a_slow_endpoint_holds_up_no_other(database: Database) -> None:
    with listening() as slow, listening() as quick:
        for name, listener in (("slow", slow), ("quick", quick)):
            endpoints.add(database, name, listener.url, OPEN, "it", NOW)
        held = [True]
        slow.answer = lambda *_: eventually(lambda: not held[0]) and 200
        sealed = envelope(batch(crowd(9), 1, 9))
        Ingest(database, KnownKeys()).take([sealed], NOW)  # type: ignore[arg-type]
        running = webhooks.Webhooks(database, Rules(http=True, local=True, seconds=60), lambda: NOW)
        running.start()
        try:
            eventually(lambda: len(quick.taken) == 9)
            assert slow.taken == []
            held[0] = False
            eventually(lambda: len(slow.taken) == 9)
        finally:
            held[0] = False
            running.stop(10)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.sampled_from([200, 200, 400, 500, 503, 410]), max_size=40),
    steps=st.lists(st.sampled_from(["take", "wait", "day", "crash"]), max_size=10),
)
def test_whatever_an_endpoint_answers_nothing_is_lost_and_order_is_kept(
    tmp_path_factory: pytest.TempPathFactory, answers: list[int], steps: list[str]
) -> None:
    """In the end it takes all: each employee's records are there, first told in their order."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('webhooks')}/central.db")
    database.run("PRAGMA synchronous = OFF")
    with pytest.MonkeyPatch.context() as patch:
        listener, script = Listener("https://sinergi.example"), iter(answers)
        patch.setattr(
            webhooks.outbound,
            "post",
            lambda _u, headers, body, _r: _heard(listener, headers, body, next(script, 200)),
        )
        desk = Desk(database, listener)
        for step in [*steps, "take"]:
            if step == "take":
                desk.take(4)
            elif step == "crash":
                _crash(desk, patch)
            desk.later(**({"days": 1} if step == "day" else {"seconds": 30}))
        for _ in range(80):
            if desk.state.disabled:
                endpoints.enable(database, desk.state, "it", desk.now)
            desk.later(days=1)
            if desk.count == Count():
                break
        assert desk.count == Count()
        for employee, seqs in desk.taken.items():
            first_told = list(dict.fromkeys(seqs))
            assert set(first_told) == {seq for seq in range(1, desk.held + 1) if f"e-{seq % PEOPLE}" == employee}
            assert first_told == sorted(first_told)
        assert len({seq for _, seq in listener.taken}) == desk.held
    database.close()


def _crash(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    """After sending, before anything is written down; or there was nothing to send."""

    def die(*_: object) -> None:
        raise SystemExit

    with patch.context() as crash, suppress(SystemExit):
        crash.setattr(deliveries, "settle", die)
        desk.run()


def _heard(listener: Listener, headers: dict[str, str], body: bytes, status: int) -> Outcome:
    heard = Heard(headers["webhook-id"], dict(headers), body)
    listener.heard.append(heard)
    if status == 200:
        heard.headers["taken"] = "yes"
    return Outcome(status, f"answered {status}")
