"""Sealing a short text for one reader (HPKE, RFC 9180): whoever sealed it can not open it again."""

from __future__ import annotations

from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"gardu/v1/sealed"


class NotForUs(ValueError):
    """What was sealed for another, or is no sealed text."""


def public_text(key: X25519PrivateKey) -> str:
    """The public key in base64, as the sealing side needs it."""
    return b64encode(key.public_key().public_bytes_raw()).decode()


def seal_for(reader: str, text: str) -> str:
    """The text for the owner of that public key, in base64."""
    key = X25519PublicKey.from_public_bytes(b64decode(reader))
    return b64encode(_SUITE.encrypt(text.encode(), key, info=_INFO)).decode()


def unseal_with(key: X25519PrivateKey, sealed: str) -> str:
    """The text again. Raises `NotForUs`."""
    try:
        return _SUITE.decrypt(b64decode(sealed, validate=True), key, info=_INFO).decode()
    except (ValueError, InvalidTag) as error:
        raise NotForUs("not sealed for this key") from error
