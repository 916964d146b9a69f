"""The pages about programs that are told of new records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from central import deliveries, endpoints, sessions
from central.endpoints import Endpoint
from central.outbound import Rules

from .factories import NOW
from .listeners import Listener, listening
from .test_web import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, outbound=Rules(http=True, local=True, seconds=5))
    made.app.config["WTF_CSRF_ENABLED"] = False
    made.database.run("INSERT INTO person (name, password, created, roles) VALUES ('tina', '', 0, 'it')")
    token = sessions.begin(made.database, "tina", "", "", NOW)
    with made.client.session_transaction() as session:
        session.update({"_user_id": token, "_fresh": True})
    yield made
    made.database.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as made:
        yield made


def post(client: FlaskClient, path: str, **form: str) -> str:
    answer = client.post(path, data=form, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def added(site: Site, listener: Listener, **form: str) -> Endpoint:
    page = post(site.client, "/webhooks", name="sinergi", url=listener.url, **form)
    found = endpoints.named(site.database, "sinergi")
    assert found.secret in page
    assert found.secret not in site.client.get(f"/webhooks/{found.id}").text
    return found


def test_a_tour_of_one(site: Site, listener: Listener) -> None:
    endpoint = added(site, listener)
    path = f"/webhooks/{endpoint.id}"
    assert "Diterima." in post(site.client, f"{path}/test")
    listener.answer = lambda *_: 500
    assert "Tidak diterima: answered 500" in post(site.client, f"{path}/test")
    assert "oleh tina" in post(site.client, f"{path}/disable")
    assert "oleh tina" not in post(site.client, f"{path}/enable")
    fresh = re.search(r"whsec_[A-Za-z0-9+/=]+", post(site.client, f"{path}/rotate"))
    assert fresh
    assert fresh[0] != endpoint.secret
    assert "masih ikut menandatangani" in site.client.get(path).text
    assert "Belum ada program" in post(site.client, f"{path}/remove")


def test_dead_ones_are_seen_and_sent_again(site: Site, listener: Listener) -> None:
    endpoint = added(site, listener, from_start="1")
    deliveries.fill(site.database, endpoint, NOW)
    site.database.run("UPDATE delivery SET dead = 1, problem = 'answered 422: <b>no</b>' WHERE record <= 3")
    page = site.client.get(f"/webhooks/{endpoint.id}").text
    assert "3 tidak diterima" in page
    figures = site.client.get("/metrics").text
    assert 'gardu_webhook_waiting{endpoint="sinergi"} 27.0' in figures
    assert 'gardu_webhook_dead{endpoint="sinergi"} 3.0' in figures
    assert "answered 422: &lt;b&gt;no&lt;/b&gt;" in page
    assert "1 catatan dikirim lagi" in post(site.client, f"/webhooks/{endpoint.id}/resend", record="2")
    assert "2 catatan dikirim lagi" in post(site.client, f"/webhooks/{endpoint.id}/resend")
    assert deliveries.counts(site.database)[endpoint.id].dead == 0
    assert ">30<" in site.client.get("/webhooks").text.replace("\n", "").replace(" ", "").replace("<div", "<")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "A B", "url": "https://x.example"}, "huruf kecil"),
        ({"name": "b", "url": "ftp://x.example"}, "diawali https://"),
        ({"name": "b"}, "diawali https://"),
    ],
)
def test_what_can_not_be_added_is_said(site: Site, form: dict[str, str], said: str) -> None:
    assert said in post(site.client, "/webhooks", **form)


def test_odd_addresses_break_nothing(site: Site, listener: Listener) -> None:
    endpoint = added(site, listener)
    for path in ("/webhooks/999", f"/webhooks/{2**70}", "/webhooks/x"):
        assert site.client.get(path).status_code == 404
    assert site.client.post(f"/webhooks/{endpoint.id}/explode").status_code == 404
    assert site.client.post(f"/webhooks/{endpoint.id}/resend", data={"record": "x"}).status_code == 400
    for record in ("0", "-1", "9" * 30):
        assert site.client.post(f"/webhooks/{endpoint.id}/resend", data={"record": record}).status_code == 400
