from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from central import access, desired, fleet, provisional
from central.database import Database, StorageError, micros
from central.ingest import Ingest
from central.outbound import Rules
from central.roster import Row, store
from central.web.app import create_app, serve
from central.web.office import Office
from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.records import Policy
from mqtt_bridge.sms_codec import Frame, Roster, pack, tag, unpack

from ..waiting import eventually, free_ports
from .factories import GATEWAY, NOW, KnownKeys, batch, chain, envelope

PASSWORD = "kata-sandi-uji"
PAGES = ["/", "/records"]


HTTPS = Rules()


class Site:
    """An office with one gateway, three employees and thirty records, and a browser without scripts."""

    def __init__(self, folder: Path, *, outbound: Rules = HTTPS, **options: Any) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.problem: Problem | None = None
        fleet.add(self.database, GATEWAY, NOW)
        names = ("Ani <b>Contoh</b>", "Budi 100% Hadir", "Cici_Contoh")
        store(
            self.database, [Row(n, f"{n:018}", name, f"+6281234567{n:03}", GATEWAY) for n, name in enumerate(names)]
        )
        desired.refresh(self.database, Policy(), NOW)
        self.employees = dict(self.database.rows("SELECT name, id FROM employee"))
        made = chain(30, employee=self.employees[names[0]])
        Ingest(self.database, KnownKeys()).take([envelope(batch(made, 1, 30))], NOW)  # type: ignore[arg-type]
        self.office = Office(
            self.database, ZoneInfo("Asia/Jakarta"), lambda: self.problem, lambda: NOW, outbound=outbound
        )
        self.app: Flask = create_app(self.office, "secret", **options)
        self.app.testing = True
        self.client: FlaskClient = self.app.test_client()
        self.token = {"Authorization": f"Bearer {access.add_token(self.database, 'test', 'it', NOW)}"}

    def csrf(self, path: str = "/login") -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(path).text)
        assert found
        return found[1]

    def log_in(self, password: str = PASSWORD, target: str = "/login") -> int:
        form = {"name": "admin", "password": password, "csrf_token": self.csrf()}
        self.answer = self.client.post(target, data=form)
        return self.answer.status_code


@pytest.fixture
def site(tmp_path: Path, digest: str) -> Iterator[Site]:
    made = Site(tmp_path)
    made.database.run("INSERT INTO person (name, password, created) VALUES ('admin', ?, 0)", digest)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hashed once for all tests: it is made to be slow."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('digest')}/central.db")
    access.set_password(database, "admin", PASSWORD, NOW)
    return str(database.value("SELECT password FROM person"))


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_logging_in(site: Site, path: str) -> None:
    answer = site.client.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


def test_logging_in_and_out(site: Site) -> None:
    assert site.log_in("kata-sandi-lain") == 401
    assert "salah" in site.answer.text
    assert site.log_in() == 302
    cookie = site.answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert site.client.get("/").status_code == 200
    assert site.client.post("/logout", data={"csrf_token": site.csrf("/")}).status_code == 302
    assert site.client.get("/").status_code == 302


def test_a_person_who_is_gone_is_logged_out(site: Site) -> None:
    site.log_in()
    site.database.run("DELETE FROM person")
    assert site.client.get("/").status_code == 302


def test_guessing_is_slowed_down(site: Site) -> None:
    codes = [site.client.post("/login", data={"csrf_token": site.csrf(), "name": "x"}).status_code for _ in range(11)]
    assert codes[:10] == [200] * 10
    assert codes[10] == 429


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_no_form_without_its_token(site: Site, path: str) -> None:
    site.log_in()
    assert site.client.post(path, data={"name": "admin", "password": PASSWORD}).status_code == 400


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil"])
def test_a_login_sends_nobody_elsewhere(site: Site, target: str) -> None:
    site.log_in(target=f"/login?next={target}")
    assert site.answer.location == "/"


def test_a_login_goes_on_to_the_page_that_was_wanted(site: Site) -> None:
    site.log_in(target="/login?next=/records")
    assert site.answer.location == "/records"


@pytest.mark.parametrize("path", [*PAGES, "/login", "/api/v1/records", "/healthz", "/nowhere", "/metrics"])
def test_every_answer_carries_the_policy_of_contents(site: Site, path: str) -> None:
    site.log_in()
    headers = site.client.get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_no_page_has_scripts_or_styles_inside(site: Site) -> None:
    site.log_in()
    for path in (*PAGES, "/nowhere"):
        text = site.client.get(path).text
        assert not re.search(r"<script>|<style|style=\"|\son\w+=|javascript:", text), path


def test_names_are_text(site: Site) -> None:
    site.log_in()
    page = site.client.get("/records").text
    assert "Ani &lt;b&gt;Contoh&lt;/b&gt;" in page
    assert "<b>Contoh" not in page


@pytest.mark.parametrize(
    ("search", "found"), [("ani", True), ("ANI", True), ("R001", True), ("%", False), ("_", False), ("xyz", False)]
)
def test_records_are_searched_literally(site: Site, search: str, found: bool) -> None:
    site.log_in()
    page = site.client.get("/records", query_string={"search": search}).text
    assert ("<tbody>" in page) == found
    assert ("Tidak ada yang cocok" in page) != found


def test_only_today_is_shown(site: Site) -> None:
    site.log_in()
    site.database.run("UPDATE record SET at = at - ?", int(timedelta(days=1).total_seconds() * 1_000_000))
    assert "Belum ada presensi hari ini" in site.client.get("/records").text


@pytest.mark.parametrize("query", ["page=0", "page=-5", "page=x", "page=99999999999", "gateway=%00", "search=%00"])
def test_odd_addresses_break_nothing(site: Site, query: str) -> None:
    site.log_in()
    assert site.client.get(f"/records?{query}").status_code == 200


def test_a_collector_without_its_broker_is_said(site: Site) -> None:
    site.log_in()
    site.problem = Problem(Trouble.UNREACHABLE)
    assert "Pusat tidak tersambung ke broker" in site.client.get("/").text
    for trouble in Trouble:
        site.problem = Problem(trouble, "in the library's words")
        page = site.client.get("/").text
        assert "Pusat tidak tersambung ke broker" in page
        assert str(trouble) not in page, "people read Indonesian"
    assert site.client.get("/readyz").status_code == 503
    site.problem = None
    assert site.client.get("/readyz").get_json() == {"ready": True, "reasons": []}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
def test_programs_need_a_token(site: Site, headers: dict[str, str]) -> None:
    site.log_in()  # a person's cookie does not do
    answer = site.client.get("/api/v1/records", headers=headers)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_api_gives_every_record_once(site: Site) -> None:
    seen, cursor = [], ""
    for _ in range(10):
        page = site.client.get(f"/api/v1/records?limit=7{cursor}", headers=site.token).get_json()
        seen += [item["seq"] for item in page["items"]]
        if not page["more"]:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == list(range(1, 31))


def test_the_api_narrows_by_time_and_gateway(site: Site) -> None:
    def count(query: str) -> int:
        return len(site.client.get(f"/api/v1/records?{query}", headers=site.token).get_json()["items"])

    assert count(f"gateway={GATEWAY}") == 30
    assert count("gateway=other") == 0
    assert count("since=2026-11-24T07:20:00+07:00&until=2026-11-24T00:25:00Z") == 5


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "cursor=-1", "cursor=²", "since=yesterday", "since=2026-11-24T07:00"],
)
def test_what_can_not_be_used_is_named(site: Site, query: str) -> None:
    answer = site.client.get(f"/api/v1/records?{query}", headers=site.token)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert query.partition("=")[0] in answer.get_json()["detail"]


def test_what_is_not_there_is_a_problem_too(site: Site) -> None:
    answer = site.client.get("/api/v1/nothing", headers=site.token)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert site.client.get("/nothing").status_code == 404


def test_a_database_that_is_down_is_said_in_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.log_in()

    def fail(*_: object) -> None:
        raise StorageError("connection refused")

    monkeypatch.setattr("central.queries.fleet", fail)
    assert site.client.get("/").status_code == 503
    assert "Tidak ada data yang hilang" in site.client.get("/").text
    answer = site.client.get("/api/v1/gateways", headers=site.token)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    monkeypatch.setattr(site.database, "value", fail)
    assert site.client.get("/readyz").get_json()["reasons"][0]["code"] == "database"


def test_metrics_name_nobody(site: Site) -> None:
    text = site.client.get("/metrics").text
    assert "gardu_records_total 30.0" in text
    assert 'gardu_gateways{state="new"} 1.0' in text
    assert "Contoh" not in text
    assert "+62" not in text


def test_a_database_that_is_gone_is_said_also_to_who_is_logged_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("connection refused")

    site.log_in()
    for name in ("rows", "run"):
        monkeypatch.setattr(site.database, name, fail)
    for path in PAGES:
        answer = site.client.get(path)
        assert answer.status_code == 503
        assert "Tidak ada data yang hilang" in answer.text
    answer = site.client.get("/api/v1/records", headers=site.token)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "refused" not in answer.text  # what a database says may name its host and login
    assert site.client.get("/healthz").status_code == 200


def test_a_defect_is_a_problem_to_programs_and_words_to_people(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    site.log_in()
    site.app.testing = False
    for name in ("fleet", "records"):
        monkeypatch.setattr(f"central.queries.{name}", fail)
    page = site.client.get("/")
    assert (page.status_code, "Ada kesalahan" in page.text) == (500, True)
    answer = site.client.get("/api/v1/records", headers=site.token)
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "secret detail" not in page.text + answer.text


def test_the_wrong_method_is_said(site: Site) -> None:
    answer = site.client.post("/api/v1/records", headers=site.token)
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert site.client.get("/logout").status_code == 405


def test_no_worker_of_the_server_outlasts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wake the server by a byte into a pipe whose number is by then that of another file."""
    closing, closed = threading.Event(), threading.Event()
    late: list[bool] = []

    def pull(trigger: Any) -> None:
        if closed.is_set():
            late.append(trigger._closed)

    monkeypatch.setattr("waitress.trigger.trigger._physical_pull", pull)
    app = Flask(__name__)

    @app.get("/")
    def slow_end() -> Response:
        response = Response("x" * 100)
        response.call_on_close(lambda: (closing.set(), time.sleep(0.2), closed.set()))
        return response

    (port,) = free_ports(1)
    with serve(f"127.0.0.1:{port}", app):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        assert closing.wait(10)
    connection.close()
    eventually(lambda: late)
    assert late == [False]


def test_a_form_that_is_too_old_is_said_in_words(site: Site) -> None:
    answer = site.client.post("/login", data={"name": "admin", "password": PASSWORD})
    assert (answer.status_code, "kedaluwarsa" in answer.text) == (400, True)


# What is known by SMS alone


@pytest.fixture
def by_sms(site: Site) -> Site:
    names = Roster(site.employees.values())
    made = chain(34, employee=site.employees["Cici_Contoh"])[30:]
    frame = Frame(tag(GATEWAY), tag("another"), 1)
    told, _ = pack(made, names, frame, b"k" * 32)
    dispatch = unpack(told, b"k" * 32, lambda _: names)
    with site.database.transaction():
        provisional.store(site.database, GATEWAY, dispatch, "+6281234567890", NOW)
        site.database.insert_all(
            "uplink",
            ("gateway", "journal_tag", "number", "coding", "heard", "owed", "roster_known"),
            [(GATEWAY, tag("another").hex(), "+6281234567890", "data", micros(NOW), 0, 1)],
        )
    site.log_in()
    return site


def test_records_by_sms_are_shown_as_provisional(by_sms: Site) -> None:
    page = by_sms.client.get("/records").text
    assert "Sementara, baru lewat SMS: 4" in page
    assert "Cici_Contoh" in page
    assert "+628123****890" in page
    assert "81234567890" not in page
    assert "Sementara" not in by_sms.client.get("/records?search=budi").text
    assert "Sementara" in by_sms.client.get("/records?search=cici").text
    assert "Sementara" not in by_sms.client.get("/records?gateway=disdik-01").text
    assert "4 sementara, SMS" in by_sms.client.get("/").text


def test_a_number_that_asks_by_sms_is_masked_too(by_sms: Site) -> None:
    by_sms.database.run("UPDATE provisional SET employee = '+6281299990123', action = 'register' WHERE seq = 31")
    for text in (
        by_sms.client.get("/records").text,
        by_sms.client.get("/api/v1/provisional", headers=by_sms.token).text,
    ):
        assert "+628129****123" in text
        assert "99990123" not in text


def test_programs_get_them_apart_from_final_ones(by_sms: Site) -> None:
    client, token = by_sms.client, by_sms.token
    first = client.get("/api/v1/provisional?limit=3", headers=token).json
    assert first
    assert [item["seq"] for item in first["items"]] == [31, 32, 33]
    assert {item["final"] for item in first["items"]} == {False}
    rest = client.get(f"/api/v1/provisional?cursor={first['next']}", headers=token).json
    assert rest
    assert ([item["seq"] for item in rest["items"]], rest["more"]) == ([34], False)
    assert len(client.get("/api/v1/records", headers=token).json["items"]) == 30  # type: ignore[index]
    (gateway,) = client.get("/api/v1/gateways", headers=token).json["items"]  # type: ignore[index]
    assert (gateway["provisional"], gateway["by_sms"]) == (4, "2026-11-24T01:00:00Z")
    assert client.get("/api/v1/provisional").status_code == 401
    assert "gardu_provisional 4.0" in client.get("/metrics").text
