from __future__ import annotations

import itertools
import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from central import __main__ as program
from central import desired, employee_ids, fleet, queries, retention
from central.database import Database
from central.employee_ids import by_secret, kept_in
from central.ingest import Envelope, Ingest
from central.queries import Wanted
from central.roster import parse, store
from mqtt_bridge.keys import BadKey
from mqtt_bridge.records import Policy

from .factories import GATEWAY, NOW, KnownKeys, batch, chain, envelope

HEAD = "nip,name,phone,gateway"
ANI = f"199001012015011001,Ani Contoh,081234567890,{GATEWAY}"
BUDI = f"199001012015011002,Budi Contoh,081298765432,{GATEWAY}"
NIP = BUDI.partition(",")[0]


def listed(database: Database, *lines: str, ids: employee_ids.Ids) -> None:
    store(database, parse("\n".join([HEAD, *lines]), {GATEWAY}), now=NOW, ids=ids)


def id_of(database: Database, name: str) -> str:
    return str(database.value("SELECT id FROM employee WHERE name = ?", name))


def test_after_a_restore_the_same_list_gives_the_same_ids_and_records_have_their_names(tmp_path: Path) -> None:
    ids = kept_in(tmp_path / "employee.key")
    database = Database(f"sqlite:///{tmp_path}/central.db")
    fleet.add(database, GATEWAY, NOW)
    listed(database, ANI, ids=ids)
    with sqlite3.connect(tmp_path / "central.db") as live, sqlite3.connect(tmp_path / "backup.db") as kept:
        live.backup(kept)
    listed(database, BUDI, ids=ids)
    desired.refresh(database, Policy(), NOW)
    sent = [envelope(batch(chain(2, employee=id_of(database, "Budi Contoh")), 1, 2))]
    assert names(database, sent) == ["Budi Contoh"] * 2
    database.close()

    restored = Database(f"sqlite:///{tmp_path}/backup.db")
    assert names(restored, sent) == [None, None]
    listed(restored, BUDI, ANI, ids=kept_in(tmp_path / "employee.key"))
    assert names(restored, sent) == ["Budi Contoh"] * 2
    restored.close()


def names(database: Database, sent: list[Envelope]) -> list[str | None]:
    """Of the records, which the gateway sends again to a collector that does not hold them."""
    Ingest(database, KnownKeys()).take(sent, NOW)  # type: ignore[arg-type]
    return [each.name for each in queries.records(database, Wanted(), 10)]


def test_ids_that_are_there_stay(database: Database) -> None:
    fleet.add(database, GATEWAY, NOW)
    listed(database, ANI, ids=employee_ids.by_chance)
    before = id_of(database, "Ani Contoh")
    listed(database, ANI, BUDI, ids=by_secret(b"s"))
    assert id_of(database, "Ani Contoh") == before
    assert id_of(database, "Budi Contoh") == next(by_secret(b"s")(NIP))


def test_who_was_erased_and_comes_again_is_somebody_new(database: Database) -> None:
    """Their former records must not get a name again."""
    fleet.add(database, GATEWAY, NOW)
    listed(database, BUDI, ids=by_secret(b"s"))
    former = id_of(database, "Budi Contoh")
    traces = retention.find(database, NIP)
    assert traces
    retention.erase(database, traces, "surat 12", "it", NOW)
    listed(database, BUDI, ids=by_secret(b"s"))
    again = id_of(database, "Budi Contoh")
    assert [former, again] == list(itertools.islice(by_secret(b"s")(NIP), 2))
    assert former != again


def test_an_id_tells_nothing_without_the_secret(tmp_path: Path) -> None:
    mine, theirs = kept_in(tmp_path / "a.key"), kept_in(tmp_path / "b.key")
    assert next(mine(NIP)) != next(theirs(NIP))
    assert re.fullmatch(r"e-[2-9a-hjkmnp-z]{10}", next(mine(NIP)))
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    made = {next(mine(f"{number:018}")) for number in range(5000)}
    assert len(made) == 5000


def test_a_secret_that_is_damaged_is_not_replaced_in_silence(tmp_path: Path) -> None:
    (tmp_path / "employee.key").write_text("")
    with pytest.raises(BadKey, match=r"employee.key: not 64 hexadecimal digits; put it back"):
        kept_in(tmp_path / "employee.key")


def test_the_command_takes_the_secret_from_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "central.toml").write_text(f'[central]\ndata_dir = "{tmp_path}"\n[broker]\nhost = "127.0.0.1"\n')
    database = Database(f"sqlite:///{tmp_path}/central.db")
    fleet.add(database, GATEWAY, NOW)
    (tmp_path / "list.csv").write_text(f"{HEAD}\n{BUDI}\n")
    command = ["roster", "import", str(tmp_path / "list.csv"), "--config", str(tmp_path / "central.toml")]
    for _ in range(2):
        done = CliRunner().invoke(program.main, command)
        assert done.exit_code == 0, done.output
        assert id_of(database, "Budi Contoh") == next(kept_in(tmp_path / "employee.key")(NIP))
        database.run("DELETE FROM employee")
    database.close()
