from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import Config
from gateway.enrolment import Broker, Enrolment, NotEnrolled
from gateway.target import target
from mqtt_bridge.client import Tls
from mqtt_bridge.keys import load_or_make

OWN = Path("/own")
MOMENT = datetime(2026, 11, 24, tzinfo=UTC)


def config(gateway: str = "dinkes-01", **sections: Any) -> Config:
    whole = {"gateway": {"id": gateway, "data_dir": "/x"}, "modem": {"device": "/x"}, **sections}
    return msgspec.convert(whole, Config)


def held(tmp_path: Path, *, tls: bool = True) -> Enrolment:
    broker = Broker(gateway="dinkes-01", host="mqtt.example.go.id", port=8883, tls=tls)
    return Enrolment(OWN, broker, load_or_make(tmp_path / "c.key").public_key(), MOMENT, MOMENT)


def test_an_enrolment_is_enough(tmp_path: Path) -> None:
    enrolled = held(tmp_path)
    found = target(config(), enrolled)
    assert (found.host, found.port, found.tls, found.central) == (
        "mqtt.example.go.id", 8883, Tls(OWN / "ca.crt", OWN / "tls.crt", OWN / "tls.key"), enrolled.central
    )  # fmt: skip
    assert target(config(), held(tmp_path, tls=False)).tls is None


def test_what_is_named_counts_more(tmp_path: Path) -> None:
    other = load_or_make(tmp_path / "other.key").public_key()
    named = {"broker": {"host": "10.0.0.1", "port": 1}, "central": {"public_key": str(tmp_path / "other.pub")}}
    found = target(config(**named), held(tmp_path))
    assert (found.host, found.port, found.tls, found.central) == ("10.0.0.1", 1, None, other)
    with_tls = {"broker": {"host": "10.0.0.1", "tls": True, "ca": "/city/ca.crt"}}
    assert target(config(**with_tls), held(tmp_path)).tls == Tls(
        Path("/city/ca.crt"), OWN / "tls.crt", OWN / "tls.key"
    )


def test_files_alone_are_enough(tmp_path: Path) -> None:
    load_or_make(tmp_path / "c.key")
    files = {"ca": "/a", "certificate": "/b", "key": "/c"}
    named = {"broker": {"host": "x", "tls": True, **files}, "central": {"public_key": str(tmp_path / "c.pub")}}
    assert target(config(**named), None).tls == Tls(Path("/a"), Path("/b"), Path("/c"))


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({}, "belum didaftarkan"),
        ({"broker": {"host": "x"}}, "belum didaftarkan"),
        ({"broker": {"host": "x", "tls": True, "ca": "/a"}}, "belum didaftarkan"),
        (
            {"broker": {"host": "x"}, "central": {"public_key": "/nowhere"}},
            "kunci publik pusat belum ada di /nowhere",
        ),
    ],
)
def test_what_is_missing_is_said(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(NotEnrolled, match=words):
        target(config(**sections), None)


def test_a_gateway_that_was_renamed_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="didaftarkan sebagai dinkes-01, bukan disdik-01"):
        target(config("disdik-01"), held(tmp_path))
