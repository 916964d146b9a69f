"""Gateways let in and out on the pages: who did it, what it needs, and that a token is shown once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from central import access, audit, enrolments, sessions
from central.database import Database
from central.quarantine import put_aside
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.enrolment import parse_token
from mqtt_bridge.records import encode

from .factories import NOW, status
from .offices import WIB
from .test_registrar import Device, Hall


class Site:
    """Central with an authority, and somebody of IT who is logged in."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.hall = Hall(self.database, folder)
        self.refreshed = 0
        person = ("tina", "", 0, "it", "")
        self.database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [person])
        office = Office(
            self.database, WIB, clock=lambda: NOW, registrar=self.hall.registrar, refresh=self._refresh,
            enrolment_url="https://gardu.example.go.id",
        )  # fmt: skip
        app = create_app(office, "secret")
        app.config["WTF_CSRF_ENABLED"] = False
        self.browser: FlaskClient = app.test_client()
        token = sessions.begin(self.database, "tina", "127.0.0.1", "", NOW)
        with self.browser.session_transaction() as session:
            session.update({"_user_id": token, "_fresh": True})

    def _refresh(self) -> None:
        self.refreshed += 1

    def post(self, path: str, **form: Any) -> str:
        return self.browser.post(path, data=form, follow_redirects=True).text

    def events(self) -> list[tuple[str, str, str]]:
        return [(line.who, line.event, line.body) for line in audit.lines(self.database)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.database.close()


def test_a_new_gateway_enrols_with_the_token_that_the_page_shows_once(site: Site) -> None:
    page = site.post("/enrolments", gateway="dinkes-01", days="3")
    words = re.search(r"gardu-gateway enrol https://gardu.example.go.id (\S+)</code>", page)
    assert words
    assert 'src="data:image/svg+xml' in page
    token, device = parse_token(words[1]), Device("dinkes-01")
    site.hall.registrar.enrol(device.apply(token), "192.0.2.7", NOW + timedelta(days=2))
    found = enrolments.one(site.database, "dinkes-01", NOW)
    assert found
    assert found.certificate_until
    assert (found.token_until, found.ended) == (None, None)
    assert words[1] not in site.browser.get("/enrolments/dinkes-01").text
    assert site.events() == [
        ("tina", "gateway-invited", '{"days":3,"gateway":"dinkes-01","replace":false}'),
    ]  # fmt: skip
    assert words[1] not in str(site.events())
    assert site.refreshed == 1


@pytest.mark.parametrize("name", ["", "Dinkes 01", "-x", "x" * 65, "a\0b", "../x"])
def test_a_name_that_no_gateway_can_have_is_refused_in_words(site: Site, name: str) -> None:
    assert "Nama gateway hanya boleh berisi" in site.post("/enrolments", gateway=name)
    assert enrolments.every(site.database, NOW) == []
    assert site.events() == []


@pytest.mark.parametrize(("days", "until"), [("0", 1), ("9999999999", 365), ("besok", 7)])
def test_how_long_a_token_is_good_has_its_limits(site: Site, days: str, until: int) -> None:
    site.post("/enrolments", gateway="dinkes-01", days=days)
    assert enrolments.every(site.database, NOW)[0].token_until == NOW + timedelta(days=until)


def test_other_hardware_takes_the_place_only_where_that_was_asked_for(site: Site) -> None:
    site.hall.enrolled(Device())
    assert "sudah terdaftar" in site.post("/enrolments", gateway="dinkes-01")
    assert site.events() == []
    page = site.post("/enrolments", gateway="dinkes-01", replace="1")
    words = re.search(r"go\.id (\S+)</code>", page)
    assert words
    device = Device()
    site.hall.registrar.enrol(device.apply(parse_token(words[1])), "192.0.2.7", NOW)
    present = site.hall.keys.get("dinkes-01")
    assert present
    assert present.public_bytes_raw() == device.signing.public_key().public_bytes_raw()


def test_a_gateway_is_revoked_only_by_its_name_and_with_a_reason(site: Site) -> None:
    site.hall.enrolled(Device())
    path = "/enrolments/dinkes-01/revoke"
    assert "Cabut dinkes-01?" in site.browser.get(path).text
    assert "Ketik nama gateway" in site.post(path, reason="hilang", confirm="dinkes-02")
    assert "Tulis alasannya" in site.post(path, reason="  x ", confirm="dinkes-01")
    assert site.hall.keys.get("dinkes-01")
    page = site.post(path, reason=" hilang di\tjalan", confirm="dinkes-01")
    assert "dinkes-01 dicabut, 1 sertifikat berakhir" in page
    assert site.hall.keys.get("dinkes-01") is None
    assert (site.hall.folder / "crl.pem").exists()
    assert site.events() == [("tina", "gateway-revoked", '{"gateway":"dinkes-01","reason":"hilang di jalan"}')]
    assert enrolments.attempts(site.database, "dinkes-01", 1)[0].origin == "tina"
    assert site.browser.get("/enrolments/tidak-ada").status_code == 404


def test_what_a_gateway_does_not_hold_yet_shows(site: Site) -> None:
    site.post("/enrolments", gateway="dinkes-01")
    assert "sama dengan pusat" not in site.browser.get("/enrolments").text
    site.database.insert_all("desired", ("gateway", "version", "body"), [("dinkes-01", 9, b"")])
    assert "Belum diterapkan" in site.browser.get("/enrolments").text
    for held, words in ((8, "Tertinggal"), (9, "sama dengan pusat")):
        site.database.run("UPDATE gateway SET status = ?", encode(status(desired=held)))
        assert words in site.browser.get("/enrolments").text


def test_what_was_put_aside_is_told_in_words(site: Site) -> None:
    site.post("/enrolments", gateway="dinkes-01")
    assert "Tidak ada yang dikarantina" in site.browser.get("/quarantine").text
    for gateway, reason in (("dinkes-01", "record 7 does not follow <b>"), ("(unknown)", "there is no key of this")):
        put_aside(site.database, gateway, reason, b"", NOW)
    put_aside(site.database, "dinkes-01", "something of tomorrow", b"", NOW)
    page = site.browser.get("/quarantine").text
    for words in ("rantainya putus", "tidak terdaftar", "tidak bisa dipercaya", "record 7 does not follow &lt;b&gt;"):
        assert words in page


def test_a_program_gets_a_token_that_reads_what_it_may(site: Site) -> None:
    page = site.post("/tokens", name="sinergi", scope=["records:read", "made-up"])
    made = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert made
    assert access.program(site.database, made[1]) == access.Program("sinergi", frozenset({access.Scope.RECORDS}))
    assert made[1] not in site.browser.get("/tokens").text
    assert "sudah punya token" in site.post("/tokens", name="sinergi", scope="records:read")
    assert access.program(site.database, made[1])
    site.post("/tokens", name="sinergi", scope="gateways:read", replace="1")
    assert access.program(site.database, made[1]) is None
    assert "Pilih paling sedikit satu hak" in site.post("/tokens", name="lain")
    assert "Nama program hanya boleh" in site.post("/tokens", name="Lain Lagi", scope="records:read")
    assert "tidak berlaku lagi" in site.post("/tokens/remove", name="sinergi")
    assert access.programs(site.database) == []
    assert site.browser.post("/tokens/remove", data={"name": "sinergi"}).status_code == 404
    assert [event for _, event, _ in site.events()] == ["token-added", "token-added", "token-removed"]


def test_somebodys_session_is_ended(site: Site) -> None:
    site.database.insert_all("person", ("name", "password", "created", "roles"), [("opik", "", 0, "viewer")])
    token = sessions.begin(site.database, "opik", "192.0.2.9", "Firefox", NOW)
    found = sessions.find(site.database, token, NOW)
    assert found
    assert "192.0.2.9" in site.browser.get("/accounts/opik").text
    assert site.browser.post(f"/accounts/tina/sessions/{found.id}/end").status_code == 404  # not of that person
    assert "Sesi itu diakhiri" in site.post(f"/accounts/opik/sessions/{found.id}/end")
    assert sessions.find(site.database, token, NOW) is None
    assert site.events() == [("tina", "session-ended", '{"name":"opik"}')]


def test_the_chain_of_the_audit_is_proved_or_shown_where_it_breaks(site: Site) -> None:
    for name in ("a-1", "a-2", "a-3"):
        site.post("/enrolments", gateway=name)
    page = site.browser.get("/audit/verify").text
    assert "<strong>Utuh.</strong> 3 baris" in page
    assert audit.verify(site.database).hash in page
    site.database.run("UPDATE audit SET who = 'opik' WHERE seq = 2")
    assert "Putus pada baris 2." in site.browser.get("/audit/verify").text
