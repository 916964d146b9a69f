"""Commands over a whole system of real processes: libgammu on a simulated modem, broker, gateway and central."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

import pytest

from central import orders
from central.database import Database
from mqtt_bridge.records import Result

from .system import System, fetch
from .waiting import eventually

GATEWAY = "dinkes-01"
IT = "+6281299990001"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("commands"), number="+6281100001") as made:
        made.start()
        eventually(lambda: fetch(made.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield made


def send(system: System, *words: str) -> str:
    return system.central("command", "send", GATEWAY, *words).strip()


def ended(system: System, id_: str) -> Result | None:
    """Read past the command line, which takes a second to start."""
    database = Database(f"sqlite:///{system.folder}/central/central.db")
    order = orders.one(database, GATEWAY, id_)
    database.close()
    assert order
    return order.result


def answered(system: System, *words: str) -> Result:
    id_ = send(system, *words)
    return cast("Result", eventually(lambda: ended(system, id_), 40, f"an answer to {words}"))


def test_each_kind(system: System) -> None:
    assert "pong" in send(system, "ping", "--wait")
    told = answered(system, "diagnostics")
    bundle = json.loads(told.text)
    assert bundle["journal"]["id"] == system.status()["journal"]
    assert bundle["modem"]["state"] == "registered"
    assert IT not in told.text
    assert answered(system, "sms", IT).code == "sms-sent"
    assert any("Gardu uji" in text for text in system.answers(IT))
    loop = answered(system, "sms", "own")
    assert (loop.code, loop.ending) == ("sms-back", "done")
    assert 0.0 < float(loop.facts["seconds"]) < 30.0
    ussd = answered(system, "ussd", "*888#")
    assert (ussd.code, ussd.text != "") == ("ussd", True)
    system.text(system.phones[0], "HADIR")
    eventually(lambda: system.records(), 40, "a record")
    assert answered(system, "resend", "1").code == "resent"
    eventually(lambda: system.status()["delivered"] == 1, 40, "the record being held again")
    assert len(system.records()) == 1, "and once"
    assert answered(system, "restart-modem").code == "modem-restarted"
    system.text(system.phones[1], "HADIR")
    eventually(lambda: len(system.records()) == 2, 60, "the modem working again")
    assert "Modem dinyalakan ulang." in system.page("gateway", "/")


def test_a_gateway_killed_while_it_waits_for_its_own_sms(system: System) -> None:
    """It began, and stopped before it knew: it says that, and does not send it a second time."""
    id_ = send(system, "sms", "own")
    eventually(lambda: "Sedang dijalankan" in system.page("gateway", "/"), 40, "its beginning")
    system.kill("gateway")
    system.start("gateway")
    eventually(lambda: ended(system, id_), 60, "what became of it")
    result = ended(system, id_)
    assert result
    assert (result.ending, result.code) == ("unknown", "interrupted")
