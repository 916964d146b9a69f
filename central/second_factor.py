"""A code from somebody's phone beside their password (TOTP, RFC 6238), and codes for when that phone is gone.

The only file of central that imports pyotp.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp

from . import audit
from .database import Database

SECONDS = 30
CODES = 8
ISSUER = "Gardu"


def new_secret() -> str:
    return pyotp.random_base32()


def uri(name: str, secret: str) -> str:
    """What the phone's app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def enable(database: Database, name: str, secret: str, code: str, now: datetime) -> list[str] | None:
    """From now on needed, if the code shows that the phone has it; the recovery codes, to be shown this once."""
    step = _step(secret, code, now)
    if step is None:
        return None
    made = [_recovery_code() for _ in range(CODES)]
    with database.transaction():
        database.run("UPDATE person SET totp = ?, totp_step = ? WHERE name = ?", secret, step, name)
        database.run("DELETE FROM recovery_code WHERE person = ?", name)
        database.insert_all("recovery_code", ("person", "digest"), [(name, _digest(each)) for each in made])
        audit.append(database, name, "second-factor-enabled", {"name": name}, now)
    return made


def disable(database: Database, name: str, who: str, now: datetime) -> None:
    with database.transaction():
        database.run("UPDATE person SET totp = NULL, totp_step = NULL WHERE name = ?", name)
        database.run("DELETE FROM recovery_code WHERE person = ?", name)
        audit.append(database, who, "second-factor-disabled", {"name": name}, now)


def needed(database: Database, name: str) -> bool:
    return database.value("SELECT totp FROM person WHERE name = ?", name) is not None


def left(database: Database, name: str) -> int:
    """How many recovery codes are left."""
    return int(database.value("SELECT COUNT(*) FROM recovery_code WHERE person = ?", name))


def fits(database: Database, name: str, code: str, now: datetime) -> bool:
    """Each code once: one that somebody looked at over a shoulder is worth nothing."""
    secret = database.value("SELECT totp FROM person WHERE name = ?", name)
    if secret is None:
        return False
    step = _step(str(secret), code, now)
    if step is not None:
        fresh = database.run("UPDATE person SET totp_step = ? WHERE name = ? AND totp_step < ?", step, name, step)
        return fresh > 0
    return database.run("DELETE FROM recovery_code WHERE person = ? AND digest = ?", name, _digest(code)) > 0


def _step(secret: str, code: str, now: datetime) -> int | None:
    """Which step the code is of: the present one, or one beside it, as phones' clocks are."""
    digits = "".join(code.split())
    if not digits.isascii() or not digits.isdigit():
        return None
    present = int(now.timestamp()) // SECONDS
    totp = pyotp.TOTP(secret)
    fitting = [
        step for step in (present - 1, present, present + 1) if hmac.compare_digest(totp.generate_otp(step), digits)
    ]
    return fitting[0] if fitting else None


def _recovery_code() -> str:
    """80 bits, as people can type them: `ABCD-EFGH-…`."""
    text = base64.b32encode(secrets.token_bytes(10)).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _digest(code: str) -> str:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
