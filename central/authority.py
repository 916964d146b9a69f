"""Gardu's own certificate authority: for TLS between gateways, broker and collector, and for nothing else.

Its key is made at first use and never leaves the folder. It keeps no list: who has which certificate, and which ones
are revoked, is in the database.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mqtt_bridge.keys import BadKey, load_or_make_tls, write_once, write_whole

# A gateway asks for its next certificate by itself. Those of the servers lie beside the key that could make others,
# so a short life would protect nothing, and end everything on one day.
GATEWAY_LIFE = timedelta(days=365)
SERVICE_LIFE = timedelta(days=3650)
OWN_LIFE = timedelta(days=7300)
# Clocks differ: what is made now is valid on a machine that is a little behind.
SLACK = timedelta(hours=1)
COLLECTOR = "_central"  # the collector's name at the broker: none that a gateway can have


class BadRequest(ValueError):
    """A request that no certificate can be given for; the message says why."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was made, and what is kept of it."""

    serial: str
    pem: str
    not_before: datetime
    not_after: datetime


class Authority:
    """The authority whose key and certificate are in that folder; both are made if they are not there."""

    def __init__(self, folder: Path, now: datetime) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._key = load_or_make_tls(folder / "ca.key")
        path = folder / "ca.crt"
        if not path.exists():
            write_once(path, _root(self._key, now).public_bytes(serialization.Encoding.PEM), 0o600)
        self.pem = path.read_text()
        self._certificate = x509.load_pem_x509_certificate(self.pem.encode())
        if self._certificate.public_key() != self._key.public_key():
            raise BadKey(f"{path}: does not belong to ca.key beside it")

    def for_gateway(self, gateway: str, csr: str, now: datetime) -> Issued:
        """A certificate for that gateway and the key that made `csr`, whatever else is in there."""
        return self._issue(gateway, key_of(csr), ExtendedKeyUsageOID.CLIENT_AUTH, now, GATEWAY_LIFE)

    def for_collector(self, key: ec.EllipticCurvePublicKey, now: datetime) -> Issued:
        return self._issue(COLLECTOR, key, ExtendedKeyUsageOID.CLIENT_AUTH, now, SERVICE_LIFE)

    def for_server(self, names: Sequence[str], key: ec.EllipticCurvePublicKey, now: datetime) -> Issued:
        """For a server that is reached by those names or addresses."""
        return self._issue(names[0], key, ExtendedKeyUsageOID.SERVER_AUTH, now, SERVICE_LIFE, names)

    def revocations(self, revoked: Mapping[str, datetime], former: bytes | None, now: datetime) -> bytes:
        """The list (CRL) of those serials and of all that were on the `former` one.

        It does not expire: with an expired one, brokers let nobody in.
        """
        entries = {int(serial, 16): at for serial, at in revoked.items()}
        if former:
            entries |= {each.serial_number: each.revocation_date_utc for each in x509.load_pem_x509_crl(former)}
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self._certificate.subject,
            last_update=now,
            next_update=self._certificate.not_valid_after_utc,
            revoked_certificates=[_entry(serial, at) for serial, at in entries.items()],
        )
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        builder = builder.add_extension(self._issuer(), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issuer(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def _issue(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        usage: x509.ObjectIdentifier,
        now: datetime,
        life: timedelta,
        names: Sequence[str] = (),
    ) -> Issued:
        until = min(now + life, self._certificate.not_valid_after_utc)
        builder = _builder(name, self._certificate.subject, key, now - SLACK, until)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(self._issuer(), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_alternative, names)), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return Issued(
            serial=f"{made.serial_number:x}",
            pem=made.public_bytes(serialization.Encoding.PEM).decode(),
            not_before=made.not_valid_before_utc,
            not_after=made.not_valid_after_utc,
        )


def key_of(csr: str) -> ec.EllipticCurvePublicKey:
    """The key that a certificate is asked for, if whoever asks has it. Raises `BadRequest`."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadRequest(f"the certificate request can not be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRequest("the certificate request is not for an EC P-256 key")
    if not proven:
        raise BadRequest("the certificate request is not signed by its own key")
    return key


def key_digest(key: ec.EllipticCurvePublicKey) -> str:
    """By which a key is known: SHA-256 of its public half."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def service(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the certificate and the key of a service lie."""
    return folder / f"{name}.crt", folder / f"{name}.key"


def collector_files(authority: Authority, now: datetime) -> tuple[Path, Path]:
    """The collector's own certificate and key, made at first use and again when a third of its life is left."""
    certificate, key = service(authority.folder, "collector")
    public = load_or_make_tls(key).public_key()
    if not certificate.exists() or _nearly_over(certificate, now):
        write_whole(certificate, authority.for_collector(public, now).pem.encode(), 0o600)
    return certificate, key


def _nearly_over(path: Path, now: datetime) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc - now < SERVICE_LIFE / 3


def _root(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    # A name of its own: two installations must not be taken for each other.
    name = f"Gardu {secrets.token_hex(4)}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, subject, key.public_key(), now - SLACK, now + OWN_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=start.astimezone(UTC),
        not_valid_after=end.astimezone(UTC),
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _entry(serial: int, at: datetime) -> x509.RevokedCertificate:
    return x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=at).build()
