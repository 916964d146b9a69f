"""`gardu-central` as an operator types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from central.config import Config
from central.database import Database
from central.ingest import Envelope, Ingest
from central.keys import GatewayKeys
from mqtt_bridge.keys import load_or_make

GOOD = """\
[central]
data_dir = "{folder}/data"
[broker]
host = "127.0.0.1"
[gateways]
keys_dir = "{folder}/keys"
"""
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GARDU_")}
COMMANDS = [
    (), ("run",), ("web",), ("collector",), ("broker",), ("uplink",), ("gateway",), ("gateway", "add"),
    ("gateway", "list"), ("roster", "import"), ("user", "add"), ("token", "add"), ("quarantine",),
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    path = tmp_path / "central.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def gardu(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "central", *arguments, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=ENVIRONMENT)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command: tuple[str, ...]) -> None:
    asked = [sys.executable, "-m", "central", *command, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False, env=ENVIRONMENT)
    assert done.returncode == 0
    assert "Usage:" in done.stdout


@pytest.mark.parametrize("command", ["run", "collector", "web"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[broker]", "[broker]\nembeded = true", "broker.embeded: unknown setting; did you mean 'embedded'?"),
        ('host = "127.0.0.1"', "port = 1", "broker.host: this setting is required"),
        (
            "[central]",
            '[central]\ntimezone = "Asia/Pekanbaru"',
            "central.timezone: there is no zone 'Asia/Pekanbaru'",
        ),
        ("[central]", '[central]\ndatabase_url = "mysql://x"', "central.database_url: "),
        ('/keys"', '/nowhere"', "gateways.keys_dir: "),
        ('/data"', '/central.toml/data"', "central.data_dir: "),
    ],
)
def test_a_bad_configuration_is_one_line_and_78(config: Path, command: str, old: str, new: str, message: str) -> None:
    config.write_text(config.read_text().replace(old, new))
    done = gardu(config, command)
    assert done.returncode == 78
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("", "uplink.device: it is empty"),
        ('[uplink]\ndevice = "/dev/modem"', "uplink.number: it is empty"),
        ('[uplink]\nnumber = "0811"', "uplink.number: "),
        ("[uplink]\nper_day = -1", "uplink.per_day: "),
    ],
)
def test_what_the_uplink_lacks_is_one_line_and_78(config: Path, section: str, message: str) -> None:
    config.write_text(f"{config.read_text()}\n{section}\n")
    done = gardu(config, "uplink")
    assert done.returncode == 78
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_that_is_not_there_is_one_line(config: Path) -> None:
    url = 'database_url = "postgresql://nobody@127.0.0.1:1/none"'
    config.write_text(config.read_text().replace("[central]", f"[central]\n{url}"))
    done = gardu(config, "gateway", "list")
    assert done.returncode == 1
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_setting_up_an_office(config: Path, tmp_path: Path) -> None:
    assert "public key is still missing" in gardu(config, "gateway", "add", "dinkes-01").stdout
    load_or_make(tmp_path / "gateway.key")
    added = gardu(config, "gateway", "add", "dinkes-01", "--key", str(tmp_path / "gateway.pub"))
    assert "already known" in added.stdout
    assert "missing" not in added.stdout
    roster = tmp_path / "roster.csv"
    roster.write_text("nip,name,phone,gateway\n199001012015011001,Ani Contoh,081234567890,dinkes-01\n")
    assert gardu(config, "roster", "import", str(roster)).stdout == "1 employees are active; news for 1 gateways.\n"
    assert gardu(config, "roster", "import", str(roster)).stdout == "1 employees are active; news for 0 gateways.\n"
    listed = json.loads(gardu(config, "gateway", "list", "--json").stdout)
    assert listed == [{"id": "dinkes-01", "state": "new", "reason": "Belum pernah terhubung", "provisional": 0}]
    assert len(json.loads(gardu(config, "token", "add", "sinergi", "--json").stdout)["token"]) > 30


def test_a_faulty_roster_is_named_row_by_row_and_changes_nothing(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "add", "dinkes-01")
    roster = tmp_path / "roster.csv"
    good = "199001012015011001,Ani Contoh,081234567890,dinkes-01"
    roster.write_text(f"nip,name,phone,gateway\n{good}\n12,Budi Contoh,08,dinkes-01\n")
    done = gardu(config, "roster", "import", str(roster))
    assert done.returncode == 1
    assert "nothing was imported" in done.stderr
    assert "row 3, nip" in done.stderr
    assert "row 3, phone" in done.stderr
    roster.write_text("nip,name,phone,gateway\n")
    assert gardu(config, "roster", "import", str(roster)).stdout.startswith("0 employees")


def test_what_was_put_aside_can_be_seen(config: Path, tmp_path: Path) -> None:
    assert gardu(config, "quarantine").stdout == "Nothing was put aside.\n"
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    Ingest(database, GatewayKeys(tmp_path / "keys")).take([Envelope("dinkes-01", b"garbage")], datetime.now(UTC))
    database.close()
    assert "there is no key of this gateway" in gardu(config, "quarantine").stdout
    assert json.loads(gardu(config, "quarantine", "--json").stdout)[0]["times"] == 1


@pytest.mark.parametrize("name", ["Dinkes", "dinkes 01", "../x", "-x", ""])
def test_a_gateways_name_is_checked(config: Path, name: str) -> None:
    assert gardu(config, "gateway", "add", "--", name).returncode == 2


def test_a_password_is_taken_from_a_file_or_made(config: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("kata-sandi-uji\n")
    assert "can log in." in gardu(config, "user", "add", "ani", "--password-file", str(tmp_path / "password")).stdout
    assert "with the password" in gardu(config, "user", "add", "budi").stdout
    (tmp_path / "password").write_text("short")
    done = gardu(config, "user", "add", "cici", "--password-file", str(tmp_path / "password"))
    assert done.returncode == 1
    assert "at least 8" in done.stderr


def test_the_sample_shows_every_setting() -> None:
    sample = tomllib.loads((Path(__file__).parents[2] / "deploy" / "central.toml").read_text())
    settings = msgspec.to_builtins(msgspec.convert(sample, Config))
    assert {name: set(section) for name, section in sample.items()} == {
        name: set(section) for name, section in settings.items()
    }
