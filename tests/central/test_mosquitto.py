"""What `broker-config` writes, read by the mosquitto that is installed."""

from __future__ import annotations

import getpass
import json
import stat
import subprocess
from pathlib import Path

import pytest

from central.config import read
from mqtt_bridge.settings import ConfigError

from ..system import _path
from ..waiting import eventually, free_ports, listens
from .test_cli import GOOD, gardu

DEBIAN = """\
pid_file {folder}/mosquitto.pid
persistence true
persistence_location {folder}/
log_dest file {folder}/debian.log
include_dir {folder}/conf.d
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    path = tmp_path / "central.toml"
    path.write_text(GOOD.format(folder=tmp_path).replace("[broker]", "[broker]\ntls = true\nport = 8883"))
    return path


def test_every_file_is_named_and_the_key_is_its_owners(config: Path, tmp_path: Path) -> None:
    shown = gardu(config, "broker-config", "--name", "mqtt.example.go.id", "--name", "192.0.2.1")
    folder = tmp_path / "data" / "broker"
    names = {path.name for path in folder.iterdir()}
    assert names == {"mosquitto.conf", "acl", "ca.crt", "server.crt", "server.key", "crl.pem"}
    assert all(str(folder / name) in shown.stdout for name in names)
    assert stat.S_IMODE((folder / "server.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "server.crt").stat().st_mode) == 0o644
    key = (folder / "server.key").read_bytes()
    assert "mqtt.example.go.id, 192.0.2.1, 127.0.0.1" in shown.stdout
    gardu(config, "broker-config", "--port", "8884")
    assert (folder / "server.key").read_bytes() == key, "the key is kept"
    assert "listener 8884" in (folder / "mosquitto.conf").read_text()


def test_it_goes_to_another_folder_whole(config: Path, tmp_path: Path) -> None:
    gardu(config, "broker-config", "--out", str(tmp_path / "usb"))
    assert len(list((tmp_path / "usb").iterdir())) == 6
    assert f"cafile {tmp_path}/usb/ca.crt" in (tmp_path / "usb" / "mosquitto.conf").read_text()


def test_debians_own_settings_take_it_in(config: Path, tmp_path: Path) -> None:
    """A line that they have as well must not stop mosquitto."""
    (port,) = free_ports(1)
    gardu(config, "broker-config", "--port", str(port))
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "gardu.conf").symlink_to(tmp_path / "data" / "broker" / "mosquitto.conf")
    main = tmp_path / "mosquitto.conf"
    main.write_text(DEBIAN.format(folder=tmp_path) + f"user {getpass.getuser()}\n")
    broker = subprocess.Popen(["mosquitto", "-c", str(main)], stderr=subprocess.DEVNULL, env={"PATH": _path()})
    try:
        eventually(lambda: listens(port) or broker.poll() is not None)
        assert broker.poll() is None, (tmp_path / "debian.log").read_text()
    finally:
        broker.terminate()
        broker.wait(10)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('host = "0.0.0.0"\nembedded = true', "this machine only"),
        ("embedded = true\ntls = true", "knows no TLS"),
    ],
)
def test_the_embedded_broker_is_for_one_machine(config: Path, lines: str, message: str) -> None:
    text = GOOD.format(folder=config.parent).replace('host = "127.0.0.1"\n', "")
    host = "" if "host" in lines else 'host = "127.0.0.1"\n'
    config.write_text(text.replace("[broker]", f"[broker]\n{host}{lines}"))
    with pytest.raises(ConfigError, match=message):
        read(config, {})


def test_a_request_on_a_stick_is_signed_and_shown(config: Path, tmp_path: Path) -> None:
    from gateway import enrolment

    from ..trusted import now

    (tmp_path / "gateway").mkdir()
    (tmp_path / "request").write_bytes(enrolment.ask(tmp_path / "gateway", "dinkes-01", now()))
    done = gardu(config, "gateway", "sign", str(tmp_path / "request"), "--out", str(tmp_path / "answer"))
    assert done.returncode == 0
    held = enrolment.take(tmp_path / "gateway", "dinkes-01", (tmp_path / "answer").read_bytes(), None)
    assert held.broker.tls
    assert json.loads(gardu(config, "gateway", "enrolments", "--json").stdout)[0]["outcome"] == "enrolled"
    revoked = gardu(config, "gateway", "revoke", "dinkes-01", "--reason", "dicuri")
    assert "systemctl restart mosquitto" in revoked.stdout
    assert "Dicabut: dicuri" in gardu(config, "gateway", "list").stdout
    assert gardu(config, "gateway", "revoke", "nobody", "--reason", "x").returncode == 1
    (tmp_path / "request").write_text("garbage")
    done = gardu(config, "gateway", "sign", str(tmp_path / "request"), "--out", str(tmp_path / "answer"))
    assert done.returncode == 1
    assert "can not be used" in done.stderr
