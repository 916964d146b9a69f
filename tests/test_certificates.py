"""The life of a gateway's certificate on a whole system: renewed, expired, revoked, copied, without rights."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from central.authority import Authority
from mqtt_bridge.client import Tls
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make, load_or_make_tls

from .system import BIN, GATEWAY, System, fetch, receipt_in
from .trusted import csr, now
from .visitor import CONNECT, Visit, batch, check_in, quarantine, said_by
from .waiting import eventually, free_ports


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_certificate_is_renewed_in_time_and_an_expired_one_is_named_and_loses_nothing(tmp_path: Path) -> None:
    with System(tmp_path, broker="tls") as system:
        system.start("modem", "broker", "central")
        system.enrol()
        age(system, 300)
        system.start("gateway")
        eventually(lambda: system.status(), 60, "the gateway")

        def renewed() -> bool:
            until = system.status().get("certificate_until")  # before it is connected, it has none to show
            return until is not None and datetime.fromisoformat(until) > now() + timedelta(days=364)

        eventually(renewed, what="a new certificate")
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
