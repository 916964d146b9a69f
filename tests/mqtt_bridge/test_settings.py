from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import Struct

from mqtt_bridge.settings import ConfigError, load, writable_folder


class Modem(Struct, frozen=True, forbid_unknown_fields=True):
    device: str
    poll_seconds: float = 1.0
    password: str = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    modem: Modem


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return load(path, Settings, environ)


GOOD = '[modem]\ndevice = "/dev/modem"\n'


def test_a_good_file(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).modem == Modem("/dev/modem")


def test_the_environment_overrides(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    environ = {"GARDU_MODEM__POLL_SECONDS": "2.5", "GARDU_MODEM__PASSWORD_FILE": str(secret), "GARDU_DEMO_PORT": "1"}
    assert read(tmp_path, GOOD, **environ).modem == Modem("/dev/modem", 2.5, "s3cret")
    assert read(tmp_path, "", GARDU_MODEM__DEVICE="/dev/x").modem.device == "/dev/x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "devise = 1\n", "modem.devise: unknown setting; did you mean 'device'?"),
        ("[modme]\n", "modme: unknown setting; did you mean 'modem'?"),
        ("[modem]\n", "modem.device: this setting is required"),
        ("", "modem: this setting is required"),
        (GOOD + 'poll_seconds = "often"\n', "modem.poll_seconds: Expected `float`, got `str`"),
        ("modem = 3\n", "modem: Expected `object`, got `int`"),
        ("[modem\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "settings.toml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GARDU_MODEM__DEVISE", "x", "GARDU_MODEM__DEVISE: there is no setting modem.devise; did you mean 'device'?"),
        ("GARDU_MODEM__POLL_SECONDS", "often", "GARDU_MODEM__POLL_SECONDS: Expected `float`"),
        ("GARDU_MODEM__PASSWORD_FILE", "/nowhere", "GARDU_MODEM__PASSWORD_FILE: /nowhere can not be read"),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        read(tmp_path, GOOD, **{name: value})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: there is no such file"):
        load(tmp_path / "nowhere.toml", Settings, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_leaves_nothing_in_a_folder_of_another(tmp_path: Path) -> None:
    assert writable_folder(tmp_path, "x.data_dir") == tmp_path
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(ConfigError, match=r"x\.data_dir: .* belongs to nobody: run this as that user"):
        writable_folder(tmp_path, "x.data_dir")
