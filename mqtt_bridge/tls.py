"""TLS on the link: the files it takes, and what its errors mean."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from .trouble import Problem, Trouble

# X509_V_ERR_… of OpenSSL, as `ssl.SSLCertVerificationError.verify_code` gives them.
_THEIRS = {
    9: Trouble.THEIRS_EARLY,
    10: Trouble.THEIRS_EXPIRED,
    18: Trouble.THEIRS_FOREIGN,
    19: Trouble.THEIRS_FOREIGN,
    20: Trouble.THEIRS_FOREIGN,
    21: Trouble.THEIRS_FOREIGN,
    62: Trouble.THEIRS_NAME,
    64: Trouble.THEIRS_NAME,
}
# What the other end says (RFC 8446, 6.2) by the names that OpenSSL has for it.
_OURS = {
    "CERTIFICATE_EXPIRED": Trouble.OURS_EXPIRED,
    "CERTIFICATE_REVOKED": Trouble.OURS_REVOKED,
    "UNKNOWN_CA": Trouble.OURS_FOREIGN,
    "BAD_CERTIFICATE": Trouble.OURS_REFUSED,
    "CERTIFICATE_REQUIRED": Trouble.OURS_REFUSED,
    "CERTIFICATE_UNKNOWN": Trouble.OURS_REFUSED,
    "UNSUPPORTED_CERTIFICATE": Trouble.OURS_REFUSED,
    "ACCESS_DENIED": Trouble.OURS_REFUSED,
}
# These say all there is to say; with others, the library's own words help.
_PLAIN = frozenset(
    {Trouble.OURS_EXPIRED, Trouble.OURS_EARLY, Trouble.OURS_REVOKED, Trouble.OURS_FOREIGN, Trouble.THEIRS_EXPIRED}
)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM: the authority that the broker's certificate must come from, our certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


class BadFiles(OSError):
    """A file of `Tls` that can not be used; the message names it."""


def context() -> ssl.SSLContext:
    """TLS 1.3, and the broker must show a certificate for the name by which we know it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    return made


def load(made: ssl.SSLContext, tls: Tls) -> None:
    """Take the files as they are now. Raises `BadFiles`."""
    try:
        made.load_verify_locations(tls.ca)
    except OSError as error:
        raise BadFiles(f"{tls.ca}: {error.strerror or error}") from None
    try:
        made.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise BadFiles(f"{tls.certificate} with {tls.key}: {error.strerror or error}") from None


def last_word(sock: object) -> ssl.SSLError | None:
    """What the other end said before it hung up: when writing failed, it still waits to be read."""
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.recv(1)
    except (ssl.SSLWantReadError, ssl.SSLEOFError):
        return None
    except ssl.SSLError as said:
        return said
    except OSError:
        return None
    return None


def explained(error: BaseException | None, tls: Tls, now: datetime) -> Problem | None:
    """What an error of the connection means; None when it is nothing about TLS."""
    if isinstance(error, BadFiles):
        return Problem(Trouble.FILES, str(error))
    if not isinstance(error, ssl.SSLError):
        return None
    trouble = _trouble(error)
    if trouble is Trouble.OURS_REFUSED and _valid_from(tls.certificate) > now:
        trouble = Trouble.OURS_EARLY  # TLS has no word for it
    return Problem(trouble, "" if trouble in _PLAIN else _words(error))


def _trouble(error: ssl.SSLError) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _THEIRS.get(error.verify_code, Trouble.THEIRS_REFUSED)
    name = error.reason or ""
    return next((trouble for end, trouble in _OURS.items() if name.endswith(end)), Trouble.TLS)


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).lower().replace("_", " ")


def _valid_from(path: Path) -> datetime:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_before_utc
    except (OSError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
