"""The proof of one check-in: the page, the file, the commands, and the recipe by which others check it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from central import __main__ as program
from central import audit, desired, fleet, proof, sessions
from central.database import Database
from central.ingest import Ingest
from central.keys import GatewayKeys
from central.roster import Row, store
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.keys import public_pem
from mqtt_bridge.records import Action, Policy, Presence

from .factories import GATEWAY, JOURNAL, KEYS, NOW, batch, chain, envelope

WIB = ZoneInfo("Asia/Jakarta")
NIP, NAME, PHONE = "199001012015011001", "Ani <b>Contoh</b>", "+6281234567890"


class Desk:
    """Somebody of the personnel office, and a gateway with five records of an employee and a number's request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "keys").mkdir()
        (folder / "data").mkdir()
        (folder / "keys" / f"{GATEWAY}.pub").write_bytes(public_pem(KEYS[GATEWAY].public_key()))
        self.database = Database(f"sqlite:///{folder}/data/central.db")
        self.keys = GatewayKeys(folder / "keys", self.database)
        fleet.add(self.database, GATEWAY, NOW)
        store(self.database, [Row(2, NIP, NAME, PHONE, GATEWAY)], now=NOW)
        desired.refresh(self.database, Policy(), NOW)
        self.employee = self.database.value("SELECT id FROM employee")
        ingest = Ingest(self.database, self.keys)
        made = chain(5, employee=self.employee, presence=Presence.CODE)
        ingest.take([envelope(batch(made, 1, 3))], NOW)
        ingest.take([envelope(batch(made, 4, 5))], NOW + timedelta(seconds=1))
        asked = chain(1, journal="b", employee=PHONE, action=Action.REGISTER, note="sealed", receipt="MINTA")
        ingest.take([envelope(batch(asked, 1, 1, journal="b"))], NOW)
        row = ("peni", "", 0, "personnel", "")
        self.database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [row])
        self.app = create_app(Office(self.database, WIB, clock=lambda: NOW, keys=self.keys), "secret")
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.client: FlaskClient = self.app.test_client()
        with self.client.session_transaction() as session:
            session.update({"_user_id": sessions.begin(self.database, "peni", "", "", NOW), "_fresh": True})
        (folder / "central.toml").write_text(
            f'[central]\ndata_dir = "{folder}/data"\n[broker]\nhost = "127.0.0.1"\n'
            f'[gateways]\nkeys_dir = "{folder}/keys"'
        )

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(program.main, [*arguments, "--config", str(self.folder / "central.toml")])

    def events(self) -> list[tuple[str, str]]:
        return [(line.event, line.body) for line in audit.lines(self.database)]

    def record(self, receipt: str) -> int:
        return int(self.database.value("SELECT id FROM record WHERE receipt = ?", receipt))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.database.close()


def test_the_page_says_what_was_signed_and_stands_in_the_audit(desk: Desk) -> None:
    found = proof.of(desk.database, desk.keys, desk.record("R002"))
    assert found
    page = desk.client.get(f"/evidence/{desk.record('R002')}").text
    for part in (
        "Utuh.", "Ani &lt;b&gt;Contoh&lt;/b&gt;", "***************001", found.digest, found.fingerprint, found.before,
        found.after, found.signature, f"catatan 2 dari 5 pada jurnal <code>{JOURNAL}</code>", "catatan 1 sampai 3",
        "24/11/2026 08:00:00 WIB", "layar kantor",
    ):  # fmt: skip
        assert part in page, part
    assert NIP not in page.replace(" ", "")
    assert desk.events() == [
        ("evidence-shown", f'{{"employee":"{desk.employee}","receipt":"R002","record":{desk.record("R002")}}}')
    ]


def test_the_nip_is_shown_on_request_and_that_is_noted(desk: Desk) -> None:
    page = desk.client.post(f"/evidence/{desk.record('R002')}/reveal").text
    assert "19900101 201501 1 001" in page
    assert [event for event, _ in desk.events()] == ["evidence-shown", "revealed"]
    assert desk.client.get("/evidence/999").status_code == 404
    assert desk.client.get(f"/evidence/{2**70}").status_code == 404


def test_a_number_that_asked_to_be_bound_stays_masked(desk: Desk) -> None:
    page = desk.client.get(f"/evidence/{desk.record('MINTA')}").text
    assert "Utuh." in page
    assert PHONE not in page
    assert "+628123****890" in page
    assert "sealed" not in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE record SET at = at + 1 WHERE seq = 2 AND journal = 'J'", "column at"),
        ("UPDATE record SET receipt = 'R003' WHERE seq = 2 AND journal = 'J'", "column receipt"),
        ("UPDATE record SET stored = stored + 1 WHERE seq = 2 AND journal = 'J'", "column stored"),
        ("UPDATE batch SET stored = 5 WHERE id = 1", "Tidak utuh"),
        ("UPDATE batch SET sealed = X'00' WHERE id = 1", "no signature"),
        ("DELETE FROM batch WHERE id = 1", "Tidak bisa dibuktikan"),
        ("DELETE FROM record WHERE seq = 1", "missing"),
    ],
)
def test_what_was_changed_is_not_called_intact(desk: Desk, change: str, said: str) -> None:
    record = desk.record("R002")
    desk.database.run(change.replace("'J'", f"'{JOURNAL}'"))
    page = desk.client.get(f"/evidence/{record}").text
    assert said in page
    assert "Utuh." not in page
    assert ("Yang ditandatangani" in page) == ("sealed" not in change and "FROM batch" not in change)
    assert "Tidak ada, selama pemeriksaan" in page


def test_a_record_behind_a_batch_that_is_gone_is_not_called_intact(desk: Desk) -> None:
    desk.database.run("UPDATE record SET hash = ? WHERE seq = 3", "0" * 64)
    found = proof.of(desk.database, desk.keys, desk.record("R004"))
    assert found
    assert ["does not follow from record 3" in fault.text for fault in found.faults] == [True]


def test_another_record_of_the_batch_takes_nothing_from_the_proof(desk: Desk) -> None:
    desk.database.run("UPDATE record SET at = at + 1 WHERE seq = 3")
    intact = []
    for receipt in ("R002", "R003"):
        found = proof.of(desk.database, desk.keys, desk.record(receipt))
        intact.append(found is not None and found.intact)
    assert intact == [True, False]


PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_anybody_can_check_the_file_by_the_recipe_of_the_page(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    record = desk.record("R002")
    answer = desk.client.get(f"/evidence/{record}/file")
    name = re.search(r'filename="([^"]+)"', answer.headers["Content-Disposition"])
    recipe = re.search(r"<pre>(.*?)</pre>", desk.client.get(f"/evidence/{record}").text, re.DOTALL)
    assert name
    assert recipe
    lines = html.unescape(recipe[1])
    assert len(lines.splitlines()) == 5
    (place / name[1]).write_bytes(answer.data)
    environment = {"PATH": f"{Path(shutil.which('python3') or '').parent}:{os.environ['PATH']}"}

    def checked() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", lines], cwd=place, env=environment, capture_output=True, text=True, check=False
        )

    done = checked()
    found = proof.of(desk.database, desk.keys, record)
    assert found
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    assert [line.rsplit(" ", 1)[1] for line in done.stdout.splitlines()[1:]] == [found.digest, found.fingerprint]
    assert (place / "signed").read_bytes() == found.signed
    held = json.loads(answer.data)
    held["signed"] = held["signed"].replace('"in"', '"out"', 1)
    (place / name[1]).write_text(json.dumps(held))
    assert checked().returncode != 0
    assert [event for event, _ in desk.events()] == ["evidence-taken", "evidence-shown"]


def test_the_recipe_in_python_of_the_documentation(desk: Desk, tmp_path: Path) -> None:
    text = (Path(program.__file__).parents[1] / "docs" / "trust.md").read_text()
    (recipe,) = PYTHON.findall(text)
    assert len([line for line in recipe.splitlines() if line]) == 5
    found = proof.of(desk.database, desk.keys, desk.record("R002"))
    assert found
    (tmp_path / "bukti.json").write_bytes(found.file())
    source = recipe.replace("bukti-K7QF-20261124.json", str(tmp_path / "bukti.json"))
    exec(source, {})
    (tmp_path / "bukti.json").write_bytes(found.file().replace(b'\\"in\\"', b'\\"out\\"', 1))
    with pytest.raises(Exception, match=r"^$"):
        exec(source, {})


def test_a_receipt_can_not_speak_in_the_recipe(desk: Desk) -> None:
    """Whoever has a gateway's key can sign any."""
    made = chain(1, journal="c", employee="e-x", receipt="'; touch x; '", messages="c")
    Ingest(desk.database, desk.keys).take([envelope(batch(made, 1, 1, journal="c"))], NOW)
    found = proof.of(desk.database, desk.keys, desk.database.value("SELECT MAX(id) FROM record"))
    assert found
    assert found.name == "bukti-touchx-20261124.json"


# At the command line


def test_the_command_tells_writes_the_page_and_the_file(desk: Desk, tmp_path: Path) -> None:
    page, file = tmp_path / "bukti.html", tmp_path / "bukti.json"
    done = desk.command("evidence", "r002", "--html", str(page), "--json", str(file))
    assert done.exit_code == 0, done.output
    assert "Intact: it is what the gateway signed." in done.output
    assert NIP not in done.output
    written = page.read_text()
    assert "Utuh." in written
    assert not re.search(r'(src|href)="', written)
    assert ".evidence" in written
    assert NIP not in written.replace(" ", "")
    assert json.loads(file.read_bytes())["seq"] == 2
    assert oct(page.stat().st_mode & 0o777) == "0o600"
    assert NIP in desk.command("evidence", "R002", "--reveal").output
    assert [event for event, _ in desk.events()] == ["evidence-shown", "evidence-shown", "revealed"]


def test_a_receipt_that_is_unknown_or_came_twice_is_one_clear_error(desk: Desk) -> None:
    unknown = desk.command("evidence", "XXXX")
    assert (unknown.exit_code, unknown.output.count("\n")) == (1, 1)
    assert "no record has the receipt XXXX" in unknown.output
    desk.database.run("UPDATE record SET receipt = 'R002' WHERE seq = 4")
    twice = desk.command("evidence", "R002")
    assert twice.exit_code == 1
    assert f"--gateway {GATEWAY} --date 2026-11-24" in twice.output
    assert "there is no gateway x" in desk.command("evidence", "R002", "--gateway", "x").output


def test_verify_ends_with_zero_or_one_and_says_where(desk: Desk) -> None:
    good = desk.command("verify")
    assert (good.exit_code, good.stdout) == (
        0, "Intact: 6 records in 3 batches are what the gateways signed.\n",
    )  # fmt: skip
    assert desk.command("verify", "--gateway", GATEWAY, "--from", "2026-11-24", "--to", "2026-11-24").exit_code == 0
    assert "0 records" in desk.command("verify", "--from", "2026-11-25").output
    desk.database.run("UPDATE record SET employee = 'e-x' WHERE seq = 5")
    bad = desk.command("verify")
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[0] == (
        f"{GATEWAY}, journal {JOURNAL}, batch 2, record 5, column employee: it is not what the gateway signed"
    )
    told = json.loads(desk.command("verify", "--json").stdout)
    assert (told["faults"], told["found"][0]["column"], told["records"]) == (1, "employee", 6)
    assert desk.command("verify", "--gateway", "x").exit_code == 1
