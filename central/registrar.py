"""Who may speak for which gateway: tokens, enrolment, renewal, replacement and revocation, all of it on record.

A key counts from the moment at which it was enrolled until it is replaced or revoked, and is kept for good: what it
signed in that time can still be verified.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mqtt_bridge.enrolment import (
    HALF,
    Application,
    Enrol,
    Enrolled,
    Token,
    digest,
    fingerprint,
    open_request,
    token_signed,
)
from mqtt_bridge.envelope import BadEnvelope, seal, unseal
from mqtt_bridge.keys import BadKey, parse_public, public_pem, write_whole
from mqtt_bridge.records import BadPayload, Certificate, Renewal, decode

from . import fleet
from .authority import Authority, BadRequest, Issued, key_digest, key_of
from .database import Database, micros, moment
from .keys import GatewayKeys

log = structlog.get_logger(__name__)

CERTIFICATES_A_DAY = 10  # of one gateway: enough for any mishap, and few enough for any mischief
ANOTHER = "ask for another: gardu-central gateway add"
NEW_KEY = "Delete gateway.key on the gateway, and enrol again"
NOTES_KEPT = 10_000  # anybody who reaches the page can add to them


class Outcome(StrEnum):
    """How an attempt to enrol ended."""

    ENROLLED = "enrolled"
    RENEWED = "renewed"
    REVOKED = "revoked"
    UNREADABLE = "unreadable"
    UNKNOWN_TOKEN = "unknown token"
    USED_TOKEN = "used token"
    EXPIRED_TOKEN = "expired token"
    OTHER_GATEWAY = "token of another gateway"
    TAKEN = "enrolled already"
    BAD_KEY = "key refused"


class Declined(Exception):
    """An attempt that was refused; the message says why, and what to do."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Address:
    """Where gateways find the broker."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class _Invitation:
    gateway: str
    expires: datetime
    replaces: bool
    used: datetime | None
    serial: str | None


class Registrar:
    """Works in any process that has the authority's folder; several may work on one database. `revoked` is the file
    that the broker reads whom to refuse from.
    """

    def __init__(
        self,
        database: Database,
        keys: GatewayKeys,
        authority: Authority,
        key: Ed25519PrivateKey,
        broker: Address,
        revoked: Path,
    ) -> None:
        self._database = database
        self._keys = keys
        self._authority = authority
        self._key = key
        self._central = public_pem(key.public_key()).decode()
        self._broker = broker
        self._revoked = revoked

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self._authority.pem, self._central)

    def invite(self, gateway: str, life: timedelta, now: datetime, *, replace: bool = False) -> Token:
        """A token for that gateway, in place of an unused one. Raises `Declined` if it is enrolled already."""
        if self._keys.get(gateway) and not replace:
            raise Declined(
                Outcome.TAKEN, f"{gateway} is enrolled already; --replace lets other hardware take its place"
            )
        token = Token(secrets.token_bytes(HALF), self.fingerprint)
        row = (token.public, gateway, micros(now), micros(now + life), int(replace))
        with self._database.transaction():
            fleet.add(self._database, gateway, now)
            self._forget_tokens(gateway)
            self._database.insert_all(
                "enrolment_token", ("public", "gateway", "created", "expires", "replaces"), [row]
            )
        return token

    def enrol(self, application: Application, origin: str, now: datetime) -> bytes:
        """The sealed answer to a request with a token. Raises `Declined`. Either way it is on record."""
        sealed = application.request.encode()
        with self._noted(origin, now) as note:
            asked = note.asked = _opened(sealed)
            with self._database.transaction():
                certificate = self._certificate_by(application, asked, now)
            self.publish_revocations(now)
            return self._answer(asked, sealed, certificate)

    def sign(self, sealed: bytes, origin: str, now: datetime, *, replace: bool = False) -> bytes:
        """The sealed answer to a request that somebody who may vouch for it carried here. Raises `Declined`."""
        with self._noted(origin, now) as note:
            asked = note.asked = _opened(sealed)
            with self._database.transaction():
                fleet.add(self._database, asked.gateway, now)
                certificate = self._admit(asked, now, replace=replace).pem
            self.publish_revocations(now)
            return self._answer(asked, sealed, certificate)

    def admit(self, gateway: str, key: Ed25519PublicKey, now: datetime, *, replace: bool = False) -> None:
        """Take a public key that was handed over as it is, without a certificate. Raises `Declined`."""
        signer = key.public_bytes_raw().hex()
        with self._database.transaction():
            fleet.add(self._database, gateway, now)
            if self._present(gateway) != signer:
                self._take_key(gateway, signer, now, replace=replace)
        self.publish_revocations(now)

    def renew(self, gateway: str, sealed: bytes, now: datetime) -> Certificate | None:
        """The next certificate, if the gateway's present key asks for it; the same one if it asks again."""
        try:
            asked = self._renewal(gateway, sealed)
            mark = key_digest(key_of(asked.csr))
            with self._database.transaction():
                held = self._latest(gateway, mark)
                if held is None:
                    self._check_pace(gateway, now)
                    held = self._issue(gateway, asked.csr, now).pem
                    self._note(gateway, "mqtt", Outcome.RENEWED, "", now)
                    log.info("renewed", gateway=gateway)
        except (BadEnvelope, BadPayload, BadRequest) as error:
            log.warning("not renewed", gateway=gateway, problem=str(error))
            return None
        return Certificate(gateway=gateway, certificate=held)

    def revoke(self, gateway: str, reason: str, now: datetime, origin: str = "command line") -> int:
        """Nothing of that gateway counts from now on; returns how many certificates ended."""
        with self._database.transaction():
            self._forget_tokens(gateway)
            ended = self._end(gateway, reason, now)
            self._note(gateway, origin, Outcome.REVOKED, reason, now)
        self.publish_revocations(now)
        return ended

    def publish_revocations(self, now: datetime) -> None:
        """Write the list anew, for the broker to read. What is on it stays on it, whatever the database lost."""
        rows = self._database.rows("SELECT serial, revoked_at FROM certificate WHERE revoked_at IS NOT NULL")
        former = self._revoked.read_bytes() if self._revoked.exists() else None
        listed = {serial: moment(at) for serial, at in rows}
        write_whole(self._revoked, self._authority.revocations(listed, former, now), 0o644)

    # One enrolment

    def _invitation(self, application: Application) -> _Invitation:
        row = self._database.row(
            "SELECT gateway, expires, replaces, used, serial FROM enrolment_token WHERE public = ?", application.token
        )
        if row is None or not token_signed(application):
            raise Declined(Outcome.UNKNOWN_TOKEN, "this token is not known here; a newer one may have replaced it")
        gateway, expires, replaces, used, serial = row
        return _Invitation(
            gateway, moment(expires), bool(replaces), moment(used) if used is not None else None, serial
        )

    def _certificate_by(self, application: Application, asked: Enrol, now: datetime) -> str:
        invitation = self._invitation(application)
        if invitation.gateway != asked.gateway:
            raise Declined(Outcome.OTHER_GATEWAY, f"this token is for {invitation.gateway}, not for {asked.gateway}")
        if invitation.used:
            return self._same_again(invitation, asked)
        if now >= invitation.expires:
            raise Declined(
                Outcome.EXPIRED_TOKEN, f"this token was good until {invitation.expires:%Y-%m-%d %H:%M} UTC; {ANOTHER}"
            )
        issued = self._admit(asked, now, replace=invitation.replaces)
        self._database.run(
            "UPDATE enrolment_token SET used = ?, serial = ? WHERE public = ?",
            micros(now), issued.serial, application.token,
        )  # fmt: skip
        return issued.pem

    def _same_again(self, invitation: _Invitation, asked: Enrol) -> str:
        """Whoever used the token and did not hear the answer asks again with the same keys."""
        pem = self._database.value(
            "SELECT pem FROM certificate WHERE serial = ? AND key = ? AND revoked_at IS NULL",
            invitation.serial, key_digest(_key_of(asked)),
        )  # fmt: skip
        if pem is None or _signer(asked) != self._present(asked.gateway):
            raise Declined(
                Outcome.USED_TOKEN, f"this token was used at {invitation.used:%Y-%m-%d %H:%M} UTC; {ANOTHER}"
            )
        return str(pem)

    def _admit(self, asked: Enrol, now: datetime, *, replace: bool) -> Issued:
        """The keys count from now on, and those before do not."""
        _key_of(asked)
        self._take_key(asked.gateway, _signer(asked), now, replace=replace)
        return self._issue(asked.gateway, asked.csr, now)

    def _take_key(self, gateway: str, signer: str, now: datetime, *, replace: bool) -> None:
        self._check_signer(gateway, signer)
        present = self._present(gateway)
        if present is not None and present != signer and not replace:
            raise Declined(
                Outcome.TAKEN, f"{gateway} is enrolled already, with another key; other hardware needs --replace"
            )
        self._end(gateway, None, now)
        if present != signer:  # other hardware counts its starts from the beginning
            self._database.run(
                "UPDATE gateway SET starts = 0, session = 0, status = NULL, online = 0 WHERE id = ?", gateway
            )
        self._database.insert_all("gateway_key", ("gateway", "public", "since"), [(gateway, signer, micros(now))])

    def _check_signer(self, gateway: str, signer: str) -> None:
        rows = self._database.rows("SELECT gateway, reason FROM gateway_key WHERE public = ?", signer)
        others = sorted({other for other, _ in rows if other != gateway})
        if others:
            raise Declined(
                Outcome.BAD_KEY,
                f"this key is {others[0]}'s: was its card copied? {NEW_KEY}",
            )
        if any(reason is not None for _, reason in rows):
            raise Declined(Outcome.BAD_KEY, f"this key was revoked. {NEW_KEY}")

    def _renewal(self, gateway: str, sealed: bytes) -> Renewal:
        key = self._keys.get(gateway)
        if key is None:
            raise BadPayload(self._keys.ended(gateway) or "there is no key of this gateway")
        asked = decode(unseal(sealed, key))
        if not isinstance(asked, Renewal) or asked.gateway != gateway:
            raise BadPayload("not a request of this gateway")
        return asked

    def _check_pace(self, gateway: str, now: datetime) -> None:
        since = micros(now - timedelta(days=1))
        made = self._database.value(
            "SELECT COUNT(*) FROM certificate WHERE gateway = ? AND not_before > ?", gateway, since
        )
        if made >= CERTIFICATES_A_DAY:
            raise BadRequest(f"{made} certificates in a day are enough")

    def _forget_tokens(self, gateway: str) -> None:
        self._database.run("DELETE FROM enrolment_token WHERE gateway = ? AND used IS NULL", gateway)

    def _present(self, gateway: str) -> str | None:
        key = self._keys.get(gateway)
        return key.public_bytes_raw().hex() if key else None

    def _end(self, gateway: str, reason: str | None, now: datetime) -> int:
        """The present key and all certificates of the gateway end: replaced, if there is no reason."""
        handed_over = self._keys.handed_over(gateway)
        if handed_over and not self._database.row("SELECT 1 FROM gateway_key WHERE gateway = ?", gateway):
            row = (gateway, handed_over.public_bytes_raw().hex(), 0)  # it counted ever since it was handed over
            self._database.insert_all("gateway_key", ("gateway", "public", "since"), [row])
        self._database.run(
            "UPDATE gateway_key SET until = ?, reason = ? WHERE gateway = ? AND until IS NULL",
            micros(now), reason, gateway,
        )  # fmt: skip
        return self._database.run(
            "UPDATE certificate SET revoked_at = ?, reason = ? WHERE gateway = ? AND revoked_at IS NULL",
            micros(now), reason, gateway,
        )  # fmt: skip

    def _issue(self, gateway: str, csr: str, now: datetime) -> Issued:
        made = self._authority.for_gateway(gateway, csr, now)
        mark = key_digest(key_of(csr))
        row = (made.serial, gateway, mark, made.pem, micros(made.not_before), micros(made.not_after))
        self._database.insert_all(
            "certificate", ("serial", "gateway", "key", "pem", "not_before", "not_after"), [row]
        )
        return made

    def _latest(self, gateway: str, key: str) -> str | None:
        """The latest certificate of that key, if it was not revoked."""
        found = self._database.value(
            "SELECT pem FROM certificate WHERE gateway = ? AND key = ? AND revoked_at IS NULL"
            " ORDER BY not_after DESC LIMIT 1",
            gateway, key,
        )  # fmt: skip
        return str(found) if found is not None else None

    def _answer(self, asked: Enrol, sealed: bytes, certificate: str) -> bytes:
        answer = Enrolled(
            gateway=asked.gateway,
            request=digest(sealed),
            certificate=certificate,
            authority=self._authority.pem,
            central=self._central,
            broker_host=self._broker.host,
            broker_port=self._broker.port,
            tls=self._broker.tls,
        )
        return seal(answer, self._key)

    # On record

    @contextmanager
    def _noted(self, origin: str, now: datetime) -> Iterator[_Note]:
        note = _Note()
        try:
            yield note
        except Declined as error:
            self._note(note.gateway, origin, error.outcome, str(error), now)
            raise
        self._note(note.gateway, origin, Outcome.ENROLLED, "", now)

    def _note(self, gateway: str, origin: str, outcome: Outcome, detail: str, now: datetime) -> None:
        row = (micros(now), gateway, origin, outcome, detail[:200])
        self._database.insert_all("enrolment", ("at", "gateway", "origin", "outcome", "detail"), [row])
        self._database.run("DELETE FROM enrolment WHERE id <= (SELECT MAX(id) FROM enrolment) - ?", NOTES_KEPT)


@dataclass
class _Note:
    """What is known of an attempt while it goes on."""

    asked: Enrol | None = None

    @property
    def gateway(self) -> str:
        return self.asked.gateway if self.asked else "?"


def _opened(sealed: bytes) -> Enrol:
    try:
        return open_request(sealed)
    except (BadEnvelope, BadPayload, BadKey) as error:
        raise Declined(Outcome.UNREADABLE, f"the request can not be used: {error}") from None


def _signer(asked: Enrol) -> str:
    return parse_public(asked.signing_key.encode(), "signing_key").public_bytes_raw().hex()


def _key_of(asked: Enrol) -> ec.EllipticCurvePublicKey:
    try:
        return key_of(asked.csr)
    except BadRequest as error:
        raise Declined(Outcome.UNREADABLE, str(error)) from None
