"""`/api/v1`: records and gateways as JSON for programs with a bearer token. Errors are problems by RFC 9457."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request
from flask_wtf import CSRFProtect

from .. import access, queries
from ..queries import Entry, Gateway, Provisional, Wanted
from .office import Office

MOST = 1000


class Wrong(Exception):
    """A parameter that can not be used; the message says which, and what it must be."""


def register(app: Flask, office: Office, csrf: CSRFProtect) -> None:
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    csrf.exempt(api)  # no cookie lets anybody in here

    @api.get("/records")
    @_with_token(office)
    def records() -> Response:
        limit = _limit()
        return _page(queries.records(office.database, _wanted(), limit + 1), limit)

    @api.get("/provisional")
    @_with_token(office)
    def provisional() -> Response:
        """What is known by SMS alone. It goes from here when its final record comes among the others."""
        limit = _limit()
        return _page(queries.provisional(office.database, _wanted(), limit + 1), limit)

    @api.get("/gateways")
    @_with_token(office)
    def gateways() -> Response:
        found = queries.gateways(office.database, office.clock(), office.zone)
        return _json({"items": [_gateway(each) for each in found]})

    @api.errorhandler(Wrong)
    def wrong(error: Wrong) -> tuple[Response, int]:
        return problem(400, "A parameter can not be used", str(error))

    app.register_blueprint(api)


def asked() -> bool:
    """Whether the present request is one of a program."""
    return request.path.startswith("/api/") or request.path == "/enrol"


def problem(status: int, title: str, detail: str) -> tuple[Response, int]:
    body = msgspec.json.encode({"type": "about:blank", "status": status, "title": title, "detail": detail})
    return Response(body, mimetype="application/problem+json"), status


def _with_token(office: Office) -> Callable[[Callable[[], Response]], Callable[[], Any]]:
    def decorate(view: Callable[[], Response]) -> Callable[[], Any]:
        @wraps(view)
        def guarded() -> Any:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or access.token_name(office.database, token.strip()) is None:
                response, status = problem(401, "A token is needed", "send it as: Authorization: Bearer TOKEN")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response, status
            return view()

        return guarded

    return decorate


def _limit() -> int:
    return _whole("limit", 100, least=1, most=MOST)


def _wanted() -> Wanted:
    return Wanted(
        gateway=request.args.get("gateway", ""),
        start=_instant("since"),
        end=_instant("until"),
        after=_whole("cursor", 0, least=0, most=2**63 - 1),
    )


def _page(found: Sequence[Entry | Provisional], limit: int) -> Response:
    """Up to `limit` of what was found, and where to read on if there was more."""
    items = [queries.as_json(entry) for entry in found[:limit]]
    return _json({"items": items, "next": str(items[-1]["id"]) if len(found) > limit else None})


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), mimetype="application/json")


def _gateway(gateway: Gateway) -> dict[str, Any]:
    return {
        "id": gateway.id,
        "state": gateway.condition.state,
        "reason": gateway.condition.reason,
        "remedy": gateway.condition.remedy,
        "online": gateway.online,
        "seen": gateway.seen,
        "held": gateway.held,
        "waiting": gateway.waiting,
        "today": gateway.today,
        "provisional": gateway.provisional,
        "by_sms": gateway.by_sms,
        "complete_by_sms": gateway.complete_by_sms,
        "status": gateway.status,
    }


def _whole(name: str, default: int, *, least: int, most: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not least <= int(text) <= most:
        raise Wrong(f"{name}: a whole number from {least} to {most}")
    return int(text)


def _instant(name: str) -> datetime | None:
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a + that was not escaped in the URL
    except ValueError:
        raise Wrong(f"{name}: a time such as 2026-11-24T00:21:05Z") from None
    if at.tzinfo is None:
        raise Wrong(f"{name}: a time with its offset, such as 2026-11-24T07:21:05+07:00")
    return at
