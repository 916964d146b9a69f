"""Enrolment, TLS and access rules on a whole system of real processes, with a mosquitto that is not ours to bend."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from central.authority import Authority
from gateway import enrolment
from mqtt_bridge.client import Tls
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make, load_or_make_tls
from mqtt_bridge.records import (
    Connection,
    Renewal,
    Status,
    decode,
)
from mqtt_bridge.topics import Leaf

from .system import GATEWAY, System, fetch
from .trusted import csr, now, self_made
from .visitor import CONNECT, Visit, batch, check_in, quarantine, said_by
from .waiting import eventually

ATTACKER = "disdik-01"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose gateway is enrolled by a token; its broker speaks TLS only."""
    with System(tmp_path_factory.mktemp("trust"), broker="tls") as system:
        system.start("modem", "broker", "central", "gateway")
        eventually(lambda: "belum didaftarkan" in json.dumps(system.status()), 60, "the gateway asking for it")
        system.enrol()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


@pytest.fixture(scope="module")
def attacker(office: System) -> Attacker:
    """Another OPD's gateway, enrolled as it should be, in the hands of somebody who wants more."""
    folder = office.folder / "attacker"
    folder.mkdir()
    office.central("gateway", "add", ATTACKER)
    (folder / "request").write_bytes(enrolment.ask(folder, ATTACKER, now()))
    office.central("gateway", "sign", str(folder / "request"), "--out", str(folder / "answer"))
    held = enrolment.take(folder, ATTACKER, (folder / "answer").read_bytes(), None)
    return Attacker(office, folder, held.files)


class Attacker:
    """Speaks MQTT by the library alone: none of our own checks is in the way."""

    def __init__(self, office: System, folder: Path, files: Tls) -> None:
        self.office = office
        self.key = load_or_make(folder / "gateway.key")
        self.files = files

    def connect(self, client_id: str = ATTACKER, **options: Any) -> Visit:
        return Visit(self.office, self.files, client_id, **options)


def test_a_check_in_over_tls(office: System) -> None:
    check_in(office, office.phones[0])
    until = datetime.fromisoformat(office.status()["certificate_until"])
    assert timedelta(days=363) < until - now() < timedelta(days=366)
    assert office.status()["reasons"] == []
    assert "Sertifikat" in office.page("gateway", "/")
    assert "gardu_gateway_certificate_seconds 3.1" in office.page("gateway", "/metrics")


def test_the_broker_takes_no_connection_without_a_certificate_or_without_tls(
    office: System, attacker: Attacker
) -> None:
    with socket.create_connection(("127.0.0.1", office.ports["broker"])) as plain, suppress(ConnectionResetError):
        plain.sendall(CONNECT)
        assert plain.recv(100) == b""
    context = ssl.create_default_context(cafile=office.folder / "broker" / "ca.crt")
    with (
        socket.create_connection(("127.0.0.1", office.ports["broker"])) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as bare,
        suppress(ssl.SSLError),
    ):
        bare.sendall(CONNECT)
        assert bare.recv(100) == b""
    older = ssl.create_default_context(cafile=office.folder / "broker" / "ca.crt")
    older.load_cert_chain(attacker.files.certificate, attacker.files.key)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", office.ports["broker"])) as raw, pytest.raises(ssl.SSLError):
        older.wrap_socket(raw, server_hostname="127.0.0.1")


@pytest.mark.parametrize("kind", ["foreign", "self-made", "expired", "a server's"])
def test_no_other_certificate_gets_in(office: System, tmp_path: Path, kind: str) -> None:
    ca = office.folder / "broker" / "ca.crt"
    own = Authority(office.folder / "central" / "ca", now())
    key = load_or_make_tls(tmp_path / "tls.key")
    if kind == "self-made":
        files = Tls(ca, *self_made(tmp_path, GATEWAY))
    else:
        issued = {
            "foreign": lambda: Authority(tmp_path / "ca", now()).for_gateway(GATEWAY, csr(key), now()),
            "expired": lambda: own.for_gateway(GATEWAY, csr(key), now() - timedelta(days=366)),
            "a server's": lambda: own.for_server([GATEWAY], key.public_key(), now()),
        }[kind]()
        (tmp_path / "tls.crt").write_text(issued.pem)
        files = Tls(ca, tmp_path / "tls.crt", tmp_path / "tls.key")
    with Visit(office, files, GATEWAY) as visit:
        assert visit.welcome is None
        assert visit.ended


def test_what_an_attacker_with_a_good_certificate_says_for_others_is_denied(
    office: System, attacker: Attacker
) -> None:
    """Topics of others, and of the collector: live, retained, and as a last will."""
    forged = seal(batch(GATEWAY), attacker.key)
    others = [f"gardu/v1/{GATEWAY}/{leaf}" for leaf in Leaf]
    collectors = [f"gardu/v1/{ATTACKER}/{leaf}" for leaf in Leaf if leaf.startswith("command/")]
    odd = [f"gardu/v1/{ATTACKER}/x", "gardu/v1/_central/event/records", f"gardu/v2/{ATTACKER}/event/records", "x"]
    targets = [*others, *collectors, *odd]
    before = said_by(office, "broker").count(f"Denied PUBLISH from {ATTACKER}")
    with attacker.connect() as visit:
        for target in targets:
            for retain in (False, True):
                assert visit.publish(target, forged, retain=retain) == "Not authorized", target
        assert visit.publish(f"gardu/v1/{ATTACKER}/event/records", b"x") in ("Success", "No matching subscribers")
    denied = said_by(office, "broker").count(f"Denied PUBLISH from {ATTACKER}") - before
    assert denied == 2 * len(targets), "each of them is in the broker's log"


def test_nobody_leaves_a_last_will_to_another(office: System, attacker: Attacker) -> None:
    """mosquitto lets it be named, and then does not carry it out."""
    target = f"gardu/v1/{GATEWAY}/state/connection"
    collector = Tls(
        *(office.folder / "central" / "ca" / name for name in ("ca.crt", "collector.crt", "collector.key"))
    )
    with Visit(office, collector, "observer") as observer:
        observer.subscribe("gardu/v1/+/state/connection")
        eventually(lambda: target in {topic for topic, _ in observer.heard}, what="the gateway's own word")
        for topic in (target, f"gardu/v1/{ATTACKER}/state/connection"):
            attacker.connect(will=(topic, b"forged")).cut()
        eventually(lambda: b"forged" in {payload for _, payload in observer.heard}, what="the will that may be")
        assert b"forged" not in {payload for topic, payload in observer.heard if topic == target}


def test_what_is_said_to_and_by_others_stays_unheard(office: System, attacker: Attacker) -> None:
    filters = [
        "#",
        "+/#",
        "$SYS/#",
        "$share/x/#",
        "gardu/v1/+/#",
        "gardu/v1/+/command/desired",
        "gardu/v1/_central/#",
    ]
    filters += [
        f"{group}gardu/v1/{GATEWAY}/{rest}" for group in ("", "$share/x/") for rest in ("#", "command/desired")
    ]
    with attacker.connect() as visit:
        for each in filters:
            visit.subscribe(each)  # mosquitto 2.0 says yes to all of them, and then delivers only what may be read
        own = f"gardu/v1/{ATTACKER}/state/connection"
        visit.publish(own, seal(Connection(gateway=ATTACKER, online=True, since=now()), attacker.key))
        check_in(office, office.phones[1])  # batch, ack and status go over the broker meanwhile
        eventually(lambda: own in {topic for topic, _ in visit.heard}, what="what it may hear")
    assert {topic.split("/")[2] for topic, _ in visit.heard} == {ATTACKER}


def test_records_of_another_gateway_under_ones_own_topic_are_put_aside(office: System, attacker: Attacker) -> None:
    own = f"gardu/v1/{ATTACKER}/event/records"
    recorded = len(office.records())
    with attacker.connect() as visit:
        visit.publish(own, seal(batch(GATEWAY), attacker.key))
        visit.publish(own, captured(office))
        visit.publish(own, b"garbage")
        wanted = {
            (ATTACKER, "signed for another gateway"),
            (ATTACKER, "the signature does not fit the payload and the signer's key"),
            (ATTACKER, "there is no signature behind the payload"),
        }
        eventually(lambda: wanted <= set(quarantine(office)), what="all of it in quarantine")
    assert len(office.records()) == recorded
    assert "signed for another gateway" in said_by(office, "central")


def captured(office: System) -> bytes:
    """A batch of the true gateway, as somebody at the broker could have seen it."""
    key = load_or_make(office.folder / "gateway" / "gateway.key")
    return seal(batch(GATEWAY), key)


def test_states_of_others_are_not_believed(office: System, attacker: Attacker) -> None:
    status = decode(json.dumps({"kind": "status", **office.status()}).encode())
    assert isinstance(status, Status)
    with attacker.connect() as visit:
        visit.publish(f"gardu/v1/{ATTACKER}/state/status", seal(status, attacker.key), retain=True)
        eventually(lambda: "state not believed" in said_by(office, "central"), what="central's log")
        visit.publish(f"gardu/v1/{ATTACKER}/state/status", b"", retain=True)
    found = fetch(office.url("central", "/api/v1/gateways"), token=office.token)["items"]
    assert {each["id"]: each["status"] is None for each in found} == {GATEWAY: False, ATTACKER: True}


def test_nobody_takes_anothers_client_id(office: System, attacker: Attacker) -> None:
    """Or everybody with a certificate could throw everybody else out."""
    session = said_by(office, "gateway").count("connected to the broker")
    for name in (GATEWAY, "_central", "", "#"):
        with attacker.connect(name) as visit:
            assert visit.welcome == "Success"
            assert visit.publish(f"gardu/v1/{GATEWAY}/event/records", b"x") == "Not authorized"
    check_in(office, office.phones[2])
    assert said_by(office, "gateway").count("connected to the broker") == session


def test_what_is_too_large_is_refused_before_anybody_reads_it(office: System, attacker: Attacker) -> None:
    with attacker.connect() as visit:
        visit.client.publish(f"gardu/v1/{ATTACKER}/event/records", b"x" * 1_100_000, qos=1)
        eventually(lambda: visit.ended, what="being thrown out")
    check_in(office, office.phones[3])


def test_a_renewal_for_another_gives_nothing(office: System, attacker: Attacker) -> None:
    key = load_or_make_tls(office.folder / "attacker" / "other.key")
    wanted = Renewal(gateway=GATEWAY, csr=csr(key), at=now())
    with attacker.connect() as visit:
        visit.publish(f"gardu/v1/{ATTACKER}/event/renewal", seal(wanted, attacker.key))
        eventually(lambda: "not renewed" in said_by(office, "central"), what="central's log")
    found = json.loads(office.central("gateway", "enrolments", "--json"))
    assert [each["outcome"] for each in found] == ["enrolled", "enrolled"]


def test_replayed_enrolments_give_nothing(office: System, attacker: Attacker) -> None:
    """What was overheard on a line without TLS: the same again, and with other keys."""
    for body in ({}, {"token": "00" * 32, "request": "x", "signature": "x"}, [1]):
        assert post(office, "/enrol", body)[0] in (400, 401)
    assert post(office, "/enrol", {})[1]["type"] == "about:blank"
    assert office.gateway("enrol", office.url("central"), "not-a-token").returncode == 1


def post(office: System, path: str, body: Any) -> tuple[int, Any]:
    command = ["curl", "-s", "-w", "\n%{http_code}", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run([*command, office.url("central", path)], capture_output=True, text=True, check=True)
    text, _, code = done.stdout.rpartition("\n")
    return int(code), json.loads(text)
