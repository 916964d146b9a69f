"""Commands at central: asked by who may, said until they are answered, and answered once by the gateway itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from central import audit, desired, fleet, orders, sessions
from central.collector import SAY_EVERY
from central.database import Database
from central.orders import ASKED_ON, COSTLY_PER_HOUR, EXPIRES_AFTER, WAITING_AT_MOST, OrderRefusal, State
from mqtt_bridge.commands import CommandName
from mqtt_bridge.records import Command, Ending, Policy, Result, UplinkTerms
from mqtt_bridge.topics import Leaf

from .factories import GATEWAY, NOW, OTHER, KnownKeys
from .test_collector import Desk, Town
from .test_web import Site

IT = "+6281299990001"
CENTRAL = "+6281100009"
POLICY = Policy(it_numbers=(IT,), uplink=UplinkTerms(number=CENTRAL))


class Airy(Desk):
    """It hears what is not retained as well."""

    def publish(self, name: str, payload: bytes, *, retain: bool) -> None:
        assert retain != name.endswith("/run"), "no command lies at the broker"
        super().publish(name, payload, retain=True)


class Post(Town):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.desk = Airy()
        self.collector._link = self.desk  # type: ignore[attr-defined]
        self.now = NOW

    def ask(self, name: CommandName = CommandName.PING, argument: str = "", gateway: str = GATEWAY) -> Command:
        return orders.ask(self.database, gateway, name, argument, "tina", self.now)

    def told(self, now: datetime | None = None) -> list[Command]:
        self.now = now or self.now
        self.desk.said.clear()
        self.collector.step(self.now)
        return [payload for _, payload in self.desk.said if isinstance(payload, Command)]

    def state(self, command: Command) -> State:  # type: ignore[override]
        order = orders.one(self.database, command.gateway, command.id)
        assert order
        return order.state(self.now)


@pytest.fixture
def post(database: Database) -> Post:
    for gateway in (GATEWAY, OTHER):
        fleet.add(database, gateway, NOW)
    desired.refresh(database, POLICY, NOW)
    return Post(database)


def result(command: Command, **changes: Any) -> Result:
    made = Result(gateway=command.gateway, id=command.id, ending=Ending.DONE, code="pong", at=NOW)
    return msgspec.structs.replace(made, **changes)


def test_it_is_said_until_it_is_answered(post: Post) -> None:
    asked = post.ask()
    assert post.state(asked) is State.WAITING
    assert post.told() == [asked]
    assert post.state(asked) is State.SENT
    assert post.told() == []
    assert post.told(NOW + SAY_EVERY) == [asked]
    post.desk.session = 2
    assert post.told() == [asked], "in a new session at once"
    post.hear(result(asked), Leaf.RESULT)
    assert post.told() == []
    assert post.state(asked) is State.ANSWERED
    assert post.told(NOW + 2 * SAY_EVERY) == []


def test_what_could_not_be_said_is_not_said_to_be(post: Post) -> None:
    asked = post.ask()
    post.desk.broken = True
    assert post.told() == []
    assert post.state(asked) is State.WAITING


def test_one_after_the_other_to_each_gateway(post: Post) -> None:
    first, second, other = post.ask(), post.ask(), post.ask(gateway=OTHER)
    assert {each.id for each in post.told()} == {first.id, other.id}
    post.hear(result(first), Leaf.RESULT)
    assert post.told() == [second]
    assert first.number < second.number


def test_numbers_grow_although_the_database_was_lost(post: Post) -> None:
    before = [post.ask().number for _ in range(3)]
    assert before == list(range(before[0], before[0] + 3))
    post.database.run("DELETE FROM command")
    post.now = NOW + timedelta(seconds=5)
    assert post.ask().number > before[-1]


def test_it_expires(post: Post) -> None:
    asked, later = post.ask(), post.ask()
    post.database.run("UPDATE command SET expires = expires + 60000000 WHERE id = ?", later.id)
    over = NOW + EXPIRES_AFTER + ASKED_ON
    assert post.told(over - timedelta(seconds=1)) == [asked], "it may have been done: what became of it is asked for"
    assert post.told(over) == [later]
    assert post.state(asked) is State.EXPIRED
    post.hear(result(asked), Leaf.RESULT)
    post.told()
    assert post.state(asked) is State.ANSWERED, "a late answer is one"


@pytest.mark.parametrize(
    ("ending", "code", "state"),
    [
        (Ending.DONE, "pong", State.ANSWERED),
        (Ending.FAILED, "modem", State.ANSWERED),
        (Ending.UNKNOWN, "interrupted", State.ANSWERED),
        (Ending.REFUSED, "no-modem", State.REFUSED),
        (Ending.REFUSED, "expired", State.EXPIRED),
    ],
)
def test_how_it_ended(post: Post, ending: Ending, code: str, state: State) -> None:
    asked = post.ask()
    post.hear(result(asked, ending=ending, code=code), Leaf.RESULT)
    post.told()
    assert post.state(asked) is state


def test_the_first_answer_stands(post: Post) -> None:
    asked = post.ask()
    post.hear(result(asked), Leaf.RESULT)
    post.hear(result(asked, ending=Ending.FAILED, code="modem"), Leaf.RESULT)
    post.told()
    order = orders.one(post.database, GATEWAY, asked.id)
    assert order
    assert order.result == result(asked)


def test_only_the_gateway_itself_answers(post: Post) -> None:
    """Its signature, on its topic, for its own command."""
    asked, theirs = post.ask(), post.ask(gateway=OTHER)
    post.hear(result(asked), Leaf.RESULT, key=OTHER)  # signed by another one
    post.hear(result(asked, gateway=OTHER), Leaf.RESULT)  # for another one
    post.hear(result(theirs, gateway=GATEWAY), Leaf.RESULT)  # of another one's command
    post.hear(result(asked, id="nothing"), Leaf.RESULT)
    post.hear(b"garbage", Leaf.RESULT)
    post.hear(asked, Leaf.RESULT)  # no result at all
    post.told()
    assert (post.state(asked), post.state(theirs)) == (State.SENT, State.SENT)
    assert not orders.hear(post.database, KnownKeys(), "unknown-01", b"x", NOW)  # type: ignore[arg-type]


def test_a_revoked_gateway_is_told_nothing(post: Post) -> None:
    post.ask()
    post.database.run(
        "INSERT INTO gateway_key (gateway, public, since, until, reason) VALUES (?, '', 0, 1, 'stolen')", GATEWAY
    )
    assert post.told() == []
    with pytest.raises(OrderRefusal, match="revoked"):
        post.ask()


@pytest.mark.parametrize(
    ("name", "argument", "code"),
    [
        ("ping", "x", "command-no-argument"),
        ("sms", "", "command-argument"),
        ("sms", "+6281234567890", "command-number-not-allowed"),
        ("sms", "0812", "command-number-not-allowed"),
        ("ussd", "888", "command-ussd-code"),
        ("ussd", "**21*0812#", "command-ussd-setting"),
        ("resend", "0", "command-seq"),
        ("resend", "x", "command-seq"),
    ],
)
def test_what_is_not_taken(post: Post, name: str, argument: str, code: str) -> None:
    with pytest.raises(OrderRefusal) as refused:
        post.ask(CommandName(name), argument)
    assert refused.value.code == code
    assert orders.latest(post.database, 10) == []
    assert list(audit.lines(post.database)) == []


@pytest.mark.parametrize("to", ["own", "central", IT])
def test_where_an_sms_may_go(post: Post, to: str) -> None:
    assert post.ask(CommandName.SMS, to).arguments == {"to": to}


def test_what_the_policy_forbids(post: Post) -> None:
    desired.refresh(post.database, Policy(remote_ussd=False), NOW)
    for name, argument, code in (("ussd", "*888#", "ussd-forbidden"), ("sms", "central", "no-central-number"),
                                 ("sms", IT, "number-not-allowed")):  # fmt: skip
        with pytest.raises(OrderRefusal) as refused:
            post.ask(CommandName(name), argument)
        assert refused.value.code == f"command-{code}"


def test_what_costs_is_capped(post: Post) -> None:
    for place in range(COSTLY_PER_HOUR):
        post.now = NOW + timedelta(minutes=place)
        post.ask(*((CommandName.SMS, "own") if place % 2 else (CommandName.USSD, "*888#")))
    for name, argument in ((CommandName.SMS, "own"), (CommandName.USSD, "*888#")):
        with pytest.raises(OrderRefusal, match=f"^{COSTLY_PER_HOUR} "):
            post.ask(name, argument)
    post.ask(CommandName.SMS, "own", OTHER)
    post.ask(CommandName.PING)
    post.now = NOW + timedelta(hours=1)
    post.ask(CommandName.USSD, "*888#")


def test_not_too_many_wait(post: Post) -> None:
    for _ in range(WAITING_AT_MOST):
        post.ask()
    with pytest.raises(OrderRefusal) as refused:
        post.ask()
    assert refused.value.code == "command-queue"
    post.now = NOW + EXPIRES_AFTER + ASKED_ON
    post.ask()


def test_it_is_audited_without_the_number(post: Post) -> None:
    asked = post.ask(CommandName.SMS, IT)
    (line,) = audit.lines(post.database)
    assert (line.who, line.event) == ("tina", "command-asked")
    assert asked.id in line.body
    assert IT not in line.body


# Pages


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.app.config["WTF_CSRF_ENABLED"] = False
    desired.refresh(made.database, POLICY, NOW)
    made.database.run("INSERT INTO person (name, password, created, roles) VALUES ('tina', '', 0, 'it')")
    token = sessions.begin(made.database, "tina", "", "", NOW)
    with made.client.session_transaction() as session:
        session.update({"_user_id": token, "_fresh": True})
    yield made
    made.database.close()


PATH = f"/gateways/{GATEWAY}/commands"


def send(site: Site, name: str, argument: str = "") -> str:
    answer = site.client.post(PATH, data={"name": name, "argument": argument}, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def test_a_tour_of_the_page(site: Site) -> None:
    assert "Belum ada perintah" in site.client.get(PATH).text
    page = send(site, "sms", "0")
    assert "SMS uji: diminta" in page
    assert "Menunggu dikirim" in page
    assert IT not in page
    (order,) = orders.latest(site.database, 9)
    assert (order.command.arguments, order.command.by) == ({"to": IT}, "tina")
    told = result(order.command, code="modem", ending=Ending.FAILED, text="<b>no answer</b>")
    site.database.run("UPDATE command SET result = ?", msgspec.json.encode(told))
    page = site.client.get(PATH).text
    assert "Modem gagal." in page
    assert "&lt;b&gt;no answer" in page
    assert "&lt;b&gt;no answer" in site.client.get(f"{PATH}/{order.command.id}").text


@pytest.mark.parametrize(
    ("name", "argument", "words"),
    [
        ("sms", "7", "SMS uji hanya boleh ke"),
        ("sms", "+6281234567890", "SMS uji hanya boleh ke"),
        ("ussd", "888", "Kode USSD hanya berisi"),
        ("ussd", "**21*1#", "mengubah pengaturan"),
        ("resend", "", "Isi dulu kolomnya"),
        ("ping", "x", "tidak memakai isian"),
    ],
)
def test_what_the_page_refuses(site: Site, name: str, argument: str, words: str) -> None:
    assert words in send(site, name, argument)
    assert orders.latest(site.database, 9) == []


def test_a_cap_is_said(site: Site) -> None:
    for _ in range(COSTLY_PER_HOUR):
        send(site, "ussd", "*888#")
    assert f"hanya {COSTLY_PER_HOUR} SMS uji" in send(site, "sms", "own")


def test_odd_addresses(site: Site) -> None:
    assert site.client.post(PATH, data={"name": "format-disk"}).status_code == 400
    for path in ("/gateways/none/commands", f"{PATH}/none", f"{PATH}/%00", "/gateways/%00/commands"):
        assert site.client.get(path).status_code == 404
