"""`POST /enrol`, as it is spoken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.authority import Authority
from central.database import Database
from central.keys import GatewayKeys
from central.registrar import Address, Registrar
from central.web import enrol
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.enrolment import Application, open_answer

from .factories import CENTRAL_KEY, GATEWAY, NOW, OTHER
from .test_registrar import WEEK, Device


class Counter:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.now = NOW
        self.registrar = Registrar(
            self.database, GatewayKeys(None, self.database), Authority(folder / "ca", NOW), CENTRAL_KEY,
            Address("127.0.0.1", 8883, tls=True), folder / "crl.pem",
        )  # fmt: skip
        self.client = self.client_of(self.registrar)

    def client_of(self, registrar: Registrar | None) -> FlaskClient:
        def clock() -> datetime:
            return self.now

        return create_app(
            Office(self.database, ZoneInfo("Asia/Jakarta"), clock=clock, registrar=registrar), "secret"
        ).test_client()

    def post(self, application: Application, address: str = "192.0.2.7") -> tuple[int, Any]:
        answer = self.client.post(
            "/enrol", data=msgspec.json.encode(application), environ_base={"REMOTE_ADDR": address}
        )
        kind = "application/json" if answer.status_code == 201 else "application/problem+json"
        assert answer.mimetype == kind
        return answer.status_code, answer.json if kind == "application/json" else msgspec.json.decode(answer.data)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.database.close()


def test_a_token_gets_a_certificate_once(counter: Counter) -> None:
    token = counter.registrar.invite(GATEWAY, WEEK, NOW)
    status, body = counter.post(Device().apply(token))
    assert status == 201
    assert open_answer(body["answer"].encode()).gateway == GATEWAY
    status, body = counter.post(Device().apply(token))
    assert (status, body["title"]) == (409, "Not enrolled: used token")
    assert "ask for another" in body["detail"]


def test_each_refusal_is_a_problem_of_its_own(counter: Counter) -> None:
    stranger = counter.registrar.invite(GATEWAY, WEEK, NOW)
    token = counter.registrar.invite(GATEWAY, WEEK, NOW)
    assert counter.post(Device().apply(stranger))[0] == 401
    assert counter.post(Device(OTHER).apply(token))[0] == 403
    assert counter.post(msgspec.structs.replace(Device().apply(token), request="garbage"))[0] == 400
    counter.now = NOW + WEEK
    assert counter.post(Device().apply(token))[0] == 410
    addresses = counter.database.rows("SELECT DISTINCT origin FROM enrolment")
    assert addresses == [("192.0.2.7",)]


def test_guessing_is_slowed_down(counter: Counter) -> None:
    token = counter.registrar.invite(GATEWAY, timedelta(days=1), NOW)
    wrong = msgspec.structs.replace(Device().apply(token), signature="")
    assert [counter.post(wrong)[0] for _ in range(11)] == [401] * 10 + [429]
    assert counter.post(Device().apply(token), "192.0.2.8")[0] == 201, "others are not kept waiting"


def test_a_process_without_the_authority_says_so(counter: Counter) -> None:
    answer = counter.client_of(None).post("/enrol", data=b"{}")
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token":"x"}', b"\xff", b"[" * 50_000, b"x" * 2_000_000])
def test_what_is_no_request_is_a_problem(counter: Counter, body: bytes) -> None:
    answer = counter.client.post("/enrol", data=body)
    assert answer.status_code in (400, 413)
    assert answer.mimetype == "application/problem+json"
    assert counter.client.get("/enrol").status_code == 405


@given(text=st.text(max_size=300), signature=st.text(max_size=90))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_nothing_breaks_it(counter: Counter, monkeypatch: pytest.MonkeyPatch, text: str, signature: str) -> None:
    monkeypatch.setattr(enrol, "ATTEMPTS", "1000 per minute")
    client = counter.client_of(counter.registrar)
    body = msgspec.json.encode({"token": "00" * 32, "request": text, "signature": signature})
    assert client.post("/enrol", data=body).status_code in (400, 401)
