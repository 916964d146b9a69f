"""Over HTTP to a real central, past whoever sits in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from central.web.app import create_app, serve
from central.web.office import Office
from gateway.application import apply
from gateway.enrolment import NotEnrolled, ask, load, take
from mqtt_bridge.enrolment import Token, parse_token

from ..trusted import now
from ..waiting import free_ports
from .test_enrolment import GATEWAY, Central

WEEK = timedelta(days=7)


@contextmanager
def serving(central: Central) -> Iterator[str]:
    (port,) = free_ports(1)
    app = create_app(Office(central.database, ZoneInfo("Asia/Jakarta"), registrar=central.registrar), "secret")
    with serve(f"127.0.0.1:{port}", app):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir()
    return folder


def test_a_token_enrols_over_http_once(tmp_path: Path, data: Path) -> None:
    central = Central(tmp_path / "central")
    token = parse_token(str(central.registrar.invite(GATEWAY, WEEK, now())))
    with serving(central) as url:
        answer = apply(f"{url}/", token, ask(data, GATEWAY, now()))
        assert take(data, GATEWAY, answer, token.fingerprint).broker.gateway == GATEWAY
        (tmp_path / "other").mkdir()
        with pytest.raises(NotEnrolled, match="used token: this token was used at"):
            apply(url, token, ask(tmp_path / "other", GATEWAY, now()))
        with pytest.raises(NotEnrolled, match="unknown token"):
            apply(url, Token(b"x" * 16, token.fingerprint), ask(data, GATEWAY, now()))


def test_an_answer_that_was_lost_on_the_way_is_fetched_again(tmp_path: Path, data: Path) -> None:
    central = Central(tmp_path / "central")
    token = central.registrar.invite(GATEWAY, WEEK, now())
    with serving(central) as url:
        apply(url, token, ask(data, GATEWAY, now()))  # and then the power went
        answer = apply(url, token, ask(data, GATEWAY, now()))
        assert take(data, GATEWAY, answer, token.fingerprint)


def test_an_impostor_in_between_gets_nowhere(tmp_path: Path, data: Path) -> None:
    """It answers in central's place, by the very code of central: it takes what it overhears, and signs anything."""
    central, impostor = Central(tmp_path / "central"), Central(tmp_path / "impostor")
    token = central.registrar.invite(GATEWAY, WEEK, now())
    impostor.database.insert_all(
        "enrolment_token", ("public", "gateway", "created", "expires", "replaces"),
        central.database.rows("SELECT public, gateway, created, expires, replaces FROM enrolment_token"),
    )  # fmt: skip
    with serving(impostor) as url:
        answer = apply(url, token, ask(data, GATEWAY, now()))
        with pytest.raises(NotEnrolled, match="somebody may be in between"):
            take(data, GATEWAY, answer, token.fingerprint)
    assert load(data) is None
    with serving(central) as url:
        assert take(data, GATEWAY, apply(url, token, ask(data, GATEWAY, now())), token.fingerprint)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html>hotel wifi: log in</html>", "can not be reached, or is not central"),
        (200, b'{"answer":5}', "can not be reached, or is not central"),
        (200, b"x" * 200_000, "can not be reached, or is not central"),
        (404, b"<html>", "central answered 404"),
        (500, b"\xff", "central answered 500"),
        (
            410,
            b'{"title":"Not enrolled: expired token","detail":"it was good until 2026"}',
            "it was good until",
        ),
    ],
)
def test_whatever_answers_is_one_line(data: Path, status: int, body: bytes, message: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.handle_request, daemon=True).start()
    with pytest.raises(NotEnrolled, match=message) as caught:
        apply(f"http://127.0.0.1:{server.server_port}", Token(b"x" * 16, b"y" * 16), ask(data, GATEWAY, now()))
    server.server_close()
    assert "\n" not in str(caught.value)


def test_nobody_there_is_one_line(data: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(NotEnrolled, match="can not be reached"):
            apply(f"http://127.0.0.1:{silent.getsockname()[1]}", Token(b"x" * 16, b"y" * 16), b"x")
    for url in ("ftp://x", "mqtt.example.go.id", "file:///etc/passwd"):
        with pytest.raises(NotEnrolled, match="begins with http"):
            apply(url, Token(b"x" * 16, b"y" * 16), b"x")
