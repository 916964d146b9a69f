from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.config import (
    BrokerSection,
    CentralSection,
    Config,
    GatewaySection,
    ModemSection,
    ScreenSection,
    UssdSection,
)
from gateway.core import Core
from gateway.guardian import Guardian, SimSettings
from gateway.web.server import create_app
from modem import operators
from modem.messages import Sim
from modem.ussd import Reading
from mqtt_bridge.modem_states import MEANINGS, ModemState

from .factories import MORNING, OTHER, PHONE, STRANGER, desired, journal
from .fakes import FakeClock, FakeModem

SIM = hashlib.sha256(b"510101234567890").hexdigest()[:16]
SETTINGS = Config(
    gateway=GatewaySection(id="dinkes-01", data_dir="."),
    modem=ModemSection(device="none"),
    broker=BrokerSection(host="localhost"),
    central=CentralSection(public_key="none"),
    screen=ScreenSection(number="+628110000001"),
    ussd=UssdSection(secret="a secret of sixteen"),
)


@pytest.fixture
def modem() -> FakeModem:
    return FakeModem()


@pytest.fixture
def client(tmp_path: Path, modem: FakeModem) -> Iterator[FlaskClient]:
    held = journal(tmp_path)
    held.apply(desired())
    core = Core(modem, held, FakeClock(), tmp_path)
    held.keep_sim_reading(SIM, Reading(MORNING, 15_250, date(2026, 12, 31)), "Pulsa", answered=True)
    core.sides[0].guardian = Guardian(modem, held, operators.load(), SimSettings())
    modem.put(1, "HADIR", PHONE)
    modem.put(2, "<script>alert(1)</script>", OTHER)
    modem.put(3, "HADIR", STRANGER)
    modem.put(4, "HADIR", "TELKOMSEL")
    modem.put(5, "", OTHER, MORNING.replace(second=9))
    while core.step_modem():
        pass
    yield create_app(core, SETTINGS).test_client()
    held.close()


def test_the_status_page_says_how_it_is(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "dinkes-01" in page
    assert "TELKOMSEL" in page
    assert "kartu SIM 0 dari 20, modem 0 dari 30" in page
    assert "Belum tersambung ke pusat: kunci publik pusat" in page
    assert client.get("/status.json").json["last_seq"] == 1


def test_the_end_of_the_certificate_has_its_year(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Core, "_certificate_until", lambda _core: MORNING.replace(year=2027))
    assert "sampai 24/11/2027" in client.get("/").text


def test_the_sim_is_shown_and_measured(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "Rp 15.250" in page
    assert "31/12/2026" in page
    assert "37 hari lagi" in page
    text = client.get("/metrics").text
    assert "gardu_gateway_sim_balance_rupiah 15250.0" in text
    assert "gardu_gateway_sim_days_left 37.0" in text


def test_every_message_shows_with_its_reason_and_no_full_number(client: FlaskClient) -> None:
    page = client.get("/messages").text
    for reason in (
        "Tercatat",
        "Bukan perintah presensi",
        "Nomor tidak terdaftar",
        "Bukan nomor ponsel",
        "Pesan kosong",
    ):
        assert reason in page
    assert "+628123****890" in page
    assert PHONE not in page
    assert "<script>alert" not in page


def test_older_messages_are_a_page_away(client: FlaskClient) -> None:
    assert client.get("/messages?before=2").text.count('class="card entry') == 1


@pytest.mark.parametrize("before", ["99999999999999999999", "-99999999999999999999", "x", ""])
def test_odd_addresses_break_nothing(client: FlaskClient, before: str) -> None:
    assert client.get(f"/messages?before={before}").status_code == 200


def test_ready_tells_what_is_missing(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [reason["code"] for reason in answer.json["reasons"]] == ["link"]
    assert client.get("/healthz").status_code == 200


def test_metrics_name_nobody(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    assert "gardu_gateway_records 1.0" in text
    assert 'gardu_gateway_problem{code="link"} 1.0' in text
    assert PHONE not in text


def test_a_modem_that_is_not_well_shows_with_its_remedy(tmp_path: Path, modem: FakeModem) -> None:
    held = journal(tmp_path)
    core = Core(modem, held, FakeClock(), tmp_path)
    modem.sim = Sim.PUK
    core.step_modem()
    client = create_app(core, SETTINGS).test_client()
    meaning = MEANINGS[ModemState.PUK]
    page = client.get("/").text
    assert meaning.reason in page
    assert meaning.remedy in page
    assert meaning.name in page
    metrics = client.get("/metrics").text
    assert 'gardu_gateway_modem_state{state="puk"} 1.0' in metrics
    assert 'gardu_gateway_modem_state{state="registered"} 0.0' in metrics
    held.close()


@pytest.mark.parametrize("path", ["/", "/messages", "/nowhere", "/static/gateway.css"])
def test_every_answer_carries_the_policy_of_contents(client: FlaskClient, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
