"""Enrolment, TLS and access rules on a whole system of real processes, with a mosquitto that is not ours to bend."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .system import GATEWAY, System, fetch, receipt_in
from .waiting import eventually


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose gateway is enrolled by a token; its broker speaks TLS only."""
    with System(tmp_path_factory.mktemp("trust"), broker="tls") as system:
        system.start("modem", "broker", "central", "gateway")
        eventually(
            lambda: "belum didaftarkan" in json.dumps(system.status()), 60, "the gateway asking to be enrolled"
        )
        system.enrol()
        yield system


def test_a_check_in_over_tls(office: System) -> None:
    eventually(lambda: fetch(office.url("gateway", "/readyz")), 60, "the gateway being ready")
    phone = office.phones[0]
    office.text(phone, "HADIR")
    assert office.record_of(receipt_in(office.answered(phone)[0]))["gateway"] == GATEWAY
    assert office.status()["certificate_until"]
