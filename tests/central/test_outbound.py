"""What leaves for somebody else's server, and where it never goes."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from central import outbound
from central.outbound import BadUrl, Rules, check, forbidden, post

from .listeners import Heard, Listener, listening

OPEN = Rules(http=True, local=True, seconds=5)
HEADERS = {"webhook-id": "x"}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as made:
        yield made


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1",
        "::",
        "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1",
        "100.100.100.200", "168.63.129.16", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_addresses_to_which_nothing_goes(address: str) -> None:
    assert forbidden(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.9", "172.16.0.1", "8.8.8.8", "fd00::1", "2001:4860::1"])
def test_addresses_of_a_data_centre_and_of_the_world(address: str) -> None:
    assert not forbidden(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://sinergi.example/", "ftp://sinergi.example/", "file:///etc/passwd", "https://", "https:///x",
        "https://user:pw@sinergi.example/", "https://sinergi.example/#x", "https://sinergi.example:99999/",
        "https://sinergi.example:0/", "https://sinergi.example/a b", "https://sinergi.example/\r\nX: y",
        "https://sinergi.example/é", "https://sinergi.example/" + "x" * 500, "",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(BadUrl):
        check(url, Rules())


def test_http_is_for_who_allowed_it() -> None:
    assert check("http://sinergi.example/", Rules(http=True)).hostname == "sinergi.example"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_asked_however_it_is_written(listener: Listener, host: str) -> None:
    outcome = post(listener.url.replace("127.0.0.1", host), HEADERS, b"{}", Rules(http=True))
    assert outcome.status is None
    assert listener.heard == []


def test_a_name_is_judged_by_the_address_that_is_connected_to(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for another address at each look-up gets by no check."""
    looks = iter(["93.184.216.34", "127.0.0.1"])
    connected: list[Any] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(looks), port))]

    def connect(_sock: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(outbound.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(outbound.socket.socket, "connect", connect)
    post("http://rebind.example/", HEADERS, b"{}", Rules(http=True))
    assert connected == ["93.184.216.34"]


def test_what_is_sent_and_what_is_answered(listener: Listener) -> None:
    outcome = post(listener.url + "?a=b", {**HEADERS, "X-Y": "z"}, b'{"data": 1}', OPEN)
    assert outcome.ok
    (heard,) = listener.heard
    assert (heard.body, heard.headers["X-Y"]) == (b'{"data": 1}', "z")
    assert heard.headers["Host"] in listener.url


def test_this_machine_is_known_by_its_own_address_too(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the one that it has in the data centre: no list of addresses can know it."""
    monkeypatch.setattr(outbound, "forbidden", lambda _address: False)
    outcome = post(listener.url, HEADERS, b"{}", Rules(http=True, seconds=5))
    assert (outcome.status, "this machine" in outcome.problem) == (None, True)
    assert listener.heard == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(listener: Listener, status: int) -> None:
    def elsewhere(_: Heard, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", listener.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    listener.answer = elsewhere
    outcome = post(listener.url, HEADERS, b"{}", OPEN)
    assert (outcome.status, outcome.ok) == (status, False)
    assert len(listener.heard) == 1


def test_of_an_endless_answer_only_the_beginning_is_read(listener: Listener) -> None:
    def endless(_: Heard, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(500)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"<b>\x00no</b>" * 1000)
        except OSError:
            pass

    listener.answer = endless
    outcome = post(listener.url, HEADERS, b"{}", OPEN)
    assert outcome.status == 500
    assert len(outcome.excerpt) <= outbound.EXCERPT
    assert outcome.excerpt.isprintable()


@pytest.mark.parametrize("wait", ["120", "99999999", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "x"])
def test_a_wait_that_is_asked_for(listener: Listener, wait: str) -> None:
    def later(_: Heard, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", wait)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    listener.answer = later
    expected = {"120": 120, "99999999": outbound.LONGEST_WAIT}.get(wait)
    assert post(listener.url, HEADERS, b"{}", OPEN).retry_after == expected


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_drips_is_cut_off(secure: bool) -> None:
    """Each byte comes in time, the whole never: also of a handshake."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            try:
                connection.send(b"\x16\x03\x03\x40\x00" if secure else b"H")  # so much is still to come
                while not stop.wait(0.05):
                    connection.send(b"\x02" if secure else b"H")
            except OSError:
                pass
            connection.close()

        threading.Thread(target=drip, daemon=True).start()
        scheme = "https" if secure else "http"
        begun = time.monotonic()
        rules = Rules(http=True, local=True, seconds=0.5)
        outcome = post(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/", HEADERS, b"{}", rules)
        stop.set()
    assert outcome.status is None
    assert time.monotonic() - begun < 5


def test_nobody_there_and_no_such_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refused" in post(f"http://127.0.0.1:{port}/", HEADERS, b"{}", OPEN).problem
    for host in ("nowhere.invalid", "a" * 64 + ".example", ".."):
        outcome = post(f"https://{host}/", HEADERS, b"{}", OPEN)
        assert (outcome.status, bool(outcome.problem)) == (None, True)
