"""What makes a gateway one of central's: its certificate and key, the keys that it trusts, and where the broker is.

All of it lies in one folder, and `enrolled` in the data folder is a link to it: a new one is made whole beside it,
and then the link is turned, so that there is always all of one or all of the other. Private keys are made here and
never leave.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from mqtt_bridge.client import Tls
from mqtt_bridge.enrolment import Enrol, Enrolled, digest, fingerprint, open_answer
from mqtt_bridge.envelope import BadEnvelope, seal
from mqtt_bridge.keys import (
    BadKey,
    load_or_make,
    load_or_make_tls,
    parse_public,
    public_pem,
    sync_folder,
    write_whole,
)
from mqtt_bridge.records import BadPayload

LINK = "enrolled"
ASKED = "enrolling"  # what a request that is not answered yet was made with
RENEWING = "renewing"


class NotEnrolled(Exception):
    """What came does not make this gateway one of central's; the message says why."""


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is, as central said."""

    gateway: str
    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """As it lies in the folder. `until` is when the certificate ends."""

    folder: Path
    broker: Broker
    central: Ed25519PublicKey
    begun: datetime
    until: datetime

    @property
    def files(self) -> Tls:
        return Tls(self.folder / "ca.crt", self.folder / "tls.crt", self.folder / "tls.key")

    def renewal_due(self, now: datetime) -> bool:
        """Whether a third of the certificate's life is left, or less."""
        return self.until - now < (self.until - self.begun) / 3


def load(data: Path) -> Enrolment | None:
    """What the data folder holds; None when the gateway is not enrolled. Raises `NotEnrolled` for what is damaged."""
    folder = data / LINK
    if not folder.exists():
        return None
    try:
        broker = msgspec.json.decode((folder / "broker.json").read_bytes(), type=Broker)
        central = parse_public((folder / "central.pub").read_bytes(), str(folder / "central.pub"))
        certificate = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())
    except (OSError, ValueError) as error:
        raise NotEnrolled(f"{folder}: {error}; enrol again") from None
    return Enrolment(folder, broker, central, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def ask(data: Path, gateway: str, now: datetime) -> bytes:
    """A request, with the keys of the one before if that was not answered: who asks again gets the same answer."""
    folder = data / ASKED
    folder.mkdir(mode=0o700, exist_ok=True)
    signing = load_or_make(data / "gateway.key")
    request = Enrol(
        gateway=gateway,
        csr=certificate_request(load_or_make_tls(folder / "tls.key"), gateway),
        signing_key=public_pem(signing.public_key()).decode(),
        at=now,
    )
    sealed = seal(request, signing)
    write_whole(folder / "request", sealed, 0o600)
    return sealed


def take(data: Path, gateway: str, sealed: bytes, expected: bytes | None) -> Enrolment:
    """Trust what central answered; `expected` is its fingerprint, if a token told it. Raises `NotEnrolled`."""
    asked = data / ASKED
    try:
        answer = open_answer(sealed)
        own = load_or_make_tls(asked / "tls.key") if asked.is_dir() else None
        request = (asked / "request").read_bytes() if asked.is_dir() else b""
    except (BadEnvelope, BadPayload, BadKey, OSError) as error:
        raise NotEnrolled(f"the answer can not be used: {error}") from None
    if own is None:
        raise NotEnrolled("there is no request that this could answer; make one first")
    if expected is not None and fingerprint(answer.authority, answer.central) != expected:
        raise NotEnrolled(
            "the answer is not from the central that made the token: somebody may be in between, or central was"
            " set up anew; ask for another token"
        )
    if answer.gateway != gateway or answer.request != digest(request):
        raise NotEnrolled("the answer is to another request")
    _check(answer.certificate, answer.authority, own.public_key(), gateway)
    _install(data, _files(answer), asked / "tls.key")
    shutil.rmtree(asked)
    return _loaded(data)


def ask_renewal(data: Path, gateway: str) -> str:
    """The CSR of the next certificate; the same key again until it was taken."""
    folder = data / RENEWING
    folder.mkdir(mode=0o700, exist_ok=True)
    return certificate_request(load_or_make_tls(folder / "tls.key"), gateway)


def take_renewal(data: Path, gateway: str, certificate: str) -> Enrolment | None:
    """Use the new certificate from the next connection on; None when it is not the one that was asked for last.

    Raises `NotEnrolled`.
    """
    now, key = _loaded(data), data / RENEWING / "tls.key"
    if not key.exists():
        return None
    try:
        wanted = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError as error:
        raise NotEnrolled(f"the new certificate can not be read: {error}") from None
    own = load_or_make_tls(key).public_key()
    if wanted != own:
        return None
    _check(certificate, (now.folder / "ca.crt").read_text(), own, gateway)
    files = {name: (now.folder / name).read_bytes() for name in ("ca.crt", "central.pub", "broker.json")}
    _install(data, {**files, "tls.crt": certificate.encode()}, key)
    shutil.rmtree(data / RENEWING)
    return _loaded(data)


def certificate_request(key: ec.EllipticCurvePrivateKey, gateway: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)])
    made = x509.CertificateSigningRequestBuilder(subject_name=subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _check(certificate: str, authority: str, key: ec.EllipticCurvePublicKey, gateway: str) -> None:
    try:
        ours = x509.load_pem_x509_certificate(certificate.encode())
        ours.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise NotEnrolled(f"the certificate is not from that authority: {error}") from None
    names = [str(each.value) for each in ours.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if ours.public_key() != key or names != [gateway]:
        raise NotEnrolled("the certificate is not for this gateway's key and name")


def _files(answer: Enrolled) -> dict[str, bytes]:
    broker = Broker(gateway=answer.gateway, host=answer.broker_host, port=answer.broker_port, tls=answer.tls)
    return {
        "ca.crt": answer.authority.encode(),
        "central.pub": answer.central.encode(),
        "broker.json": msgspec.json.encode(broker),
        "tls.crt": answer.certificate.encode(),
    }


def _install(data: Path, files: dict[str, bytes], key: Path) -> None:
    """All or nothing: whole beside the present one first, then the link is turned."""
    serial = x509.load_pem_x509_certificate(files["tls.crt"]).serial_number
    folder = data / f"{LINK}-{serial:x}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in {**files, "tls.key": key.read_bytes()}.items():
        write_whole(folder / name, content, 0o600)
    turned = data / f"{LINK}.new"
    turned.unlink(missing_ok=True)
    turned.symlink_to(folder.name)
    turned.replace(data / LINK)
    sync_folder(data)
    for old in data.glob(f"{LINK}-*"):
        if old != folder:
            shutil.rmtree(old)


def _loaded(data: Path) -> Enrolment:
    found = load(data)
    if found is None:
        raise NotEnrolled("this gateway is not enrolled")
    return found
