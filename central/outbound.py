"""One HTTP POST to somebody else's server, under a deadline, and never to where it must not go.

The address is looked up once, judged, and then connected to: a name can not stand for another address in between.
Redirects are not followed, and of an answer only so much is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

from .refusal import Refusal

LONGEST_URL = 500
BODY_BYTES = 16_384  # of an answer: more is not read
EXCERPT = 200  # signs of an answer that people are shown
LONGEST_WAIT = 3600  # seconds that a Retry-After can ask for
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
# Where a rented machine asks for its own keys, of clouds that do not use a link-local address for it.
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed beyond HTTPS to other machines, and how long one attempt may take."""

    http: bool = False
    local: bool = False
    seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer's status, None if there was none and `problem` says why; `excerpt` is how the answer begins."""

    status: int | None
    problem: str = ""
    retry_after: int | None = None
    excerpt: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class BadUrl(Refusal):
    """An address to which nothing is sent."""

    texts: ClassVar = {
        "url-signs": "the address: at most {most} plain signs, without spaces",
        "url-odd": "the address: {problem}",
        "url-https": "the address must begin with https://; see webhooks.allow_http",
        "url-scheme": "the address must begin with https:// or http://",
        "url-form": "the address must be like https://sinergi.example.go.id/gardu, without user or fragment",
        "url-local": "{host} is this machine or a neighbour's address; see webhooks.allow_local",
    }


def check(url: str, rules: Rules) -> SplitResult:
    """The parts of the URL, if it may be used; to which machine it leads shows on connecting. Raises `BadUrl`."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise BadUrl("url-signs", most=LONGEST_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl("url-odd", problem=error) from None
    if parts.scheme not in (("https", "http") if rules.http else ("https",)):
        raise BadUrl("url-scheme" if rules.http else "url-https")
    if not parts.hostname or parts.username is not None or parts.fragment or port == 0:
        raise BadUrl("url-form")
    return parts


def post(url: str, headers: Mapping[str, str], body: bytes, rules: Rules) -> Outcome:
    """Whatever happens is an outcome."""
    try:
        parts = check(url, rules)
        connection = _connection(parts, rules)
    except (OSError, ValueError) as error:  # a name that is no name is a ValueError
        return Outcome(None, _said(error))
    begun = time.monotonic()
    deadline = threading.Timer(rules.seconds, _cut, [connection.sock])
    deadline.start()
    try:
        return _answer(connection, parts, headers, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() - begun >= rules.seconds
        return Outcome(None, f"no answer within {rules.seconds:g} seconds" if late else _said(error))
    finally:
        deadline.cancel()
        connection.close()


def forbidden(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address leads to this machine, or to something that only its neighbours may ask."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return forbidden(inner)
    elif address in _THIS_NETWORK:
        return True
    return (
        address in _METADATA
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.version == 4 and address.is_reserved)
    )


def _connection(parts: SplitResult, rules: Rules) -> http.client.HTTPConnection:
    """To an address that was judged; a handshake is still to come. Raises `OSError` or `ValueError`."""
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sock = _connected(host, port, rules)
    connection = http.client.HTTPConnection(host, port, timeout=rules.seconds)
    connection.sock = sock
    if secure:
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    return connection


def _answer(
    connection: http.client.HTTPConnection, parts: SplitResult, headers: Mapping[str, str], body: bytes
) -> Outcome:
    if isinstance(connection.sock, ssl.SSLSocket):
        connection.sock.do_handshake()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", target, body, {"Host": parts.netloc, **headers})
    return _outcome(connection.getresponse())


def _connected(host: str, port: int, rules: Rules) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if rules.local or not forbidden(ipaddress.ip_address(_bare(each[4][0])))]
    if not allowed:
        raise BadUrl("url-local", host=host)
    for family, kind, protocol, _, address in allowed:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(rules.seconds)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = error
        else:
            if not rules.local and sock.getsockname()[0] == sock.getpeername()[0]:  # one of this machine's own
                sock.close()
                raise BadUrl("url-local", host=host)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise problem


def _bare(address: object) -> str:
    """Without the interface of an IPv6 address."""
    return str(address).partition("%")[0]


def _cut(sock: socket.socket) -> None:
    """However slowly an answer drips, the deadline ends it."""
    with suppress(OSError):  # it ended by itself
        sock.shutdown(socket.SHUT_RDWR)


def _outcome(response: http.client.HTTPResponse) -> Outcome:
    text = response.read(BODY_BYTES).decode(errors="replace")
    excerpt = "".join(sign if sign.isprintable() else " " for sign in text[:EXCERPT]).strip()
    return Outcome(response.status, f"answered {response.status}", _wait(response), excerpt)


def _wait(response: http.client.HTTPResponse) -> int | None:
    """A Retry-After in seconds; one that is a date is as good as none."""
    text = response.headers.get("Retry-After", "").strip()
    return min(int(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__)[:EXCERPT]
