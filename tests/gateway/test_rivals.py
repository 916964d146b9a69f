from __future__ import annotations

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.clock import Now
from gateway.rivals import STANDS, Rivals
from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Connection

from .factories import MORNING, desired

KEY = Ed25519PrivateKey.generate()
OURS, THEIRS = MORNING, MORNING + timedelta(minutes=5)


def said(since: datetime, *, online: bool = True) -> Inbound:
    return Inbound("", seal(Connection(gateway="dinkes-01", online=online, since=since), KEY), True)


def at(seconds: float) -> Now:
    return Now(MORNING, seconds)


def test_what_an_earlier_run_left_there_is_no_rival() -> None:
    rivals = Rivals(OURS)
    for since, online in ((THEIRS, True), (THEIRS, False), (OURS, True), (OURS, False), (OURS, True)):
        rivals.hear(said(since, online=online), at(1))
    assert not rivals.present(at(1))


def test_another_word_after_ours_is_a_rivals_for_a_while() -> None:
    for online in (True, False):
        rivals = Rivals(OURS)
        rivals.hear(said(OURS), at(1))
        rivals.hear(said(THEIRS, online=online), at(2))
        assert rivals.present(at(STANDS))
        assert not rivals.present(at(STANDS + 2))


def test_anything_else_is_passed_over() -> None:
    rivals = Rivals(OURS)
    rivals.hear(said(OURS), at(1))
    for payload in (b"", b"garbage", b"garbage\nAAAA", seal(desired(), KEY)):
        rivals.hear(Inbound("", payload), at(2))
    assert not rivals.present(at(2))
