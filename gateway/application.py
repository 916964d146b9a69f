"""Brings a request with a token to central over HTTP, and the answer back."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

import msgspec

from mqtt_bridge.enrolment import Admission, Application, Token

from .enrolment import NotEnrolled

PATIENCE = 60.0
LARGEST = 100_000


class _Problem(msgspec.Struct):
    """A problem by RFC 9457."""

    title: str = ""
    detail: str = ""


def apply(url: str, token: Token, request: bytes) -> bytes:
    """Central's sealed answer, unverified. Raises `NotEnrolled`: one line that says what to do."""
    if not url.startswith(("http://", "https://")):
        raise NotEnrolled(f"{url}: central's address begins with http:// or https://")
    body = msgspec.json.encode(
        Application(token=token.public, request=request.decode(), signature=token.sign(request))
    )
    post = urllib.request.Request(f"{url.rstrip('/')}/enrol", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(post, timeout=PATIENCE, context=_unverified()) as response:
            said = response.read(LARGEST)
        return msgspec.json.decode(said, type=Admission).answer.encode()
    except urllib.error.HTTPError as error:
        raise NotEnrolled(_explained(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotEnrolled(f"{url} can not be reached, or is not central: {reason}") from None


def _unverified() -> ssl.SSLContext:
    """The token proves both ends, and nothing secret travels: whoever sits in between gets nowhere, TLS or not. The
    authority of central's own certificate is not known here before the answer is.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _explained(error: urllib.error.HTTPError) -> str:
    try:
        problem = msgspec.json.decode(error.read(LARGEST), type=_Problem)
    except (OSError, ValueError):
        problem = _Problem()
    return ": ".join(each for each in (problem.title or f"central answered {error.code}", problem.detail) if each)
