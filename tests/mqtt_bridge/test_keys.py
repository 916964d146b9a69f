from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mqtt_bridge.keys import BadKey, load_or_make, load_public


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    key = load_or_make(tmp_path / "gateway.key")
    assert load_or_make(tmp_path / "gateway.key").private_bytes_raw() == key.private_bytes_raw()
    assert load_public(tmp_path / "gateway.pub").public_bytes_raw() == key.public_key().public_bytes_raw()
    assert stat.S_IMODE((tmp_path / "gateway.key").stat().st_mode) == 0o600


def test_a_lost_public_file_is_written_again(tmp_path: Path) -> None:
    load_or_make(tmp_path / "gateway.key")
    (tmp_path / "gateway.pub").unlink()
    load_or_make(tmp_path / "gateway.key")
    assert (tmp_path / "gateway.pub").exists()


def test_a_broken_file_is_named_and_not_replaced(tmp_path: Path) -> None:
    for name in ("gateway.key", "central.pub"):
        (tmp_path / name).write_text("garbage")
    with pytest.raises(BadKey, match=r"gateway\.key: not a private key"):
        load_or_make(tmp_path / "gateway.key")
    with pytest.raises(BadKey, match=r"central\.pub: not a public key"):
        load_public(tmp_path / "central.pub")
    assert (tmp_path / "gateway.key").read_text() == "garbage"


def test_a_missing_public_key_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_public(tmp_path / "central.pub")
