"""`POST /ussd`: the callback of the aggregator that runs the short code."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

import structlog
from flask import Flask, Response, request

from ..config import UssdSection
from ..core import Core

log = structlog.get_logger(__name__)

_NAME = 128  # characters of a session's name
_TYPED = 400


def add_ussd(app: Flask, core: Core, settings: UssdSection) -> None:
    """The callback, where a secret is set. It comes as `Authorization: Bearer …` or, where the aggregator can send no
    header, as `?key=…`, from one of the allowed networks. Form fields sessionId, phoneNumber, text.
    """
    if not settings.secret:
        return

    @app.post("/ussd")
    def ussd() -> Response:
        if not _allowed(settings):
            log.warning("ussd callback refused", address=request.remote_addr)
            return _plain("END Not allowed", 403)
        name, phone = request.form.get("sessionId", ""), request.form.get("phoneNumber", "")
        typed = request.form.get("text", "")
        if not name or not phone or len(name) > _NAME or len(typed) > _TYPED:
            return _plain("END sessionId and phoneNumber are needed; text is at most 400 characters", 400)
        return _plain(core.ussd.answer(name, phone, typed))


def _allowed(settings: UssdSection) -> bool:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    given = bearer or request.args.get("key", "")
    known = hmac.compare_digest(given.encode(), settings.secret.encode())
    address = ip_address(request.remote_addr or "0.0.0.0")
    return known and any(address in network for network in settings.networks)


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/plain")
