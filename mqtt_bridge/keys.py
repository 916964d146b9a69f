"""Ed25519 keys in files: the private one made once and for its owner only, the public one beside it."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class BadKey(ValueError):
    """A key file that can not be used; the message names the file."""


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """The private key in that PEM file, made if there is none; the public key goes beside it as `.pub`."""
    if not path.exists():
        _write(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
    key = _load_private(path)
    public = path.with_suffix(".pub")
    if not public.exists():
        _write(public, public_pem(key.public_key()), 0o644)
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Raises `FileNotFoundError` when the file is not there (yet), `BadKey` when it holds no such key."""
    data = path.read_bytes()
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"{path}: not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path}: not an Ed25519 key")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_private(path: Path) -> Ed25519PrivateKey:
    data = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(f"{path}: not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path}: not an Ed25519 key")
    return key


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, also across a power cut: half a key would lock the gateway out for good."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.fchmod(descriptor, mode)  # whatever the umask is: a public key is there to be handed over
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
