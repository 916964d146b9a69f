"""A real mosquitto by the settings that `broker-config` writes, an authority, and certificates good and bad."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from central import mosquitto
from central.authority import Authority, Issued
from mqtt_bridge.client import Tls
from mqtt_bridge.keys import load_or_make_tls

from .waiting import eventually, free_ports, listens

YEAR = timedelta(days=365)


def now() -> datetime:
    return datetime.now(UTC)


def csr(key: ec.EllipticCurvePrivateKey, name: str = "anything") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder(subject_name=subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


class Hall:
    """One broker with its authority. Everybody's files lie in `folder`."""

    def __init__(self, folder: Path, *, made: datetime | None = None, name: str = "127.0.0.1") -> None:
        self.folder = folder
        self.authority = Authority(folder / "ca", now() - 3 * YEAR)
        (self.port,) = free_ports(1)
        self.revoked: dict[str, datetime] = {}
        mosquitto.write(folder / "broker", self.authority, [name], self.port, made or now())
        self._write_list()
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "mosquitto.log"

    def __enter__(self) -> Hall:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        settings = (self.folder / "broker" / "mosquitto.conf").read_text()
        # Another user could not read a test's folder; and all that is refused shall be in the log.
        own = self.folder / "mosquitto.conf"
        own.write_text(f"{settings}\nuser {getpass.getuser()}\nlog_type all\nlog_dest file {self.log}\n")
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        self._process = subprocess.Popen([str(program), "-c", str(own)], stderr=subprocess.DEVNULL)
        eventually(lambda: listens(self.port), what="mosquitto")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def reload(self) -> None:
        assert self._process
        before = self.said().count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        eventually(lambda: self.said().count("Reloading config") > before, what="mosquitto having reloaded")

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tls(self, name: str, *, authority: Authority | None = None, at: datetime | None = None) -> Tls:
        """The files of somebody to whom the authority gave a certificate at that time."""
        return self.issue(name, authority=authority, at=at)[0]

    def issue(
        self, name: str, *, authority: Authority | None = None, at: datetime | None = None
    ) -> tuple[Tls, Issued]:
        own = authority or self.authority
        key = self.folder / f"{name}.key"
        public = load_or_make_tls(key)
        made = own.for_gateway(name, csr(public), at or now())
        certificate = self.folder / f"{name}.crt"
        certificate.write_text(made.pem)
        return Tls(self.folder / "broker" / "ca.crt", certificate, key), made

    def revoke(self, *serials: str) -> None:
        self.revoked |= dict.fromkeys(serials, now())
        self._write_list()
        self.reload()

    def _write_list(self) -> None:
        path = self.folder / "broker" / mosquitto.REVOKED
        path.write_bytes(self.authority.revocations(self.revoked, None, now()))


def self_made(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate and its key by nobody but itself."""
    key = load_or_make_tls(folder / f"self-{name}.key")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(
        issuer_name=subject, subject_name=subject, public_key=key.public_key(), serial_number=7,
        not_valid_before=now() - YEAR, not_valid_after=now() + YEAR,
    ).sign(key, hashes.SHA256())  # fmt: skip
    path = folder / f"self-{name}.crt"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path, folder / f"self-{name}.key"
