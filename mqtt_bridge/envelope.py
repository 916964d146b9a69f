"""Signed payloads: JSON that anyone can read, a newline, the base64 Ed25519 signature of exactly those bytes.

The signature is checked over the bytes as they came, never over a second encoding of them. Pure.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from .records import encode

# Far above a full batch (about 200 kB); what is larger is refused before it is looked into.
SIZE_LIMIT = 1_000_000
SIGNATURE = 89  # bytes that `seal` adds: a newline and 64 in base64


class BadEnvelope(ValueError):
    """Bytes that are not signed as they must be; the message says why."""


def seal(payload: Struct, key: Ed25519PrivateKey) -> bytes:
    """The payload's JSON with its signature."""
    body = encode(payload)
    return body + b"\n" + base64.b64encode(key.sign(body))


def body_of(sealed: bytes) -> bytes:
    """The JSON inside, unverified. Raises `BadEnvelope`."""
    return _split(sealed)[0]


def unseal(sealed: bytes, key: Ed25519PublicKey) -> bytes:
    """The JSON inside, after its signature was found to be the key's. Raises `BadEnvelope`."""
    body, signature = _split(sealed)
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise BadEnvelope("the signature does not fit the payload and the signer's key") from None
    return body


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    if len(sealed) > SIZE_LIMIT:
        raise BadEnvelope(f"{len(sealed)} bytes are more than the {SIZE_LIMIT} allowed")
    body, newline, signature = sealed.rpartition(b"\n")
    if not newline:
        raise BadEnvelope("there is no signature behind the payload")
    try:
        raw = base64.b64decode(signature, validate=True)
    except binascii.Error:
        raise BadEnvelope("the signature is not base64") from None
    if base64.b64encode(raw) != signature:  # spare bits that nothing signs: one signature has one form
        raise BadEnvelope("the signature is not in the one form of base64")
    return body, raw
