"""What makes a gateway one of central's, and what must not."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from central.authority import Authority, key_of
from central.database import Database
from central.keys import GatewayKeys
from central.registrar import Address, Registrar
from gateway import enrolment
from gateway.enrolment import LINK, Enrolment, NotEnrolled, ask, ask_renewal, load, take, take_renewal
from mqtt_bridge.enrolment import Enrolled, open_answer
from mqtt_bridge.envelope import seal
from mqtt_bridge.keys import load_or_make

from ..trusted import now

GATEWAY = "dinkes-01"


class Central:
    """One that signs whatever it is asked."""

    def __init__(self, folder: Path, port: int = 8883) -> None:
        folder.mkdir(exist_ok=True)
        self.key = Ed25519PrivateKey.generate()
        self.database = Database(f"sqlite:///{folder}/central.db")
        keys = GatewayKeys(None, self.database)
        self.authority = Authority(folder / "ca", now())
        self.registrar = Registrar(
            self.database,
            keys,
            self.authority,
            self.key,
            Address("mqtt.example.go.id", port, tls=True),
            folder / "crl.pem",
        )

    def sign(self, request: bytes) -> bytes:
        return self.registrar.sign(request, "file", now(), replace=True)

    def forge(self, request: bytes, **changes: object) -> bytes:
        """An answer with something else in it, signed as it must be."""
        answer = open_answer(self.sign(request))
        return seal(msgspec.structs.replace(answer, **changes), self.key)


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    made = Central(tmp_path / "central")
    yield made
    made.database.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir()
    return folder


def test_a_gateway_is_enrolled_with_keys_that_stay_here(central: Central, data: Path) -> None:
    assert load(data) is None
    request = ask(data, GATEWAY, now())
    held = take(data, GATEWAY, central.sign(request), central.registrar.fingerprint)
    assert held == load(data)
    assert (held.broker.host, held.broker.port, held.broker.tls) == ("mqtt.example.go.id", 8883, True)
    assert held.central == central.key.public_key()
    for secret in (data / "gateway.key", data / "enrolled" / "tls.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_bytes().splitlines()[1] not in request
    assert sorted(path.name for path in data.iterdir()) == [
        "enrolled", f"enrolled-{serial(held):x}", "gateway.key", "gateway.pub",
    ]  # fmt: skip


def serial(held: Enrolment) -> int:
    return x509.load_pem_x509_certificate(held.files.certificate.read_bytes()).serial_number


def test_who_asks_again_asks_with_the_same_keys(central: Central, data: Path) -> None:
    first = central.sign(ask(data, GATEWAY, now()))
    second = central.sign(ask(data, GATEWAY, now()))
    assert key_in(first) == key_in(second)
    with pytest.raises(NotEnrolled, match="another request"):
        take(data, GATEWAY, first, None)
    take(data, GATEWAY, second, None)


def key_in(answer: bytes) -> CertificatePublicKeyTypes:
    return x509.load_pem_x509_certificate(open_answer(answer).certificate.encode()).public_key()


def test_an_answer_of_anybody_else_is_refused(central: Central, data: Path, tmp_path: Path) -> None:
    """Somebody in between who has an authority and a key of their own."""
    impostor = Central(tmp_path / "impostor")
    request = ask(data, GATEWAY, now())
    with pytest.raises(NotEnrolled, match="not from the central that made the token"):
        take(data, GATEWAY, impostor.sign(request), central.registrar.fingerprint)
    true = central.sign(request)
    body = msgspec.json.decode(true.partition(b"\n")[0], type=Enrolled)
    for changed in (
        seal(msgspec.structs.replace(body, broker_host="evil.example"), impostor.key),
        true.replace(b"mqtt.example", b"evil.example"),
        seal(msgspec.structs.replace(body, authority=impostor.authority.pem), impostor.key),
    ):
        with pytest.raises(NotEnrolled, match="can not be used"):
            take(data, GATEWAY, changed, central.registrar.fingerprint)
    impostor.database.close()
    assert load(data) is None
    take(data, GATEWAY, true, central.registrar.fingerprint)


def test_an_answer_that_does_not_fit_is_refused(central: Central, data: Path, tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="no request"):
        take(data, GATEWAY, central.sign(other_request(tmp_path)), None)
    request = ask(data, GATEWAY, now())
    foreign = open_answer(central.sign(other_request(tmp_path))).certificate
    other_authority = Authority(tmp_path / "other-ca", now()).pem
    for answer, why in (
        (central.sign(other_request(tmp_path)), "another request"),
        (central.forge(request, gateway="disdik-01"), "another request"),
        (central.forge(request, certificate=foreign), "not for this gateway's key"),
        (central.forge(request, authority=other_authority), "not from that authority"),
        (b"garbage", "can not be used"),
    ):
        with pytest.raises(NotEnrolled, match=why):
            take(data, GATEWAY, answer, None)
    assert load(data) is None


def other_request(tmp_path: Path) -> bytes:
    folder = tmp_path / "other"
    folder.mkdir(exist_ok=True)
    return ask(folder, GATEWAY, now())


def test_enrolled_anew_nothing_of_before_is_left(central: Central, data: Path, tmp_path: Path) -> None:
    first = take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    before = serial(first)
    key = load_or_make(data / "gateway.key").public_key()
    moved = Central(tmp_path / "moved", 9883)
    second = take(data, GATEWAY, moved.sign(ask(data, GATEWAY, now())), moved.registrar.fingerprint)
    assert second.broker.port == 9883
    assert serial(second) != before
    assert len(list(data.glob("enrolled-*"))) == 1
    assert load_or_make(data / "gateway.key").public_key() == key, "records are signed with the same key"
    moved.database.close()


@pytest.mark.parametrize("step", range(17))
def test_a_power_cut_leaves_all_of_one_or_all_of_the_other(
    central: Central, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Cut before each write: afterwards it is either the old enrolment or the new one, and enrolling goes on."""
    first = take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    known = {serial(first)}
    answer = central.sign(ask(data, GATEWAY, now()))
    known.add(x509.load_pem_x509_certificate(open_answer(answer).certificate.encode()).serial_number)
    calls = iter(range(100))

    def cut(real: object) -> object:
        def call(*arguments: object, **options: object) -> object:
            if next(calls) == step:
                raise PowerCut
            return real(*arguments, **options)  # type: ignore[operator]

        return call

    cuts = [(enrolment, "write_whole"), (enrolment, "sync_folder"), (shutil, "rmtree")]
    for place, name in [*cuts, (Path, "symlink_to"), (Path, "replace"), (Path, "mkdir")]:
        monkeypatch.setattr(place, name, cut(getattr(place, name)))
    with suppress(PowerCut):
        take(data, GATEWAY, answer, None)
    monkeypatch.undo()
    held = load(data)
    assert held
    assert serial(held) in known
    certificate = x509.load_pem_x509_certificate(held.files.certificate.read_bytes())
    assert certificate.public_key() == enrolment.load_or_make_tls(held.files.key).public_key()
    take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    assert len(list(data.glob("enrolled-*"))) == 1


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("name", ["broker.json", "central.pub", "tls.crt"])
def test_what_is_damaged_is_named(central: Central, data: Path, name: str) -> None:
    take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    (data / LINK / name).write_text("garbage")
    with pytest.raises(NotEnrolled, match="enrol again"):
        load(data)


def test_a_renewal_takes_a_new_key_and_keeps_the_rest(central: Central, data: Path) -> None:
    first = take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    before = first.files.key.read_bytes()
    wanted = ask_renewal(data, GATEWAY)
    assert key_of(ask_renewal(data, GATEWAY)) == key_of(wanted), "the same key until it was answered"
    made = central.authority.for_gateway(GATEWAY, wanted, now() + timedelta(days=200))
    held = take_renewal(data, GATEWAY, made.pem)
    assert held
    assert held.until > first.until
    assert (held.broker, held.central) == (first.broker, first.central)
    assert held.files.key.read_bytes() != before
    assert take_renewal(data, GATEWAY, made.pem) is None, "central says it again at each connection"


def test_a_renewal_that_was_not_asked_for_is_not_taken(central: Central, data: Path, tmp_path: Path) -> None:
    first = take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    old = first.files.certificate.read_text()
    assert take_renewal(data, GATEWAY, old) is None
    wanted = ask_renewal(data, GATEWAY)
    assert take_renewal(data, GATEWAY, old) is None, "a certificate of another key"
    for forged in (
        Authority(tmp_path / "ca", now()).for_gateway(GATEWAY, wanted, now()).pem,
        central.authority.for_gateway("disdik-01", wanted, now()).pem,
        "garbage",
    ):
        with pytest.raises(NotEnrolled):
            take_renewal(data, GATEWAY, forged)
    assert load(data) == first


@pytest.mark.parametrize(("days", "due"), [(0, False), (240, False), (245, True), (370, True)])
def test_a_renewal_is_due_when_a_third_is_left(central: Central, data: Path, days: int, due: bool) -> None:
    held = take(data, GATEWAY, central.sign(ask(data, GATEWAY, now())), None)
    assert held.renewal_due(now() + timedelta(days=days)) is due
