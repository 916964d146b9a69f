"""Enrolment, TLS and access rules on a whole system of real processes, with a mosquitto that is not ours to bend."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from central.authority import Authority
from gateway import enrolment
from mqtt_bridge.client import Tls
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make, load_or_make_tls
from mqtt_bridge.records import (
    Action,
    Batch,
    Channel,
    Connection,
    Presence,
    Record,
    Renewal,
    Status,
    chained,
    decode,
    genesis,
)
from mqtt_bridge.topics import Leaf

from .system import BIN, GATEWAY, System, fetch, receipt_in
from .trusted import csr, self_made
from .waiting import eventually, free_ports

ATTACKER = "disdik-01"
CONNECT = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x03foo"


def now() -> datetime:
    return datetime.now(UTC)


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


class Visit:
    """One connection to the broker."""

    def __init__(self, office: System, files: Tls, client_id: str, will: tuple[str, bytes] | None = None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.codes: dict[int, str] = {}
        self.welcome: str | None = None
        self.ended: str | None = None
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5,
                                  reconnect_on_failure=False)  # fmt: skip
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        self.client.tls_set_context(context)
        if will:
            self.client.will_set(*will, qos=1, retain=True)
        self.client.on_connect = lambda *a: setattr(self, "welcome", str(a[3]))
        self.client.on_disconnect = lambda *a: setattr(self, "ended", str(a[3]))
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.codes.update({mid: str(code)})
        self.client.on_subscribe = lambda _c, _d, mid, codes, _p: self.codes.update({mid: str(codes[0])})
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.connect("127.0.0.1", office.ports["broker"])
        self.client.loop_start()
        eventually(lambda: self.welcome or self.ended, what="an answer of the broker")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def cut(self) -> None:
        """Be gone without a goodbye."""
        self.client.socket().shutdown(socket.SHUT_RDWR)
        eventually(lambda: self.ended, what="the connection's end")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> str:
        info = self.client.publish(topic, payload, qos=1, retain=retain)
        return eventually(lambda: self.codes.get(info.mid), what="a PUBACK")

    def subscribe(self, topic: str) -> str:
        _, mid = self.client.subscribe(topic, options=SubscribeOptions(qos=1))
        return eventually(lambda: self.codes.get(mid or 0), what="a SUBACK")


def batch(gateway: str, journal: str = "ab" * 8) -> Batch:
    """Made-up records, in themselves as they must be."""
    made = Record(
        seq=1, employee="e-forged", action=Action.IN, at=now(), received=now(), channel=Channel.SMS,
        presence=Presence.NONE, flags=(), receipt="FAKE", fingerprint="ab" * 32,
    )  # fmt: skip
    start = genesis(gateway, journal)
    return Batch(gateway=gateway, journal=journal, previous=start, sent=now(), records=[chained(start, made)])


def quarantine(office: System) -> list[tuple[str, str]]:
    return [(each["gateway"], each["reason"]) for each in json.loads(office.central("quarantine", "--json"))]


def said_by(office: System, name: str) -> str:
    return (office.folder / f"{name}.log").read_text(errors="replace")


def check_in(office: System, phone: str) -> None:
    office.text(phone, "HADIR")
    assert office.record_of(receipt_in(office.answered(phone)[0]))["gateway"] == GATEWAY


def test_a_check_in_over_tls(office: System) -> None:
    check_in(office, office.phones[0])
    until = datetime.fromisoformat(office.status()["certificate_until"])
    assert timedelta(days=363) < until - now() < timedelta(days=366)
    assert office.status()["reasons"] == []


def test_the_broker_takes_no_connection_without_a_certificate_or_without_tls(office: System) -> None:
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


def test_a_revoked_gateway_is_out_at_the_broker_and_at_central(tmp_path: Path) -> None:
    """And hardware that replaces it goes on, with nothing of before lost."""
    with System(tmp_path, broker="tls") as system:
        system.start("modem", "broker", "central")
        system.enrol()
        system.start("gateway")
        check_in(system, system.phones[0])
        stolen = tmp_path / "stolen"
        system.stop("gateway")
        (tmp_path / "gateway").rename(stolen)
        (tmp_path / "gateway").mkdir()
        system.central("gateway", "revoke", GATEWAY, "--reason", "dicuri")
        found = fetch(system.url("central", "/api/v1/gateways"), token=system.token)["items"][0]
        assert (found["state"], found["reason"]) == ("down", "Dicabut: dicuri")
        # Before the broker has read the list, central refuses by itself.
        files = Tls(*(stolen / "enrolled" / name for name in ("ca.crt", "tls.crt", "tls.key")))
        ticket = session(system, files)
        assert resumed(system, files, ticket)
        with Visit(system, files, GATEWAY) as visit:
            assert visit.welcome == "Success"
            sealed = seal(batch(GATEWAY), load_or_make(stolen / "gateway.key"))
            visit.publish(f"gardu/v1/{GATEWAY}/event/records", sealed)
            eventually(lambda: (GATEWAY, "revoked: dicuri") in quarantine(system))
            visit.subscribe(f"gardu/v1/{GATEWAY}/command/#")
            eventually(lambda: [topic for topic, _ in visit.heard if topic.endswith("/ack")], what="its old ack")
            assert not [topic for topic, _ in visit.heard if topic.endswith("/desired")], "the roster is gone"
        system.processes["broker"].send_signal(signal.SIGHUP)
        eventually(lambda: "Reloading config" in said_by(system, "broker"))
        with Visit(system, files, GATEWAY) as visit:
            assert visit.welcome is None
            assert visit.ended
        assert not resumed(system, files, ticket), "nor by what the broker remembers of an earlier connection"
        assert "certificate verify failed" in said_by(system, "broker")
        system.enrol()
        system.start("gateway")
        check_in(system, system.phones[1])
        assert len(system.records()) == 2


def dialled(system: System, files: Tls, ticket: ssl.SSLSession | None) -> ssl.SSLSocket:
    """A TLS connection on which an MQTT CONNECT was said."""
    _contexts.setdefault(files, ssl.create_default_context(cafile=files.ca)).load_cert_chain(
        files.certificate, files.key
    )
    raw = socket.create_connection(("127.0.0.1", system.ports["broker"]), 10)
    made = _contexts[files].wrap_socket(raw, server_hostname="127.0.0.1", session=ticket)
    made.sendall(CONNECT)
    return made


_contexts: dict[Tls, ssl.SSLContext] = {}


def session(system: System, files: Tls) -> ssl.SSLSession | None:
    with dialled(system, files, None) as made:
        assert made.recv(1) == b"\x20"
        return made.session


def resumed(system: System, files: Tls, ticket: ssl.SSLSession | None) -> bool:
    """Whether the broker welcomes whoever goes on with that TLS session."""
    with suppress(OSError), dialled(system, files, ticket) as made:
        return made.recv(1) == b"\x20"
    return False


def test_another_device_with_a_copied_card_alarms_both_sides(tmp_path: Path) -> None:
    with System(tmp_path, broker="tls") as system:
        system.start("modem", "broker", "central")
        system.enrol()
        system.start("gateway")
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "gateway", copy, symlinks=True)
        settings = (tmp_path / "gateway.toml").read_text().replace(f"{tmp_path}/gateway", str(copy))
        (port,) = free_ports(1)
        (tmp_path / "copy.toml").write_text(settings.replace(str(system.ports["gateway"]), str(port)))
        with (tmp_path / "copy.log").open("wb") as log:
            second = subprocess.Popen(
                [f"{BIN}/gardu-gateway", "run", "--config", str(tmp_path / "copy.toml")], stdout=log, stderr=log
            )
        try:
            eventually(lambda: "rival" in codes(system), 60, "the gateway's alarm")

            def reason() -> Any:
                return fetch(system.url("central", "/api/v1/gateways"), token=system.token)["items"][0]["reason"]

            eventually(lambda: reason() == "Dua perangkat memakai nama gateway ini", 60, "central's alarm")
        finally:
            second.kill()
            second.wait()
        check_in(system, system.phones[0])


def codes(system: System) -> list[str]:
    return [each["code"] for each in system.status().get("reasons", [])]


def test_a_broker_that_forbids_our_own_topic_loses_nothing(tmp_path: Path) -> None:
    with System(tmp_path, broker="tls") as system:
        rules = tmp_path / "broker" / "acl"
        allowed = rules.read_text()
        rules.write_text(allowed.replace("pattern write gardu/v1/%u/event/#\n", ""))
        system.start("modem", "broker", "central")
        system.enrol()
        system.start("gateway")
        system.text(system.phones[0], "HADIR")
        receipt = receipt_in(system.answered(system.phones[0])[0])
        eventually(lambda: "menolak pesan" in json.dumps(system.status()), what="the alarm")
        assert system.records() == []
        rules.write_text(allowed)
        system.stop("broker")
        system.start("broker")
        assert system.record_of(receipt)["gateway"] == GATEWAY


def age(system: System, days: int) -> None:
    """Give the gateway, which is not running, a certificate of that many days ago for the key that it has."""
    folder = system.folder / "gateway" / "enrolled"
    own = Authority(system.folder / "central" / "ca", now())
    made = own.for_gateway(GATEWAY, csr(load_or_make_tls(folder / "tls.key")), now() - timedelta(days=days))
    (folder / "tls.crt").write_text(made.pem)


def test_a_certificate_is_renewed_in_time_and_an_expired_one_is_named_and_loses_nothing(tmp_path: Path) -> None:
    with System(tmp_path, broker="tls") as system:
        system.start("modem", "broker", "central")
        system.enrol()
        age(system, 300)
        system.start("gateway")
        eventually(lambda: system.status(), 60, "the gateway")

        def until() -> datetime:
            return datetime.fromisoformat(system.status()["certificate_until"])

        eventually(lambda: until() > now() + timedelta(days=364), what="a new certificate")
        outcomes = [each["outcome"] for each in json.loads(system.central("gateway", "enrolments", "--json"))]
        assert outcomes == ["renewed", "enrolled"]
        system.stop("broker")
        system.start("broker")
        check_in(system, system.phones[0])

        system.stop("gateway")
        age(system, 366)
        system.start("gateway")
        system.text(system.phones[1], "HADIR")
        receipt = receipt_in(system.answered(system.phones[1])[0])
        eventually(lambda: "certificate" in codes(system), what="the alarm")
        assert "sudah habis masa berlakunya" in json.dumps(system.status())
        assert len(system.records()) == 1
        system.enrol("--replace")
        assert system.record_of(receipt)["gateway"] == GATEWAY
        eventually(lambda: codes(system) == [], what="nothing being wrong any more")
