"""The keys of the SMS uplink, which a gateway and the collector both make of what they have already.

An Ed25519 key is a point on a curve that X25519 uses too, in other coordinates (RFC 7748, 4.1). So each side's own
private key and the other's public key give both the same secret (Diffie-Hellman), and nothing has to be handed out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .keys import BadKey

_PRIME = 2**255 - 19


@dataclass(frozen=True, slots=True)
class UplinkKeys:
    """One for each direction: nothing that goes up can pass as an answer."""

    up: bytes
    down: bytes


def uplink_keys(own: Ed25519PrivateKey, other: Ed25519PublicKey, gateway: str) -> UplinkKeys:
    """The same on both sides. Raises `BadKey` when the other's key is none that a key pair can have."""
    try:
        secret = _exchange_private(own).exchange(_exchange_public(other))
    except ValueError:
        raise BadKey("not a key that a secret can be agreed on with") from None
    derived = HKDF(SHA256(), length=64, salt=None, info=f"gardu/v1/uplink/{gateway}".encode()).derive(secret)
    return UplinkKeys(up=derived[:32], down=derived[32:])


def _exchange_private(key: Ed25519PrivateKey) -> X25519PrivateKey:
    """RFC 8032, 5.1.5: the scalar of an Ed25519 key is the first half of its seed's SHA-512."""
    return X25519PrivateKey.from_private_bytes(hashlib.sha512(key.private_bytes_raw()).digest()[:32])


def _exchange_public(key: Ed25519PublicKey) -> X25519PublicKey:
    y = int.from_bytes(key.public_bytes_raw(), "little") & (1 << 255) - 1
    u = (1 + y) * pow(1 - y, -1, _PRIME) % _PRIME
    return X25519PublicKey.from_public_bytes(u.to_bytes(32, "little"))
