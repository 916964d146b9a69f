"""The Flask application: pages for people who logged in, the API for programs with a token, health for machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import waitress
from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from .. import sessions, users
from . import (
    account,
    accounts,
    alerts,
    api,
    attendance,
    audit,
    bindings,
    commands,
    enrol,
    enrolments,
    errors,
    evidence,
    exports,
    gateways,
    health,
    language,
    pages,
    people,
    quarantine,
    readiness,
    rights,
    session,
    statements,
    tokens,
    webhooks,
)
from .office import Office, Person

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'self'"
)


API_PER_MINUTE = 600
# The rights first: they are kept before each request.
PAGES = (
    rights, pages, gateways, readiness, enrolments, quarantine, tokens, statements, bindings, attendance, accounts,
    webhooks, alerts, commands, people, exports, audit, evidence, health,
)  # fmt: skip


def create_app(
    office: Office,
    secret: str,
    *,
    secure_cookies: bool = False,
    api_per_minute: int = API_PER_MINUTE,
    proxies: int = 0,
) -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure_cookies,
        PERMANENT_SESSION_LIFETIME=sessions.LASTS,
        MAX_CONTENT_LENGTH=5_000_000,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.extensions["office"] = office
    language.register(app, office)
    csrf = CSRFProtect(app)
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=True)
    _log_in_by(app, office)
    for part in PAGES:
        part.register(app, office)
    for limited in (session, account):
        limited.register(app, office, limiter)
    api.register(app, office, csrf, limiter, api_per_minute)
    enrol.register(app, office, csrf, limiter)
    errors.register(app)
    app.after_request(_secure)
    app.wsgi_app = WhiteNoise(app.wsgi_app, root=app.static_folder, prefix="static/", max_age=3600)  # type: ignore[method-assign]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


@contextmanager
def serve(listen: str, app: Flask) -> Iterator[None]:
    """The application at `host:port`, in a thread of its own. Raises `OSError` when the port is taken."""
    # Waitress would take away what a reverse proxy says; whether it is believed is for `create_app`.
    server: Any = waitress.create_server(
        app, listen=listen, threads=8, ident="gardu", clear_untrusted_proxy_headers=False
    )
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Its workers first: they would write into the number of a pipe that by then may be the database's file.
        server.task_dispatcher.shutdown()
        server.close()


def _log_in_by(app: Flask, office: Office) -> None:
    manager = LoginManager(app)
    manager.login_view = "log_in"
    manager.login_message = ""

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(token: str) -> Person | None:
        session = sessions.find(office.database, token, office.clock())
        user = users.one(office.database, session.person) if session else None
        return Person(user, session, token) if user and session else None


def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
