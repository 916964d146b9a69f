from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import Now
from gateway.enrolment import ask, take
from gateway.renewal import ASK_EVERY, Renewer
from mqtt_bridge.client import Inbound, LinkDown, Problem
from mqtt_bridge.keys import load_or_make
from mqtt_bridge.topics import Leaf, topic

from ..trusted import now
from .test_enrolment import GATEWAY, Central

LATER = now() + timedelta(days=250)


@dataclass
class Desk:
    """A link with central at its other end."""

    central: Central
    connected: bool = True
    session: int = 1
    problem: Problem | None = None
    asked: list[bytes] = field(default_factory=list)
    broken: bool = False

    def publish(self, name: str, payload: bytes, *, retain: bool) -> None:
        if self.broken:
            raise LinkDown("cut")
        assert name == topic(GATEWAY, Leaf.RENEWAL)
        assert not retain
        self.asked.append(payload)

    def take(self) -> list[Inbound]:
        return []

    def close(self) -> None:
        pass


class Gateway:
    def __init__(self, folder: Path) -> None:
        self.central = Central(folder / "central")
        self.data = folder / "gateway"
        self.data.mkdir()
        self.enrol()
        self.desk = Desk(self.central)
        self.seconds = 0.0
        key = load_or_make(self.data / "gateway.key")
        self.renewer = Renewer(self.desk, key, self.data, self.held)

    def enrol(self) -> None:
        self.held = take(self.data, GATEWAY, self.central.sign(ask(self.data, GATEWAY, now())), None)

    def step(self, after: float = 0.0, **clock: bool) -> int:
        """How often it has asked until now."""
        self.seconds += after
        self.renewer.step(Now(LATER, self.seconds, **clock))
        return len(self.desk.asked)

    def answer(self) -> None:
        made = self.central.registrar.renew(GATEWAY, self.desk.asked[-1], LATER)
        assert made
        self.renewer.take(made)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path)
    yield made
    made.central.database.close()


def test_a_certificate_with_a_third_of_its_life_is_renewed(gateway: Gateway) -> None:
    before = gateway.renewer.until
    assert gateway.step() == 1
    gateway.answer()
    assert gateway.renewer.until > before + timedelta(days=200)
    assert gateway.step(after=ASK_EVERY) == 1, "and then it is left alone"


def test_it_asks_every_hour_until_it_is_answered(gateway: Gateway) -> None:
    assert [gateway.step(after=ASK_EVERY / 2) for _ in range(4)] == [1, 1, 2, 2]
    gateway.answer()


def test_a_young_certificate_is_left_alone(gateway: Gateway) -> None:
    gateway.renewer.step(Now(now(), 0.0))
    assert gateway.desk.asked == []


def test_nothing_is_asked_by_a_wrong_clock_or_over_no_link(gateway: Gateway) -> None:
    assert gateway.step(trusted=False) == 0
    gateway.desk.connected = False
    assert gateway.step() == 0
    gateway.desk.connected, gateway.desk.broken = True, True
    assert gateway.step() == 0
    gateway.desk.broken = False
    assert gateway.step(after=ASK_EVERY) == 1


def test_a_forged_certificate_changes_nothing(gateway: Gateway, tmp_path: Path) -> None:
    before = gateway.renewer.until
    gateway.step()
    impostor = Central(tmp_path / "impostor")
    impostor.registrar.admit(GATEWAY, load_or_make(gateway.data / "gateway.key").public_key(), now())
    forged = impostor.registrar.renew(GATEWAY, gateway.desk.asked[-1], LATER)
    assert forged
    gateway.renewer.take(forged)
    assert gateway.renewer.until == before
    gateway.answer()
    assert gateway.renewer.until > before
    impostor.database.close()


def test_who_enrols_anew_is_heard_at_the_next_connection(gateway: Gateway) -> None:
    gateway.step()
    gateway.enrol()
    gateway.desk.session = 2
    gateway.step()
    assert gateway.renewer.until == gateway.held.until
