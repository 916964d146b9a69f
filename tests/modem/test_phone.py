"""The phone page and its API."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from modem.simulator.network import Network
from modem.simulator.phone import create_app

PHONE = "+6281234567890"


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path / "state.db", capacity=5)


@pytest.fixture
def woken() -> list[bool]:
    return []


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    return tmp_path / "contacts.csv"


@pytest.fixture
def client(network: Network, woken: list[bool], contacts: Path) -> FlaskClient:
    return create_app(network, lambda: woken.append(True), contacts, "+6281100001").test_client()


def test_contacts_may_appear_later(client: FlaskClient, contacts: Path) -> None:
    assert "Belum ada kontak" in client.get("/").text
    contacts.write_text("name,phone\nSiti Rahmawati,0812-3456-7890\nnobody,\n", encoding="utf-8")
    page = client.get("/").text
    assert "Siti Rahmawati" in page
    assert f'href="/phones/{PHONE}"' in page
    assert "Siti Rahmawati" in client.get(f"/phones/{PHONE}").text


@pytest.mark.parametrize("typed", ["081234567890", "+62 812 3456 7890", "6281234567890"])
def test_a_typed_number_opens_its_chat(client: FlaskClient, typed: str) -> None:
    assert client.get("/", query_string={"number": typed}).location == f"/phones/{PHONE}"


def test_what_is_no_number_is_said(client: FlaskClient) -> None:
    page = client.get("/", query_string={"number": "<b>?"}).text
    assert "Bukan nomor" in page
    assert "<b>" not in page
    assert client.get("/phones/<b>").status_code == 400


def test_sending_from_the_page(client: FlaskClient, network: Network, woken: list[bool]) -> None:
    form = {"text": "HADIR <b>482113", "delay": "21600", "repeat": "2"}
    assert client.post(f"/phones/{PHONE}", data=form).status_code == 303
    (message,) = network.chat(PHONE)
    assert (message.text, message.pdus) == ("HADIR <b>482113", 2)
    assert (message.handed - message.moment).total_seconds() >= 21_600
    assert woken
    page = client.get(f"/phones/{PHONE}").text
    assert "HADIR &lt;b&gt;482113" in page
    assert "tertahan 6 jam" in page
    assert "antre di SMSC" in page


def test_the_page_learns_only_what_is_new(client: FlaskClient, network: Network) -> None:
    path = f"/phones/{PHONE}/messages"
    first = network.text(PHONE, "HADIR 1")
    seen = client.get(path).text.partition("seen=")[2][:8]
    assert client.get(path, query_string={"after": first.id, "seen": seen}).status_code == 204
    network.text(PHONE, "HADIR 2")
    news = client.get(path, query_string={"after": first.id, "seen": seen}).text
    assert "HADIR 2" in news
    assert "HADIR 1" not in news
    assert f'id="meta-{first.id}" hx-swap-oob="true"' in news


def test_the_list_of_people_stays_when_nothing_happened(client: FlaskClient) -> None:
    seen = client.get("/people").text.partition("seen=")[2][:8]
    assert client.get("/people", query_string={"seen": seen}).status_code == 204


def test_sending_over_the_api(client: FlaskClient, network: Network, woken: list[bool]) -> None:
    order = {"from": PHONE, "text": "HADIR", "scts": "2026-11-24T07:12:00+09:00", "repeat": 2}
    response = client.post("/api/sms", json=order)
    assert response.status_code == 201
    assert response.json == {"id": 1, "scts": "2026-11-24T07:12:00+09:00"}
    assert woken
    network.deliver("SM")
    chat = client.get(f"/api/phones/{PHONE}").json
    assert chat
    (message,) = chat["messages"]
    assert (message["direction"], message["text"], message["delivered"]) == ("to-gateway", "HADIR", 2)
    state = client.get("/api/state").json
    assert state == {"used": 2, "capacity": 10, "queued": 0, "sent": 1, "delivered": 2, "answers": 0}


@pytest.mark.parametrize(
    "order",
    [
        [],
        {},
        {"from": "x y z \n"},
        {"from": PHONE, "text": "x", "repeat": 0},
        {"from": PHONE, "text": "x", "delay_seconds": "soon"},
        {"from": PHONE, "scts": "yesterday"},
        {"from": PHONE, "scts": "2026-11-24T07:12:00"},
        {"from": PHONE, "binary": "xyz"},
        {"from": PHONE, "pdu": 5},
        {"from": PHONE, "parts": [{"text": "x"}]},
        {"from": PHONE, "parts": "x"},
        {"from": PHONE, "parts": [{"text": "x" * 160, "reference": 1, "number": 1, "total": 2}]},
        {"from": PHONE, "parts": [{"text": "x", "reference": 1, "number": 1, "total": 256}]},
    ],
)
def test_bad_orders_are_refused_as_problems(client: FlaskClient, network: Network, order: object) -> None:
    response = client.post("/api/sms", json=order)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert network.state().sent == 0


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_send_no_sms(client: FlaskClient, network: Network, headers: dict[str, str]) -> None:
    assert client.post("/api/sms", json={"from": PHONE, "text": "x"}, headers=headers).status_code == 403
    assert client.post(f"/phones/{PHONE}", data={"text": "x"}, headers=headers).status_code == 403
    assert network.state().sent == 0
    same = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/sms", json={"from": PHONE, "text": "x"}, headers=same).status_code == 201


def test_pages_run_no_foreign_script(client: FlaskClient) -> None:
    for path in ("/", f"/phones/{PHONE}"):
        response = client.get(path)
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "style=" not in response.text
        assert "<script>" not in response.text
    assert client.get("/healthz").json == {"status": "ok"}


def test_the_sim_is_changed_on_its_page(client: FlaskClient, network: Network) -> None:
    form = {"balance": "500", "valid_until": "2026-12-31", "price": "350", "encoding": "ucs2", "order": "before"}
    assert client.post("/sim", data=form).status_code == 303
    account = network.ussd.account
    assert (account.balance, str(account.valid_until), account.price) == (500, "2026-12-31", 350)
    assert not account.scheme
    assert 'value="500"' in client.get("/sim").text
    assert client.post("/sim", data={**form, "balance": "-1"}).status_code == 400


def test_the_sim_over_the_api(client: FlaskClient, network: Network) -> None:
    answer = client.post("/api/sim", json={"balance": 7, "answers": {"*1#": "Rp {balance}"}, "status": 2})
    assert answer.json["answers"] == {"*1#": "Rp {balance}"}
    assert client.get("/api/sim").json == answer.json
    for wrong in ({"colour": 1}, {"status": 9}, {"encoding": "morse"}, {"valid_until": "soon"}, {"answers": 1}, []):
        assert client.post("/api/sim", json=wrong).status_code == 400
    client.post("/api/ussd", json={"text": "Promo"})
    network.ussd.command(["1"])
    assert network.ussd.due() == ['+CUSD: 0,"Promo",15']


def test_calls(client: FlaskClient, woken: list[bool]) -> None:
    assert client.post(f"/phones/{PHONE}/call").status_code == 303
    assert client.post("/api/calls", json={"from": ""}).status_code == 201
    assert client.post("/api/calls", json={"from": "??"}).status_code == 400
    assert client.post("/api/calls", json={"from": PHONE, "rings": 0}).status_code == 400
    assert client.get("/api/calls").json == {
        "calls": [{"from": PHONE, "fate": "ringing"}, {"from": "", "fate": "ringing"}]
    }
    assert woken == [True, True]


def test_faults_over_the_api(client: FlaskClient, network: Network, woken: list[bool]) -> None:
    order = {"kind": "error", "parameters": {"command": "CMGD"}, "seconds": 30, "times": 2}
    response = client.post("/api/faults", json=order)
    assert (response.status_code, response.json) == (201, {"id": 1})
    assert woken
    answer = client.get("/api/faults").json
    assert answer
    (active,) = answer["active"]
    assert active["parameters"] == {"command": "CMGD", "answer": "cms:500", "done": "no"}
    assert (active["kind"], active["times_left"]) == ("error", 2)
    assert 29 <= active["seconds_left"] <= 30
    assert answer["kinds"]["slow"] == {"label": "Modem lambat", "lasting": "deed", "parameters": {"ms": 1000}}
    assert client.delete("/api/faults/2").status_code == 404
    assert client.delete("/api/faults/1").json == {"cleared": 1}
    assert client.post("/api/faults", json={"kind": "wap-push"}).json == {"id": None}
    assert network.state().queued == 1


@pytest.mark.parametrize(
    "order",
    [
        [],
        {},
        {"kind": "slow", "parameters": []},
        {"kind": "slow", "minutes": 5},
        {"kind": "slow", "seconds": "soon"},
        {"kind": "slow", "seconds": [1]},
        {"kind": "slow", "times": 1.5},
        {"kind": "slow", "times": 1e400},
        {"kind": "slow", "parameters": {"ms": None}},
    ],
)
def test_bad_faults_are_refused_as_problems(client: FlaskClient, network: Network, order: object) -> None:
    response = client.post("/api/faults", json=order)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert network.faults.active() == []


def test_faults_on_the_page(client: FlaskClient, network: Network) -> None:
    assert "Tidak ada gangguan" in client.get("/faults").text
    form = {"kind": "sim", "p-state": "puk", "seconds": "60", "times": ""}
    assert client.post("/faults", data=form).location == "/faults"
    page = client.get("/faults").text
    assert "keadaan minta PUK" in page
    seen = page.partition("/faults/active?seen=")[2][:8]
    assert client.get("/faults/active", query_string={"seen": seen}).status_code == 204
    assert client.get("/faults/active").status_code == 200
    fresh = client.post("/faults/clear", data={"id": "1"}, headers={"HX-Request": "true"}).text
    assert fresh.startswith('<section class="active"')
    assert "Tidak ada gangguan" in fresh
    assert network.faults.active() == []


def test_the_page_says_what_is_wrong_with_a_fault(client: FlaskClient) -> None:
    refused = client.post("/faults", data={"kind": "slow", "p-ms": "<b>"})
    assert refused.status_code == 400
    assert "a whole number from 1 to 60000, not &#39;&lt;b&gt;&#39;" in refused.text
    assert client.post("/faults", data={"kind": "x"}, headers={"HX-Request": "true"}).status_code == 200
