"""Commands of the collector on one gateway: each carried out at most once, and answered the same every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.clock import Now
from gateway.config import Config, GatewaySection, ModemSection
from gateway.core import Core
from gateway.decision import Outcome
from gateway.executor import Executor
from gateway.journal import Journal
from gateway.orders import LOOP_SECONDS
from gateway.store import JournalError
from gateway.web.server import create_app
from modem.messages import ModemError, OutgoingSms, Registration, UssdAnswer, UssdStatus
from mqtt_bridge.client import Inbound, LinkDown
from mqtt_bridge.commands import sms_text
from mqtt_bridge.envelope import seal, unseal
from mqtt_bridge.records import Command, Ending, Policy, Result, decode
from mqtt_bridge.topics import Leaf, parse, topic

from ..links import FakeLink
from .factories import MORNING, OTHER, PHONE, desired, journal
from .fakes import FakeClock, FakeModem

GATEWAY = "dinkes-01"
KEY = Ed25519PrivateKey.from_private_bytes(b"g" * 32)
CENTRAL = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
FORGER = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
OWN = "+6281100001"
COSTLY: list[tuple[str, dict[str, str]]] = [
    ("sms", {"to": "own"}), ("sms", {"to": OTHER}), ("ussd", {"code": "*888#"}), ("restart-modem", {}),
]  # fmt: skip


@dataclass
class Desk(FakeLink):
    """A link whose other end is the test."""

    results: list[bytes] = field(default_factory=list)
    broken: bool = False

    def publish(self, name: str, payload: bytes, *, retain: bool) -> None:
        if self.broken:
            raise LinkDown("cut")
        place = parse(name)
        assert place
        if place[1] is Leaf.RESULT:
            assert not retain
            self.results.append(payload)


class Gateway:
    """One gateway over a modem and a link in memory; `reboot` is what a power cut leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modem = FakeModem()
        self.clock = FakeClock()
        self.number = 0
        self.boot()
        self.journal.apply(desired(policy=Policy(it_numbers=(OTHER,))))

    def boot(self) -> None:
        self.desk = Desk()
        self.journal: Journal = journal(self.folder)
        self.core = Core(self.modem, self.journal, self.clock, self.folder, own_number=OWN)
        self.core.connect(self.desk, KEY, CENTRAL.public_key())

    def reboot(self) -> None:
        self.journal.close()
        self.boot()

    def order(self, name: str = "ping", **changes: Any) -> Command:
        self.number += 1
        made = Command(
            gateway=GATEWAY, id=f"{self.number:032}", number=self.number, name=name,
            arguments=changes.pop("arguments", {}), issued=MORNING,
            expires=MORNING + timedelta(minutes=15), by="tina",
        )  # fmt: skip
        return msgspec.structs.replace(made, **changes)

    def hear(self, *commands: Command, key: Ed25519PrivateKey = CENTRAL, to: str = GATEWAY) -> None:
        self.desk.inbox += [Inbound(topic(to, Leaf.RUN), seal(each, key)) for each in commands]
        self.core.step_collector()

    def turn(self, seconds: float) -> None:
        now = self.clock.moment
        self.clock.moment = replace(
            now, wall=now.wall + timedelta(seconds=seconds), monotonic=now.monotonic + seconds
        )

    def step(self) -> None:
        self.core.step_modem()
        self.core.step_collector()

    def results(self) -> list[Result]:
        return [decode(unseal(each, KEY.public_key())) for each in self.desk.results]

    def do(self, name: str, **arguments: str) -> Result:
        self.hear(self.order(name, arguments=arguments))
        self.step()
        return self.results()[-1]

    def deeds(self) -> int:
        """How often the modem did something that must not be done twice."""
        return len(self.modem.sent) + len(self.modem.dialled) + self.modem.called.count("restart")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path)
    yield made
    made.journal.close()


def test_a_ping_is_answered(gateway: Gateway) -> None:
    result = gateway.do("ping")
    assert (result.ending, result.code, result.id) == (Ending.DONE, "pong", f"{1:032}")


def test_a_code_is_dialled(gateway: Gateway) -> None:
    result = gateway.do("ussd", code="*888#")
    assert (result.code, result.text) == ("ussd", gateway.modem.answer.text)
    assert gateway.modem.dialled == [("*888#",)]
    gateway.modem.answer = UssdAnswer(UssdStatus.TIMEOUT)
    result = gateway.do("ussd", code="*888#")
    assert (result.ending, result.code, result.facts) == (Ending.FAILED, "ussd-silent", {"status": "timeout"})


def test_a_test_sms_goes_to_staff(gateway: Gateway) -> None:
    assert gateway.do("sms", to=OTHER).code == "sms-sent"
    (sent,) = gateway.modem.sent
    assert (sent.number, sent.text[:10]) == (OTHER, "Gardu uji ")


def test_a_test_sms_comes_back(gateway: Gateway) -> None:
    order = gateway.order("sms", arguments={"to": "own"})
    gateway.hear(order)
    gateway.step()
    assert gateway.modem.sent == [OutgoingSms(OWN, sms_text(order))]
    assert gateway.results() == []
    gateway.turn(4.25)
    gateway.modem.put(1, sms_text(order), OWN)
    gateway.step()
    gateway.step()
    (result,) = gateway.results()
    assert (result.code, result.facts) == ("sms-back", {"seconds": "4.2"})
    assert gateway.modem.slots == {}
    assert gateway.journal.unsent(1) == [], "nobody answers it"
    assert [entry.outcome for entry in gateway.journal.log(9)] == [Outcome.TEST]
    assert gateway.journal.records(0, 1) == []


def test_a_test_sms_that_does_not_come_back(gateway: Gateway) -> None:
    order = gateway.order("sms", arguments={"to": "own"})
    gateway.hear(order)
    gateway.step()
    gateway.turn(LOOP_SECONDS)
    gateway.step()
    (result,) = gateway.results()
    assert (result.ending, result.code) == (Ending.FAILED, "sms-not-back")
    gateway.modem.put(1, sms_text(order), OWN)
    gateway.step()
    gateway.step()
    assert gateway.results() == [result], "what comes late changes nothing"
    assert gateway.journal.unsent(1) == []


def test_a_modem_is_restarted_although_it_can_not_be_read(gateway: Gateway) -> None:
    gateway.modem.fail["receive"] = ModemError("no answer")
    ussd, restart = gateway.order("ussd", arguments={"code": "*888#"}), gateway.order("restart-modem")
    gateway.hear(ussd, restart)
    with pytest.raises(ModemError):
        gateway.core.step_modem()
    gateway.core.step_collector()
    assert [result.code for result in gateway.results()] == ["modem-restarted"]
    gateway.modem.fail.clear()
    gateway.step()
    assert [result.code for result in gateway.results()] == ["modem-restarted", "ussd"]


def test_diagnostics_name_nobody(gateway: Gateway) -> None:
    gateway.modem.put(1, "HADIR", PHONE)
    gateway.core.step_modem()
    gateway.core.step_modem()
    gateway.core.step_modem()
    result = gateway.do("diagnostics")
    told = json.loads(result.text)
    assert told["journal"]["messages"] == {"recorded": 1}
    assert told["journal"]["records"] == {"last": 1, "delivered": 0}
    assert told["modem"]["signal"] == 61
    assert [percent for _, percent in told["signal"]] == [61]
    for private in (PHONE, PHONE[3:], "510101234567890", "e-ani", OTHER):
        assert private not in result.text


def test_records_are_sent_again(gateway: Gateway) -> None:
    for number in (PHONE, OTHER):
        gateway.modem.put(1, "HADIR", number)
        gateway.core.step_modem()
    last = gateway.journal.records(0, 9)[-1]
    ack_all(gateway, str(last.hash))
    assert gateway.journal.position().delivered == 2
    result = gateway.do("resend", from_seq="2")
    assert (result.code, result.facts) == ("resent", {"first": "2", "last": "2"})
    assert gateway.journal.position().delivered == 1
    assert gateway.do("resend", from_seq="3").code == "nothing-to-resend"


def ack_all(gateway: Gateway, hash_: str) -> None:
    from mqtt_bridge.records import Ack

    ack = Ack(gateway=GATEWAY, journal=gateway.journal.id, seq=2, hash=hash_, at=MORNING)
    gateway.desk.inbox.append(Inbound(topic(GATEWAY, Leaf.ACK), seal(ack, CENTRAL)))
    gateway.core.step_collector()


def test_what_comes_in_is_before_any_command(gateway: Gateway) -> None:
    gateway.hear(gateway.order("ussd", arguments={"code": "*888#"}))
    gateway.modem.put(1, "HADIR", PHONE)
    gateway.core.step_modem()
    assert gateway.modem.dialled == []
    gateway.core.step_modem()
    assert (len(gateway.modem.sent), gateway.modem.dialled) == (1, []), "the reply as well"
    gateway.core.step_modem()
    assert gateway.modem.dialled == [("*888#",)]


def test_without_a_network_nothing_is_tried(gateway: Gateway) -> None:
    gateway.modem.registration = Registration.SEARCHING
    assert gateway.do("sms", to=OTHER).code == "no-network"
    assert gateway.modem.sent == []


def test_what_fails_is_not_tried_again(gateway: Gateway) -> None:
    gateway.modem.fail["send"] = ModemError("no answer")
    result = gateway.do("sms", to="own")
    assert (result.ending, result.code, result.text) == (Ending.FAILED, "modem", "no answer")
    gateway.modem.fail.clear()
    gateway.step()
    assert gateway.modem.sent == []


# At most once, and always the same


@pytest.mark.parametrize(("name", "arguments"), [("ping", {}), ("ussd", {"code": "*888#"}), ("sms", {"to": OTHER})])
def test_delivered_again_it_is_answered_the_same_and_not_done_again(
    gateway: Gateway, name: str, arguments: dict[str, str]
) -> None:
    order = gateway.order(name, arguments=arguments)
    gateway.hear(order, order)
    gateway.step()
    gateway.turn(60.0)
    said = len(gateway.desk.results)
    gateway.hear(order)
    assert len(gateway.desk.results) == said + 1
    assert len(set(gateway.desk.results)) == 1
    before = gateway.desk.results[0]
    gateway.reboot()
    gateway.hear(order)
    gateway.step()
    done = gateway.deeds()
    assert done == (0 if name == "ping" else 1)
    assert set(gateway.desk.results) == {before}


@pytest.mark.parametrize(("name", "arguments"), COSTLY)
def test_a_kill_between_beginning_and_answer(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, name: str, arguments: dict[str, str]
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    order = gateway.order(name, arguments=arguments)
    gateway.hear(order)
    with monkeypatch.context() as patch:
        patch.setattr(Executor, "_finish", kill)
        if arguments.get("to") == "own":
            gateway.step()
        else:
            with pytest.raises(Killed):
                gateway.step()
    assert gateway.deeds() == 1
    gateway.reboot()
    gateway.hear(order)
    gateway.step()
    gateway.step()
    (result,) = gateway.results()
    assert (result.ending, result.code) == (Ending.UNKNOWN, "interrupted")
    assert result.facts["begun"] == MORNING.isoformat(timespec="seconds")
    assert gateway.deeds() == 1


def test_a_disk_that_is_full_before_begins_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise JournalError("disk is full")

    gateway.hear(gateway.order("ussd", arguments={"code": "*888#"}))
    with monkeypatch.context() as patch:
        patch.setattr(gateway.journal, "begin_command", full)
        with pytest.raises(JournalError):
            gateway.core.step_modem()
    assert gateway.deeds() == 0
    gateway.step()
    assert gateway.deeds() == 1


def test_a_kill_before_it_began_loses_nothing(gateway: Gateway) -> None:
    gateway.hear(gateway.order("ussd", arguments={"code": "*888#"}))
    gateway.reboot()
    gateway.step()
    assert [result.code for result in gateway.results()] == ["ussd"]


def test_what_could_not_be_said_is_said_in_the_next_session(gateway: Gateway) -> None:
    gateway.desk.broken = True
    gateway.hear(gateway.order())
    assert gateway.results() == []
    gateway.desk.broken, gateway.desk.session = False, 2
    gateway.core.step_collector()
    gateway.core.step_collector()
    assert len(gateway.results()) == 1
    gateway.desk.session = 3  # the broker may have lost it
    gateway.core.step_collector()
    assert len(set(gateway.desk.results)) == 1
    assert len(gateway.desk.results) == 2


# Not believed


def test_anothers_signature_is_not_believed(gateway: Gateway) -> None:
    for key in (FORGER, KEY):
        gateway.hear(gateway.order("restart-modem"), key=key)
        gateway.step()
    assert (gateway.deeds(), gateway.results(), gateway.journal.orders(9)) == (0, [], [])
    assert "signature" in (gateway.core.collector.downlink.disbelieved or "")  # type: ignore[union-attr]


def test_a_command_for_another_gateway_is_not_taken(gateway: Gateway) -> None:
    """A copy of what is for another one, on our topic or on its own."""
    theirs = gateway.order("restart-modem", gateway="disdik-01")
    gateway.hear(theirs)
    gateway.hear(theirs, to="disdik-01")
    gateway.hear(gateway.order("restart-modem"), to="disdik-01")
    gateway.step()
    assert (gateway.deeds(), gateway.results(), gateway.journal.orders(9)) == (0, [], [])


def test_an_expired_one_is_refused_and_answered(gateway: Gateway) -> None:
    order = gateway.order("restart-modem")
    gateway.turn(15 * 60)
    gateway.hear(order)
    gateway.step()
    assert [(each.ending, each.code) for each in gateway.results()] == [(Ending.REFUSED, "expired")]
    assert gateway.deeds() == 0


def test_one_that_waited_too_long_for_the_modem_is_refused(gateway: Gateway) -> None:
    gateway.modem.fail["receive"] = ModemError("no answer")
    gateway.hear(gateway.order("ussd", arguments={"code": "*888#"}))
    gateway.turn(15 * 60)
    with pytest.raises(ModemError):
        gateway.core.step_modem()
    gateway.core.step_collector()
    assert [each.code for each in gateway.results()] == ["expired"]


def test_an_old_one_is_not_taken_whatever_the_clock_says(gateway: Gateway) -> None:
    """Somebody kept it from us, and says it after the next one: our clock is of no help, its number is."""
    gateway.clock.moment = Now(MORNING, 0.0, trusted=False, synchronised=False)
    kept_back = gateway.order("restart-modem")
    gateway.hear(gateway.order("ping"))
    gateway.hear(kept_back)
    gateway.reboot()
    gateway.hear(kept_back)
    gateway.step()
    assert gateway.deeds() == 0
    assert {each.code for each in gateway.results()} == {"pong"}


def test_old_ones_are_forgotten_and_still_not_done_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.order_book._COMMANDS", 3)
    first = gateway.order("restart-modem")
    gateway.hear(first)
    gateway.step()
    for _ in range(5):
        gateway.do("ping")
    assert gateway.journal.order(first.id) is None
    gateway.hear(first)
    gateway.step()
    assert gateway.deeds() == 1


# For people at the office


def test_the_page_tells_what_was_asked_and_who_hears_it(gateway: Gateway) -> None:
    gateway.do("sms", to=OTHER)
    gateway.hear(gateway.order("ussd", arguments={"code": "*888#"}))
    settings = Config(gateway=GatewaySection(id=GATEWAY, data_dir="x"), modem=ModemSection(device="x"))
    page = create_app(gateway.core, settings).test_client().get("/").text
    assert "SMS uji diserahkan ke jaringan." in page
    assert "tina" in page
    assert "Menunggu" in page
    assert OTHER not in page
