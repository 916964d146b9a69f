from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.authority import Authority
from central.database import Database
from central.evidence import verify
from central.ingest import Envelope, Ingest
from central.keys import GatewayKeys
from central.registrar import Address, Registrar
from mqtt_bridge.envelope import seal

from .factories import CENTRAL_KEY, GATEWAY, KEYS, NOW, batch, chain

SECOND = "bb" * 8


class Held:
    """Records of two devices, of which the second replaced the first."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.keys = GatewayKeys(None, database)
        registrar = Registrar(
            database, self.keys, Authority(folder / "ca", NOW), CENTRAL_KEY, Address("127.0.0.1", 1883, False),
            folder / "crl.pem",
        )  # fmt: skip
        later = NOW + timedelta(days=1)
        ingest, new = Ingest(database, self.keys), Ed25519PrivateKey.generate()
        registrar.admit(GATEWAY, KEYS[GATEWAY].public_key(), NOW)
        first = [Envelope(GATEWAY, seal(batch(chain(6), *span), KEYS[GATEWAY])) for span in ((1, 3), (4, 6))]
        assert len(ingest.take(first, NOW)) == 2
        registrar.admit(GATEWAY, new.public_key(), later, replace=True)
        second = batch(chain(2, journal=SECOND), 1, 2, journal=SECOND)
        assert ingest.take([Envelope(GATEWAY, seal(second, new))], later)
        registrar.revoke(GATEWAY, "dicuri", later + timedelta(days=1))

    def wrong(self) -> list[str]:
        return list(verify(self.database, self.keys, GATEWAY))


@pytest.fixture
def held(database: Database, tmp_path: Path) -> Held:
    return Held(database, tmp_path)


def test_records_stay_proven_after_replacement_and_revocation(held: Held) -> None:
    assert held.wrong() == []


@pytest.mark.parametrize(
    "change", ["employee = 'e-other'", "at = at + 1", "action = 'out'", "received = 5", "receipt = 'FAKE'"]
)
def test_a_record_that_was_changed_is_named(held: Held, change: str) -> None:
    held.database.run(f"UPDATE record SET {change} WHERE seq = 2 AND journal <> ?", SECOND)
    (line,) = held.wrong()
    assert "record 2 of journal" in line


def test_a_record_that_was_put_in_is_named(held: Held) -> None:
    held.database.run("UPDATE record SET seq = 9 WHERE seq = 6")
    assert held.wrong() == ["record 9 of journal 4d1c9f00a1b2c3d4: no batch proves it"]


def test_a_batch_that_was_made_up_is_named(held: Held) -> None:
    """Whoever has the database, and no gateway's key."""
    forged = seal(batch(chain(3), 1, 3), Ed25519PrivateKey.generate())
    held.database.run("UPDATE batch SET sealed = ? WHERE first_seq = 1 AND journal <> ?", forged, SECOND)
    assert ["signature" in line for line in held.wrong()] == [True, False, False, False]


def test_a_key_does_not_prove_what_came_when_it_did_not_count(held: Held) -> None:
    held.database.run("UPDATE batch SET stored = stored - ? WHERE journal = ?", 10**12, SECOND)
    assert "signature" not in held.wrong()[0]
    assert "no key of the gateway counted then" in held.wrong()[0]
