"""Keys in files: the private one made once and for its owner only, and files that are whole or not there.

Ed25519 signs what travels; EC P-256 is for TLS, where every broker and every proxy knows it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


class BadKey(ValueError):
    """A key file that can not be used; the message names the file."""


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """The private key in that PEM file, made if there is none; the public key goes beside it as `.pub`."""
    if not path.exists():
        write_once(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
    key = _load_private(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path}: not an Ed25519 key")
    public = path.with_suffix(".pub")
    if not public.exists():
        write_once(public, public_pem(key.public_key()), 0o644)
    return key


def load_or_make_tls(path: Path) -> ec.EllipticCurvePrivateKey:
    """The TLS key in that PEM file, made if there is none."""
    if not path.exists():
        write_once(path, _private_pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
    key = _load_private(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadKey(f"{path}: not an EC key")
    return key


def load_or_make_sealing(path: Path) -> X25519PrivateKey:
    """The key in that PEM file that opens what was sealed for us, made if there is none."""
    if not path.exists():
        write_once(path, _private_pem(X25519PrivateKey.generate()), 0o600)
    key = _load_private(path)
    if not isinstance(key, X25519PrivateKey):
        raise BadKey(f"{path}: not an X25519 key")
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Raises `FileNotFoundError` when the file is not there (yet), `BadKey` when it holds no such key."""
    return parse_public(path.read_bytes(), str(path))


def parse_public(data: bytes, source: str) -> Ed25519PublicKey:
    """The public key in that PEM; `source` names it in the error. Raises `BadKey`."""
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"{source}: not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{source}: not an Ed25519 key")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, also across a power cut, in place of what was there."""
    draft = _draft(path, data, mode)
    draft.replace(path)
    sync_folder(path.parent)


def write_once(path: Path, data: bytes, mode: int) -> None:
    """The same, unless the file is there: of two processes that start at the same time, both go on with one key."""
    draft = _draft(path, data, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in the folder stay across a power cut from now on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, data: bytes, mode: int) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.fchmod(descriptor, mode)  # whatever the umask is: a public key is there to be handed over
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _private_pem(key: Ed25519PrivateKey | X25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_private(path: Path) -> object:
    data = path.read_bytes()
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(f"{path}: not a private key in PEM") from None
