"""The link over TLS with a real mosquitto, and the names of what goes wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from central.authority import Authority
from mqtt_bridge import client
from mqtt_bridge.client import MqttLink, Problem, Tls, Trouble

from ..trusted import YEAR, Hall, now, self_made
from ..waiting import eventually

GATEWAY = "dinkes-01"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(tmp_path_factory.mktemp("hall")) as made:
        yield made


def link(hall: Hall, tls: Tls | None, *filters: str, host: str = "127.0.0.1", name: str = GATEWAY) -> MqttLink:
    return MqttLink(host, hall.port, name, filters, tls=tls)


def problem_of(made: MqttLink) -> Problem:
    """The first thing that goes wrong."""
    try:
        found = eventually(lambda: made.connected or (made.problem != Problem(Trouble.STARTING) and made.problem))
    finally:
        made.close()
    assert isinstance(found, Problem), "it connected"
    return found


def test_a_certificate_of_the_authority_lets_in(hall: Hall) -> None:
    made = link(hall, hall.tls(GATEWAY), f"gardu/v1/{GATEWAY}/command/#")
    eventually(lambda: made.connected)
    assert made.problem is None
    made.close()


def expired(hall: Hall) -> Tls:
    return hall.tls("expired", at=now() - 2 * YEAR)


def early(hall: Hall) -> Tls:
    return hall.tls("early", at=now() + YEAR)


def foreign(hall: Hall) -> Tls:
    return hall.tls("foreign", authority=Authority(hall.folder / "other-ca", now()))


def by_itself(hall: Hall) -> Tls:
    return Tls(hall.folder / "broker" / "ca.crt", *self_made(hall.folder, GATEWAY))


def revoked(hall: Hall) -> Tls:
    tls, issued = hall.issue("revoked")
    hall.revoke(issued.serial)
    return tls


def missing(hall: Hall) -> Tls:
    good = hall.tls("missing")
    return Tls(good.ca, good.certificate, hall.folder / "nowhere.key")


@pytest.mark.parametrize(
    ("files", "trouble"),
    [
        (expired, Trouble.OURS_EXPIRED),
        (early, Trouble.OURS_EARLY),
        (foreign, Trouble.OURS_FOREIGN),
        (by_itself, Trouble.OURS_FOREIGN),
        (revoked, Trouble.OURS_REVOKED),
        (missing, Trouble.FILES),
    ],
)
def test_what_is_wrong_with_our_certificate_is_named(
    hall: Hall, files: Callable[[Hall], Tls], trouble: Trouble
) -> None:
    assert problem_of(link(hall, files(hall))).trouble is trouble


@pytest.mark.parametrize(
    ("made", "name", "trouble"),
    [
        (now() - 11 * YEAR, "127.0.0.1", Trouble.THEIRS_EXPIRED),
        (now() + YEAR, "127.0.0.1", Trouble.THEIRS_EARLY),
        (now(), "mqtt.example.go.id", Trouble.THEIRS_NAME),
        (now(), "127.0.0.2", Trouble.THEIRS_NAME),
    ],
)
def test_what_is_wrong_with_the_brokers_certificate_is_named(
    tmp_path: Path, made: datetime, name: str, trouble: Trouble
) -> None:
    with Hall(tmp_path, made=made, name=name) as other:
        assert problem_of(link(other, other.tls(GATEWAY))).trouble is trouble


def test_a_broker_of_another_authority_gets_nothing(hall: Hall, tmp_path: Path) -> None:
    good = hall.tls(GATEWAY)
    other = Authority(tmp_path / "ca", now())
    assert (
        problem_of(link(hall, Tls(other.folder / "ca.crt", good.certificate, good.key))).trouble
        is Trouble.THEIRS_FOREIGN
    )
    assert "Client dinkes-01" not in hall.said().rpartition("New connection")[2]


def test_a_broker_without_tls_is_named(tmp_path: Path, hall: Hall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = MqttLink("127.0.0.1", server.getsockname()[1], GATEWAY, [], tls=hall.tls(GATEWAY))
        threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), daemon=True).start()
        assert problem_of(made).trouble is Trouble.TLS


def test_a_forbidden_message_is_named_until_it_is_no_longer_refused(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = link(hall, hall.tls(GATEWAY))
    eventually(lambda: made.connected)
    made.publish("gardu/v1/disdik-01/event/records", b"mine", retain=False)
    eventually(lambda: made.problem)
    assert made.problem == Problem(Trouble.DENIED, "Not authorized")
    assert made.connected
    made.publish(f"gardu/v1/{GATEWAY}/state/status", b"{}", retain=False)
    made.publish("gardu/v1/disdik-01/event/records", b"mine", retain=False)
    eventually(lambda: hall.said().count("Denied PUBLISH from dinkes-01") == 2)
    assert made.problem
    monkeypatch.setattr(client, "DENIED_STANDS", 0.0)
    made.publish(f"gardu/v1/{GATEWAY}/state/status", b"{}", retain=False)
    eventually(lambda: made.problem is None)
    made.close()


def test_two_with_one_name_do_not_fight_for_ever(hall: Hall) -> None:
    files = hall.tls(GATEWAY)
    both = [link(hall, files), link(hall, files)]
    eventually(lambda: both[0].session > 1 and both[1].session > 1)
    first = both[0].session + both[1].session
    with pytest.raises(AssertionError):  # three seconds at a second each would be six more
        eventually(lambda: both[0].session + both[1].session > first + 3, 3)
    for each in both:
        each.close()


def test_a_broker_that_says_that_another_took_the_name_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, [WELCOME, TAKEN_OVER]), daemon=True).start()
        made = MqttLink("127.0.0.1", server.getsockname()[1], GATEWAY, [])
        eventually(lambda: made.problem == Problem(Trouble.TAKEN))
        threading.Thread(target=serve, args=(server, [WELCOME]), daemon=True).start()
        eventually(lambda: made.connected and made.session == 2)
        assert made.problem == Problem(Trouble.TAKEN), "connected again, and people still hear of it"
        monkeypatch.setattr(client, "TAKEN_STANDS", 0.0)
        assert made.problem is None
        made.close()


def test_a_refused_subscription_is_named() -> None:
    """mosquitto 2.0 takes every subscription, and then says nothing; other brokers refuse."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, [WELCOME, REFUSED]), daemon=True).start()
        made = MqttLink("127.0.0.1", server.getsockname()[1], GATEWAY, ["gardu/v1/+/event/#"])
        eventually(lambda: made.problem == Problem(Trouble.UNHEARD, "Not authorized"))
        made.close()


WELCOME = bytes([0x20, 3, 0, 0, 0])
REFUSED = bytes([0x90, 4, 0, 1, 0, 0x87])  # the SUBACK to packet 1: not authorized
TAKEN_OVER = bytes([0xE0, 2, 0x8E, 0])


def serve(server: socket.socket, answers: list[bytes]) -> None:
    """A broker that answers what comes with these packets, one after the other, and waits for the end."""
    connection, _ = server.accept()
    with connection:
        for answer in answers:
            if answer != TAKEN_OVER:
                connection.recv(1000)
            connection.sendall(answer)
        connection.recv(1000)


def test_a_certificate_that_was_renewed_is_used_at_the_next_connection(hall: Hall) -> None:
    files = hall.tls("renewed", at=now() - 2 * YEAR)
    made = link(hall, files, name="renewed")
    eventually(lambda: made.problem == Problem(Trouble.OURS_EXPIRED))
    hall.tls("renewed")
    eventually(lambda: made.connected)
    assert made.problem is None
    made.close()
