"""Who may speak for a gateway: every way in, and every way that must stay shut."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central import registrar as module
from central.authority import Authority
from central.database import Database
from central.fleet import Fleet
from central.ingest import Envelope, Ingest
from central.keys import GatewayKeys
from central.registrar import Address, Declined, Outcome, Registrar
from mqtt_bridge.client import Inbound
from mqtt_bridge.enrolment import Application, Enrol, Token, open_answer, parse_token
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import public_pem
from mqtt_bridge.records import Connection, Renewal

from ..trusted import csr
from .factories import CENTRAL_KEY, GATEWAY, KEYS, NOW, OTHER, batch, chain, envelope

WEEK = timedelta(days=7)


class Device:
    """A gateway as it comes from the shop."""

    def __init__(self, gateway: str = GATEWAY) -> None:
        self.gateway = gateway
        self.signing = Ed25519PrivateKey.generate()
        self.tls = ec.generate_private_key(ec.SECP256R1())

    def request(self, **changes: object) -> bytes:
        public = public_pem(self.signing.public_key()).decode()
        asked = Enrol(gateway=self.gateway, csr=csr(self.tls), signing_key=public, at=NOW)
        return seal(msgspec.structs.replace(asked, **changes), self.signing)

    def apply(self, token: Token) -> Application:
        request = self.request()
        return Application(token=token.public, request=request.decode(), signature=token.sign(request))

    def renewal(self, **changes: object) -> bytes:
        asked = Renewal(gateway=self.gateway, csr=csr(self.tls), at=NOW)
        return seal(msgspec.structs.replace(asked, **changes), self.signing)


class Hall:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        (folder / "keys").mkdir()
        self.keys = GatewayKeys(folder / "keys", database)
        self.registrar = Registrar(
            database, self.keys, Authority(folder / "ca", NOW), CENTRAL_KEY,
            Address("mqtt.example.go.id", 8883, tls=True), folder / "crl.pem",
        )  # fmt: skip
        self.ingest = Ingest(database, self.keys)

    def enrolled(self, device: Device, now: datetime = NOW, *, replace: bool = False) -> x509.Certificate:
        token = self.registrar.invite(device.gateway, WEEK, now, replace=replace)
        answer = self.registrar.enrol(device.apply(token), "192.0.2.7", now)
        return x509.load_pem_x509_certificate(open_answer(answer).certificate.encode())

    def outcomes(self) -> list[str]:
        return [row[0] for row in self.database.rows("SELECT outcome FROM enrolment ORDER BY id")]

    def listed(self) -> set[int]:
        return {each.serial_number for each in x509.load_pem_x509_crl((self.folder / "crl.pem").read_bytes())}

    def refused(self) -> list[tuple[str, str]]:
        return self.database.rows("SELECT gateway, reason FROM quarantine ORDER BY id")  # type: ignore[return-value]


@pytest.fixture
def hall(database: Database, tmp_path: Path) -> Hall:
    return Hall(database, tmp_path)


def declined(outcome: Outcome, call: object, *arguments: object, **options: object) -> str:
    with pytest.raises(Declined) as caught:
        call(*arguments, **options)  # type: ignore[operator]
    assert caught.value.outcome is outcome
    return str(caught.value)


def test_a_token_enrols_its_gateway_and_no_more(hall: Hall) -> None:
    device = Device()
    token = hall.registrar.invite(GATEWAY, WEEK, NOW)
    assert hall.keys.get(GATEWAY) is None
    answer = open_answer(hall.registrar.enrol(device.apply(parse_token(str(token))), "192.0.2.7", NOW))
    assert (answer.broker_host, answer.broker_port, answer.tls) == ("mqtt.example.go.id", 8883, True)
    certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(answer.authority.encode()))
    assert certificate.public_key() == device.tls.public_key()
    assert hall.keys.get(GATEWAY) == device.signing.public_key()
    declined(Outcome.USED_TOKEN, hall.registrar.enrol, Device().apply(token), "192.0.2.66", NOW)
    assert hall.keys.get(GATEWAY) == device.signing.public_key()
    assert hall.outcomes() == ["enrolled", "used token"]
    row = hall.database.row("SELECT gateway, origin, detail FROM enrolment ORDER BY id DESC LIMIT 1")
    assert row
    assert row[:2] == (GATEWAY, "192.0.2.66")


def test_an_answer_that_was_lost_is_given_again_to_the_same_keys(hall: Hall) -> None:
    device = Device()
    application = device.apply(hall.registrar.invite(GATEWAY, WEEK, NOW))
    first = open_answer(hall.registrar.enrol(application, "192.0.2.7", NOW))
    again = open_answer(hall.registrar.enrol(application, "192.0.2.7", NOW + 2 * WEEK))
    assert again.certificate == first.certificate
    assert hall.database.value("SELECT COUNT(*) FROM certificate") == 1
    hall.registrar.revoke(GATEWAY, "dicuri", NOW)
    declined(Outcome.USED_TOKEN, hall.registrar.enrol, application, "192.0.2.7", NOW)


def test_a_token_ends(hall: Hall) -> None:
    token = hall.registrar.invite(GATEWAY, WEEK, NOW)
    declined(Outcome.EXPIRED_TOKEN, hall.registrar.enrol, Device().apply(token), "?", NOW + WEEK)
    assert hall.keys.get(GATEWAY) is None


def test_a_newer_token_ends_the_one_before(hall: Hall) -> None:
    old, new = (hall.registrar.invite(GATEWAY, WEEK, NOW) for _ in range(2))
    declined(Outcome.UNKNOWN_TOKEN, hall.registrar.enrol, Device().apply(old), "?", NOW)
    hall.registrar.enrol(Device().apply(new), "?", NOW)


def test_only_the_token_opens(hall: Hall) -> None:
    device, token = Device(), hall.registrar.invite(GATEWAY, WEEK, NOW)
    good = device.apply(token)
    other = Token(b"x" * 16, token.fingerprint)
    for forged in (
        device.apply(other),
        msgspec.structs.replace(device.apply(other), token=token.public),
        msgspec.structs.replace(good, signature=""),
        msgspec.structs.replace(good, request=Device().request().decode()),  # overheard, with a request of its own
    ):
        declined(Outcome.UNKNOWN_TOKEN, hall.registrar.enrol, forged, "?", NOW)
    assert hall.keys.get(GATEWAY) is None


def test_a_token_is_for_one_gateway(hall: Hall) -> None:
    token = hall.registrar.invite(GATEWAY, WEEK, NOW)
    said = declined(Outcome.OTHER_GATEWAY, hall.registrar.enrol, Device(OTHER).apply(token), "?", NOW)
    assert said == "this token is for dinkes-01, not for disdik-01"


def test_the_database_holds_no_token(hall: Hall) -> None:
    token = hall.registrar.invite(GATEWAY, WEEK, NOW)
    kept = repr(hall.database.rows("SELECT * FROM enrolment_token"))
    for secret in (token.secret.hex(), str(token), token.key.private_bytes_raw().hex()):
        assert secret not in kept


@pytest.mark.parametrize(
    "changes", [{"csr": csr(ec.generate_private_key(ec.SECP384R1()))}, {"signing_key": csr(Device().tls)}]
)
def test_a_request_of_no_use_is_said_and_ends_no_token(hall: Hall, changes: dict[str, str]) -> None:
    device, token = Device(), hall.registrar.invite(GATEWAY, WEEK, NOW)
    request = device.request(**changes)
    bad = Application(token=token.public, request=request.decode(), signature=token.sign(request))
    declined(Outcome.UNREADABLE, hall.registrar.enrol, bad, "?", NOW)
    hall.registrar.enrol(device.apply(token), "?", NOW)


def test_who_is_enrolled_is_not_replaced_by_mistake(hall: Hall) -> None:
    hall.enrolled(Device())
    assert "--replace" in declined(Outcome.TAKEN, hall.registrar.invite, GATEWAY, WEEK, NOW)
    assert "--replace" in declined(Outcome.TAKEN, hall.registrar.sign, Device().request(), "file", NOW)


def test_replaced_hardware_counts_until_the_new_one_enrols(hall: Hall) -> None:
    old = Device()
    certificate = hall.enrolled(old)
    records = chain(4)
    first = seal(batch(records, 1, 2), old.signing)
    later = NOW + timedelta(days=3)
    new, token = Device(), hall.registrar.invite(GATEWAY, WEEK, later, replace=True)
    assert hall.ingest.take([Envelope(GATEWAY, first)], later), "until then the old one counts"
    hall.registrar.enrol(new.apply(token), "?", later)
    assert not hall.ingest.take([Envelope(GATEWAY, seal(batch(records, 3, 4), old.signing))], later)
    assert [gateway for gateway, _ in hall.refused()] == [GATEWAY]
    fresh = chain(1, journal="aa" * 8)
    assert hall.ingest.take([Envelope(GATEWAY, seal(batch(fresh, 1, 1, journal="aa" * 8), new.signing))], later)
    assert certificate.serial_number in hall.listed()
    assert hall.keys.at(GATEWAY, NOW)[0] == old.signing.public_key()
    assert hall.keys.at(GATEWAY, later)[0] == new.signing.public_key()
    assert hall.keys.at(GATEWAY, NOW - WEEK) == []


def test_other_hardware_counts_its_starts_from_the_beginning(hall: Hall) -> None:
    """What it says of its connection must not be taken for a replay of the device before it."""
    fleet, old, new = Fleet(hall.database, hall.keys), Device(), Device()
    hall.enrolled(old)

    def said(device: Device, starts: int, *, online: bool = True) -> object:
        word = Connection(gateway=GATEWAY, online=online, since=NOW, starts=starts, session=1)
        return fleet.note(GATEWAY, Inbound("", seal(word, device.signing)), NOW)

    assert said(old, 300)
    hall.enrolled(new, NOW + WEEK, replace=True)
    assert not said(old, 301)
    assert said(new, 1)
    assert said(new, 1, online=False)
    hall.enrolled(new, NOW + 2 * WEEK, replace=True)
    assert not said(new, 1), "the same device goes on where it was"


def test_revoked_is_revoked_everywhere(hall: Hall) -> None:
    device = Device()
    certificate = hall.enrolled(device)
    token = hall.registrar.invite(GATEWAY, WEEK, NOW, replace=True)
    assert hall.registrar.revoke(GATEWAY, "dicuri", NOW) == 1
    assert hall.listed() == {certificate.serial_number}
    assert hall.keys.get(GATEWAY) is None
    assert not hall.ingest.take([Envelope(GATEWAY, seal(batch(chain(1), 1, 1), device.signing))], NOW)
    assert hall.refused() == [(GATEWAY, "revoked: dicuri")]
    assert hall.registrar.renew(GATEWAY, device.renewal(), NOW) is None
    declined(Outcome.UNKNOWN_TOKEN, hall.registrar.enrol, device.apply(token), "?", NOW)
    fresh = hall.registrar.invite(GATEWAY, WEEK, NOW)
    assert "revoked" in declined(Outcome.BAD_KEY, hall.registrar.enrol, device.apply(fresh), "?", NOW)
    hall.registrar.enrol(Device().apply(fresh), "?", NOW)
    assert hall.listed() == {certificate.serial_number}


def test_a_copied_card_is_noticed(hall: Hall) -> None:
    device = Device()
    hall.enrolled(device)
    device.gateway = OTHER
    token = hall.registrar.invite(OTHER, WEEK, NOW)
    assert "dinkes-01" in declined(Outcome.BAD_KEY, hall.registrar.enrol, device.apply(token), "?", NOW)


def test_the_same_device_may_enrol_again(hall: Hall) -> None:
    device = Device()
    first = hall.enrolled(device)
    device.tls = ec.generate_private_key(ec.SECP256R1())
    second = hall.enrolled(device, NOW + WEEK, replace=True)
    assert hall.listed() == {first.serial_number}
    assert second.serial_number != first.serial_number
    assert hall.keys.at(GATEWAY, NOW)[0] == hall.keys.get(GATEWAY) == device.signing.public_key()


def test_a_request_on_a_stick_is_signed(hall: Hall) -> None:
    device = Device()
    answer = open_answer(hall.registrar.sign(device.request(), "file", NOW))
    assert answer.gateway == GATEWAY
    assert hall.keys.get(GATEWAY) == device.signing.public_key()
    assert hall.outcomes() == ["enrolled"]


def test_a_renewal_is_for_whoever_has_the_key(hall: Hall) -> None:
    device = Device()
    hall.enrolled(device)
    device.tls = ec.generate_private_key(ec.SECP256R1())
    later = NOW + timedelta(days=250)
    made = hall.registrar.renew(GATEWAY, device.renewal(), later)
    assert made
    assert x509.load_pem_x509_certificate(made.certificate.encode()).public_key() == device.tls.public_key()
    assert hall.registrar.renew(GATEWAY, device.renewal(), later + WEEK) == made, "asked again, the same"
    thief = Device()
    for forged in (thief.renewal(), device.renewal(gateway=OTHER), device.request(), b"garbage"):
        assert hall.registrar.renew(GATEWAY, forged, later) is None
    assert hall.registrar.renew(OTHER, device.renewal(), later) is None
    assert hall.database.value("SELECT COUNT(*) FROM certificate") == 2


def test_nobody_gets_certificates_without_end(hall: Hall) -> None:
    device = Device()
    hall.enrolled(device)
    made = 0
    for _ in range(module.CERTIFICATES_A_DAY + 2):
        device.tls = ec.generate_private_key(ec.SECP256R1())
        made += hall.registrar.renew(GATEWAY, device.renewal(), NOW) is not None
    assert made == module.CERTIFICATES_A_DAY - 1
    assert hall.registrar.renew(GATEWAY, device.renewal(), NOW + timedelta(days=2))


def test_a_key_that_was_handed_over_counts_until_the_gateway_enrols(hall: Hall) -> None:
    (hall.folder / "keys" / f"{GATEWAY}.pub").write_bytes(public_pem(KEYS[GATEWAY].public_key()))
    assert hall.ingest.take([envelope(batch(chain(1), 1, 1))], NOW)
    device = Device()
    hall.enrolled(device, NOW + WEEK, replace=True)
    assert hall.keys.get(GATEWAY) == device.signing.public_key()
    assert hall.keys.at(GATEWAY, NOW)[0] == KEYS[GATEWAY].public_key()
    hall.registrar.revoke(GATEWAY, "dicuri", NOW + WEEK)
    assert hall.keys.get(GATEWAY) is None, "the file does not bring it back"


def test_a_list_that_could_not_be_written_is_written_at_the_next_try(hall: Hall) -> None:
    """The database has it; the file is made anew from it."""
    device = Device()
    certificate = hall.enrolled(device)
    (hall.folder / "crl.pem").unlink()
    (hall.folder / "crl.pem").mkdir()
    with pytest.raises(OSError, match="directory"):
        hall.registrar.revoke(GATEWAY, "dicuri", NOW)
    assert hall.keys.get(GATEWAY) is None
    (hall.folder / "crl.pem").rmdir()
    hall.registrar.publish_revocations(NOW)
    assert hall.listed() == {certificate.serial_number}


def test_strangers_can_not_fill_the_record(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTES_KEPT", 5)
    token = Token(b"x" * 16, b"y" * 16)
    for _ in range(12):
        declined(Outcome.UNKNOWN_TOKEN, hall.registrar.enrol, Device().apply(token), "?", NOW)
    assert len(hall.outcomes()) == 5
