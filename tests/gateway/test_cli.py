"""`gardu-gateway` as a technician types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.typed import typed

GOOD = """\
[gateway]
id = "dinkes-01"
data_dir = "{folder}/data"
[modem]
device = "{folder}/device"
[broker]
host = "127.0.0.1"
[central]
public_key = "{folder}/central.pub"
"""


def gardu(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return typed(main, *arguments, **environ)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "device").touch()
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def test_a_good_configuration(config: Path) -> None:
    done = gardu("check-config", "--config", str(config))
    assert (done.returncode, done.stdout) == (0, "The configuration is good.\n")


@pytest.mark.parametrize("command", ["run", "check-config"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[broker]", "[broker]\nprot = 1", "broker.prot: unknown setting; did you mean 'port'?"),
        ('host = "127.0.0.1"', "host = 5", "broker.host: Expected `str`, got `int`"),
        ('id = "dinkes-01"', 'id = "Dinkes 01"', "gateway.id: Expected `str` matching regex"),
        ('device = "', 'devise = "', "modem.devise: unknown setting; did you mean 'device'?"),
        ("[modem]\ndevice = ", "[web]\nlisten = ", "web.listen: Expected `str` matching regex"),
        ('/data"', '/device/data"', "gateway.data_dir: "),
        ("[broker]", '[sim]\noperators = "none.toml"\n[broker]', "sim.operators: none.toml: No such file"),
        ("[broker]", '[sim]\ncode = "halo"\n[broker]', "sim.code: Expected `str` matching regex"),
        ("[modem]", '[modem]\nmore_devices = ["/a", "/a"]', "modem.more_devices: /a is named twice"),
    ],
)  # fmt: skip
def test_a_bad_one_is_one_line_and_78(config: Path, command: str, old: str, new: str, message: str) -> None:
    config.write_text(config.read_text().replace(old, new))
    done = gardu(command, "--config", str(config))
    assert done.returncode == 78
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_device_that_is_not_there(config: Path) -> None:
    (config.parent / "device").unlink()
    done = gardu("check-config", "--config", str(config))
    assert done.returncode == 78
    assert "modem.device" in done.stderr
    assert "does not exist" in done.stderr


def test_a_serial_number_that_no_device_has(config: Path) -> None:
    config.write_text(config.read_text().replace(f"{config.parent}/device", "serial:0123-if02"))
    done = gardu("check-config", "--config", str(config))
    assert done.returncode == 78
    assert "modem.device: serial:0123-if02 does not exist" in done.stderr


def test_no_configuration(tmp_path: Path) -> None:
    done = gardu("run", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 78
    assert "there is no such file" in done.stderr


def test_the_sample_shows_every_setting() -> None:
    import tomllib

    import msgspec

    from gateway.config import Config

    sample = tomllib.loads((Path(__file__).parents[2] / "deploy" / "gateway.toml").read_text())
    settings = msgspec.to_builtins(msgspec.convert(sample, Config))
    assert {name: set(section) for name, section in sample.items()} == {
        name: set(section) for name, section in settings.items()
    }


def test_as_a_process(config: Path) -> None:
    command = [sys.executable, "-m", "gateway", "check-config", "--config", str(config)]
    assert (
        subprocess.run(command, capture_output=True, timeout=30, check=True).stdout == b"The configuration is good.\n"
    )


@pytest.mark.parametrize("arguments", [(), ("run",), ("check-config",)])
def test_help(arguments: tuple[str, ...]) -> None:
    done = gardu(*arguments, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_wrong_usage_is_2() -> None:
    assert gardu("fly").returncode == 2
