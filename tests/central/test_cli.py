"""`gardu-central` as an operator types it."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pytest

from central import audit, desired
from central.__main__ import main
from central.config import Config
from central.database import Database
from central.ingest import Envelope, Ingest
from central.keys import GatewayKeys
from central.quarantine import put_aside
from mqtt_bridge.keys import load_or_make
from tests.typed import typed

from .test_spreadsheets import workbook

GOOD = """\
[central]
data_dir = "{folder}/data"
[broker]
host = "127.0.0.1"
[gateways]
keys_dir = "{folder}/keys"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    path = tmp_path / "central.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def gardu(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed(main, *arguments, "--config", str(config))


def test_as_a_process(config: Path) -> None:
    command = [sys.executable, "-m", "central", "gateway", "list", "--config", str(config)]
    assert subprocess.run(command, capture_output=True, timeout=30, check=True).stdout == b""


def groups(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        yield from groups(command, *path, name) if isinstance(command, click.Group) else [(*path, name)]


@pytest.mark.parametrize("command", [*groups(main)], ids=" ".join)
def test_help(command: tuple[str, ...]) -> None:
    done = typed(main, *command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: main {' '.join(command)}".rstrip())
    assert done.stdout.split("\n\n")[1].strip(), "it says what it does"


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
    shown = gardu(config, "gateway", "add", "dinkes-01").stdout
    assert "gardu-gateway enrol http://127.0.0.1:8080 " in shown
    assert "█" in shown, "a QR code"
    load_or_make(tmp_path / "gateway.key")
    added = gardu(config, "gateway", "add", "dinkes-01", "--key", str(tmp_path / "gateway.pub"))
    assert added.stdout == "dinkes-01 is known by its key.\n"
    again = gardu(config, "gateway", "add", "dinkes-01")
    assert again.returncode == 1
    assert "enrolled already" in again.stderr
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


def test_a_list_that_is_more_than_a_message_holds_is_said(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dinkes-01", "dinkes-02"):
        gardu(config, "gateway", "add", name)
    roster = tmp_path / "roster.csv"
    lines = [f"{n:018},Pegawai,08123456{n:04},dinkes-0{1 if n else 2}" for n in range(60)]
    roster.write_text("\n".join(("nip,name,phone,gateway", *lines)))
    monkeypatch.setattr(desired, "SIZE_LIMIT", 3000)
    done = gardu(config, "roster", "import", str(roster))
    assert (done.returncode, "60 employees are active" in done.stdout) == (1, True)
    assert "the list of dinkes-01 is more than one message holds" in done.stderr


def test_a_list_may_be_a_workbook(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "add", "dinkes-01")
    head = ("NIP", "Nama", "HP", "Gardu")
    roster = tmp_path / "roster.xlsx"
    roster.write_bytes(workbook(head, ("199001012015011001", "Ani Contoh", 81234567890, "dinkes-01")))
    assert "1 employees are active" in gardu(config, "roster", "import", str(roster)).stdout


def test_what_has_had_its_time_goes_when_it_is_asked_for_twice(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "list")
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    put_aside(database, "dinkes-01", "garbage", b"x", datetime(2020, 1, 1, tzinfo=UTC))
    assert "1 would go" in gardu(config, "retention", "run").stdout
    assert database.value("SELECT COUNT(*) FROM quarantine") == 1
    removed = json.loads(gardu(config, "retention", "run", "--yes", "--json").stdout)
    assert (removed["removed"], removed["found"][0]["count"]) == (True, 1)
    assert database.value("SELECT COUNT(*) FROM quarantine") == 0
    database.close()


def test_a_person_is_erased_and_their_gateway_told(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "add", "dinkes-01")
    roster = tmp_path / "roster.csv"
    roster.write_text("nip,name,phone,gateway\n199001012015011001,Ani Contoh,081234567890,dinkes-01\n")
    gardu(config, "roster", "import", str(roster))
    asked = ("person", "erase", "199001012015011001", "--reason", "surat 12")
    assert "With --yes it is done" in gardu(config, *asked).stdout
    assert "is erased" in gardu(config, *asked, "--yes").stdout
    assert "nobody has that NIP" in gardu(config, *asked, "--yes").stderr
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    assert b"81234567890" not in bytes(database.value("SELECT body FROM desired"))
    database.close()


def test_tokens_by_command(config: Path) -> None:
    made = gardu(config, "token", "add", "sinergi", "--scope", "employees:read", "--scope", "employees:nip", "--json")
    assert json.loads(made.stdout)["scopes"] == ["employees:read", "employees:nip"]
    gardu(config, "token", "add", "demo")
    listed = json.loads(gardu(config, "token", "list", "--json").stdout)
    assert [(each["name"], each["scopes"]) for each in listed] == [
        ("demo", ["gateways:read", "records:read"]), ("sinergi", ["employees:nip", "employees:read"]),
    ]  # fmt: skip
    assert gardu(config, "token", "add", "x", "--scope", "everything").returncode == 2
    assert "is no more" in gardu(config, "token", "remove", "demo").stdout
    assert "there is no token" in gardu(config, "token", "remove", "demo").stderr
    database = Database(f"sqlite:///{config.parent}/data/central.db")
    noted = [(line.event, line.body) for line in audit.lines(database)]
    database.close()
    assert [event for event, _ in noted] == ["token-added", "token-added", "token-removed"]
    assert "employees:nip" in noted[0][1]


def test_programs_that_are_told_by_command(config: Path) -> None:
    assert "webhooks.allow_http" in gardu(config, "webhook", "add", "sinergi", "http://sinergi.example").stderr
    assert gardu(config, "webhook", "add", "sinergi", "https://sinergi.invalid/").stdout.startswith("whsec_")
    assert "already" in gardu(config, "webhook", "add", "sinergi", "https://sinergi.invalid/").stderr
    assert "did not take it" in gardu(config, "webhook", "test", "sinergi").stderr
    for command, said in (
        ("disable", "is disabled"), ("enable", "is enabled"), ("rotate", "whsec_"), ("resend", "0 records"),
        ("dead", ""), ("remove", "is removed"),
    ):  # fmt: skip
        assert said in gardu(config, "webhook", command, "sinergi").stdout
    assert "there is no endpoint" in gardu(config, "webhook", "enable", "sinergi").stderr


def test_accounts_by_command(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "add", "dinkes-01")
    assert "ani can log in" in gardu(config, "user", "add", "ani", "--role", "it").stdout
    assert "budi can log in" in gardu(config, "user", "add", "budi").stdout
    assert "needs at least one gateway" in gardu(config, "user", "set", "budi", "--role", "opd-admin").stderr
    done = gardu(config, "user", "set", "budi", "--role", "opd-admin", "--gateway", "dinkes-01")
    assert "budi is now opd-admin" in done.stdout
    listed = json.loads(gardu(config, "user", "list", "--json").stdout)
    assert [(each["name"], each["roles"], each["gateways"]) for each in listed] == [
        ("ani", ["it"], []), ("budi", ["opd-admin"], ["dinkes-01"]),
    ]  # fmt: skip
    assert "0 sessions ended" in gardu(config, "user", "log-out", "budi").stdout
    assert "password alone" in gardu(config, "user", "reset-code", "budi").stdout
    assert "only one with the role it" in gardu(config, "user", "remove", "ani").stderr
    assert "can not log in any more" in gardu(config, "user", "remove", "budi").stdout
    assert "there is no account" in gardu(config, "user", "remove", "budi").stderr


def test_what_was_put_aside_can_be_seen(config: Path, tmp_path: Path) -> None:
    assert gardu(config, "quarantine").stdout == "Nothing was put aside.\n"
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    Ingest(database, GatewayKeys(tmp_path / "keys", database)).take(
        [Envelope("dinkes-01", b"garbage")], datetime.now(UTC)
    )
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


def test_the_audit_is_checked(config: Path, tmp_path: Path) -> None:
    assert "0 lines hold" in gardu(config, "audit", "verify").stdout
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    with database.transaction():
        for number in (1, 2, 3):
            audit.append(database, "clerk", "test", {"number": number}, datetime.now(UTC))
    noted = json.loads(gardu(config, "audit", "verify", "--json").stdout)
    assert (noted["lines"], noted["broken"], noted["lost"]) == (3, None, False)
    assert gardu(config, "audit", "verify", "--expect", noted["hash"]).returncode == 0
    database.run("DELETE FROM audit WHERE seq = 3")
    cut = gardu(config, "audit", "verify", "--expect", noted["hash"])
    assert (cut.returncode, "lines were cut off" in cut.stderr) == (1, True)
    database.run("UPDATE audit SET who = 'nobody' WHERE seq = 1")
    broken = gardu(config, "audit", "verify")
    assert (broken.returncode, "line 1 does not follow" in broken.stderr) == (1, True)
    database.close()


def test_shifts_are_taken_whole_or_not_at_all(config: Path, tmp_path: Path) -> None:
    gardu(config, "gateway", "add", "dinkes-01")
    roster = tmp_path / "roster.csv"
    roster.write_text(f"nip,name,phone,gateway\n{'1' * 18},Ani,081234567890,dinkes-01\n")
    assert gardu(config, "roster", "import", str(roster)).returncode == 0
    file = tmp_path / "shifts.csv"
    rows = (f"{'1' * 18};malam;2026-11-01;2026-11-30", f"{'2' * 18};siang;2026-11-30;2026-11-01")
    file.write_text("\n".join(("nip;pola;mulai;sampai", *rows)))
    bad = gardu(config, "shifts", "import", str(file))
    assert bad.returncode == 1
    for fault in ("row 3, nip", "row 3, pattern: 'siang' is none of kantor, malam", "row 3, last: it is before"):
        assert fault in bad.stderr
    file.write_text(f"nip,pattern,first,last\n{'1' * 18},malam,2026-11-01,2026-11-30\n")
    for _ in range(2):
        assert "1 shifts were imported" in gardu(config, "shifts", "import", str(file)).stdout
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    assert database.rows("SELECT pattern, first, last FROM shift") == [("malam", "2026-11-01", "2026-11-30")]
    database.close()
    file.write_text("nip,pattern\n")
    assert "no column first, last" in gardu(config, "shifts", "import", str(file)).stderr


def test_rules_that_can_not_be_read_are_said(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + f'[attendance]\nrules = "{tmp_path}/rules.toml"\n')
    missing = gardu(config, "web")
    assert (missing.returncode, "attendance.rules" in missing.stderr) == (78, True)
    (tmp_path / "rules.toml").write_text('name = "x"\n')
    wrong = gardu(config, "web")
    assert (wrong.returncode, "policies" in wrong.stderr) == (78, True)


def test_a_gateway_is_named_and_tagged(config: Path) -> None:
    assert gardu(config, "gateway", "add", "dinkes-01").returncode == 0
    options = ("--label", "Dinas Kesehatan", "--number", "081234567890", "--tag", "utara", "--tag", "sd")
    assert gardu(config, "gateway", "set", "dinkes-01", *options).returncode == 0
    assert gardu(config, "gateway", "set", "dinkes-01", "--number", "").returncode == 0
    with_label = Database(f"sqlite:///{config.parent}/data/central.db")
    assert with_label.row("SELECT name, number, tags FROM gateway") == ("Dinas Kesehatan", "", "sd utara")
    with_label.close()
    failed = gardu(config, "gateway", "set", "dinkes-01", "--tag", "dua kata")
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: 'dua kata' is no tag")
    assert gardu(config, "gateway", "set", "dinkes-01", "--tag", "").returncode == 0
    again = Database(f"sqlite:///{config.parent}/data/central.db")
    assert again.value("SELECT tags FROM gateway") == ""
    again.close()


def test_what_is_set_up_by_command_stands_in_the_audit(config: Path, tmp_path: Path) -> None:
    load_or_make(tmp_path / "gateway.key")
    for command in (
        "gateway add dinkes-01", f"gateway add dinkes-02 --key {tmp_path}/gateway.pub",
        "gateway set dinkes-01 --presence required --serves-all", "gateway revoke dinkes-02 --reason dicuri",
        "token add sinergi", "token remove sinergi", "user add ani --role it",
        "webhook add sinergi https://sinergi.invalid/", "webhook resend sinergi",
    ):  # fmt: skip
        assert gardu(config, *command.split()).returncode == 0, command
    database = Database(f"sqlite:///{tmp_path}/data/central.db")
    lines = list(audit.lines(database))
    kept = "SELECT presence, serves_all FROM gateway WHERE id = 'dinkes-01'"
    assert database.row(kept) == ("required", 1)
    gardu(config, "gateway", "set", "dinkes-01", "--presence", "policy", "--serves-own")
    assert database.row(kept) == (None, 0)
    database.close()
    assert [line.event for line in lines if line.event != "gateway-labels"] == [
        "gateway-invited", "gateway-admitted", "gateway-set", "gateway-revoked", "token-added", "token-removed",
        "user-added", "webhook-added", "webhook-resent",
    ]  # fmt: skip
    assert {line.who for line in lines} == {f"cli:{getpass.getuser()}"}
