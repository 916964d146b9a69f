"""How a gateway and central come to trust each other: the token that is handed over, the request, the answer.

The token proves both ends over any line. Its secret half is the seed of a key that signs the request: central keeps
only the public half, and the line sees neither. Its other half is the fingerprint of central's own keys: an answer
that was signed by anybody else is refused.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from .envelope import body_of, unseal
from .keys import parse_public
from .records import SCHEMA, BadPayload, GatewayId, Hash, Instant, Name, Pem

HALF = 16  # bytes of secret, and of fingerprint: neither can be guessed or met by chance
T = TypeVar("T", bound=Struct)
_CONTEXT = b"gardu/v1/enrol\n"


class BadToken(ValueError):
    """A text that is no token."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a technician carries from central to the gateway."""

    secret: bytes
    fingerprint: bytes

    def __str__(self) -> str:
        """53 letters and digits in groups, neither 0 nor 1 nor 8 among them; the last byte tells typing errors."""
        body = self.secret + self.fingerprint
        text = base64.b32encode(body + _checksum(body)).decode().rstrip("=").lower()
        return "-".join(text[start : start + 6] for start in range(0, len(text), 6))

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(_CONTEXT + self.secret).digest())

    @property
    def public(self) -> str:
        """By which central knows it."""
        return self.key.public_key().public_bytes_raw().hex()

    def sign(self, request: bytes) -> str:
        return base64.b64encode(self.key.sign(_CONTEXT + request)).decode()


def parse_token(text: str) -> Token:
    """Case, hyphens and the usual mistakes of reading do not matter. Raises `BadToken`."""
    plain = "".join(text.split()).replace("-", "").upper().translate(str.maketrans("018", "OLB"))
    try:
        data = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except ValueError:
        data = b""
    body = data[:-1]
    if len(body) != 2 * HALF or _checksum(body) != data[-1:]:
        raise BadToken("this is no token, or it was not typed in whole; copy it again")
    return Token(body[:HALF], body[HALF:])


class Enrol(Struct, frozen=True, kw_only=True, tag_field="kind", tag="enrol"):
    """What a gateway asks for: a certificate for the TLS key of `csr`, and that `signing_key` speaks for it.

    It is signed by the signing key, and the CSR by the TLS key: so it proves that the gateway has both, and ties
    them together. They are two because they live differently: TLS keys change with each certificate, while records
    are verified for years; and not every broker or proxy takes Ed25519 in a certificate.
    """

    gateway: GatewayId
    csr: Pem
    signing_key: Pem
    at: Instant
    schema: int = SCHEMA


class Enrolled(Struct, frozen=True, kw_only=True, tag_field="kind", tag="enrolled"):
    """Central's answer, signed by its key `central`; `request` is the SHA-256 of what it answers."""

    gateway: GatewayId
    request: Hash
    certificate: Pem
    authority: Pem
    central: Pem
    broker_host: Name
    broker_port: Annotated[int, Meta(ge=1, le=65535)]
    tls: bool
    schema: int = SCHEMA


class Application(Struct, frozen=True, kw_only=True):
    """A request with the token's signature, as it is posted to central."""

    token: Hash
    request: Annotated[str, Meta(max_length=20_000)]
    signature: Annotated[str, Meta(max_length=100)]


class Admission(Struct, frozen=True, kw_only=True):
    """What central answers to it: an `Enrolled`, sealed."""

    answer: Annotated[str, Meta(max_length=40_000)]


def digest(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()


def mark(sealed: bytes) -> bytes:
    """The start of a digest: enough for people to compare."""
    return hashlib.sha256(sealed).digest()[:HALF]


def fingerprint(authority: str, central: str) -> bytes:
    """Of central: both its keys, the one that signs certificates and the one that signs what it says."""
    key = x509.load_pem_x509_certificate(authority.encode())
    whole = (
        key.public_bytes(serialization.Encoding.DER) + parse_public(central.encode(), "central").public_bytes_raw()
    )
    return hashlib.sha256(whole).digest()[:HALF]


def readable(digest_: bytes) -> str:
    """A fingerprint for people to compare."""
    text = digest_.hex()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def open_request(sealed: bytes) -> Enrol:
    """The request, if its signing key signed it. Raises `BadPayload`, `BadEnvelope`, `BadKey`."""
    asked = _decode(body_of(sealed), Enrol)
    unseal(sealed, parse_public(asked.signing_key.encode(), "signing_key"))
    return asked


def open_answer(sealed: bytes) -> Enrolled:
    """The answer, if the key in it signed it: whose key that is, its fingerprint tells. Raises as `open_request`."""
    answer = _decode(body_of(sealed), Enrolled)
    unseal(sealed, parse_public(answer.central.encode(), "central"))
    return answer


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadPayload(str(error)) from None


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:1]


def token_signed(application: Application) -> bool:
    """Whether the request was signed by the token that it names."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(application.token))
    try:
        key.verify(base64.b64decode(application.signature), _CONTEXT + application.request.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
