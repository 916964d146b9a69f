from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from central import access
from central.database import Database

from .factories import NOW


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/central.db")


def test_a_password_fits_or_not(database: Database) -> None:
    access.set_password(database, "admin", "kata-sandi-uji", NOW)
    assert access.password_fits(database, "admin", "kata-sandi-uji")
    assert not access.password_fits(database, "admin", "kata-sandi-lain")
    assert not access.password_fits(database, "nobody", "kata-sandi-uji")
    access.set_password(database, "admin", "kata-sandi-baru", NOW)
    assert not access.password_fits(database, "admin", "kata-sandi-uji")
    assert access.password_fits(database, "admin", "kata-sandi-baru")


def test_only_digests_are_kept(database: Database) -> None:
    access.set_password(database, "admin", "kata-sandi-uji", NOW)
    token = access.add_token(database, "sinergi", "it", NOW)
    kept = str(database.rows("SELECT * FROM person")) + str(database.rows("SELECT * FROM token"))
    assert "$argon2id$" in kept
    assert "kata-sandi-uji" not in kept
    assert token not in kept


def test_what_a_password_costs() -> None:
    program = "from central.access import digest_of_password as made; print(made('kata-sandi-uji'))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_short_password_is_refused(database: Database) -> None:
    with pytest.raises(access.BadPassword, match="at least 8"):
        access.set_password(database, "admin", "1234567", NOW)
    assert not access.person_exists(database, "admin")


def test_a_new_token_ends_the_former_of_that_name(database: Database) -> None:
    first = access.add_token(database, "sinergi", "it", NOW)
    assert access.program(database, first) == access.Program("sinergi", frozenset(access.USUAL_SCOPES))
    second = access.add_token(database, "sinergi", "it", NOW, [access.Scope.EMPLOYEES])
    assert access.program(database, first) is None
    assert access.program(database, second) == access.Program("sinergi", frozenset([access.Scope.EMPLOYEES]))
    assert access.program(database, "") is None
    assert access.remove_token(database, "sinergi", "it", NOW)
    assert access.program(database, second) is None
    assert not access.remove_token(database, "sinergi", "it", NOW)


def test_the_first_password_is_this_installations_alone(database: Database, tmp_path: Path) -> None:
    path = access.first_person(database, tmp_path, NOW)
    assert path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert access.password_fits(database, "admin", path.read_text())
    assert access.first_person(database, tmp_path, NOW) is None


def test_the_session_secret_is_made_once(tmp_path: Path) -> None:
    secret = access.session_secret(tmp_path)
    assert access.session_secret(tmp_path) == secret
    assert len(secret) == 64
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600


def test_a_name_that_no_database_takes_is_a_wrong_one(postgres_url: str) -> None:
    database = Database(postgres_url)
    assert not access.password_fits(database, "ad\0min", "kata-sandi-uji")
    database.close()
