"""Which language pages are in: what the account says, else the browser's cookie, else what the browser asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request, session
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from mqtt_bridge.records import Language

from .. import users
from ..database import StorageError
from ..languages import _, ngettext, pgettext, read_in, reader, reading
from .office import Office
from .session import inside

COOKIE = "language"
LASTS = 365 * 24 * 3600
NAMES = {Language.INDONESIAN: "Bahasa Indonesia", Language.ENGLISH: "English"}


def register(app: Flask, office: Office) -> None:
    """Before whatever may refuse a request: refusals are read too."""
    env = app.jinja_env
    env.add_extension("jinja2.ext.i18n")
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(_, ngettext, newstyle=True, pgettext=pgettext)  # type: ignore[attr-defined]
    env.globals.update(reader=reader, languages=NAMES, official=_official)
    env.filters.update(word=word, worded=_)
    app.before_request(_choose)

    @app.post("/language")
    def language() -> Redirect:
        wanted = _known(request.form.get("language")) or abort(400)
        if current_user.is_authenticated:
            users.set_language(office.database, current_user.id, wanted)
        response = redirect(_back(request.referrer or ""))
        _keep(app, response, wanted)
        return response


def word(code: str, table: Mapping[str, str]) -> str:
    """What a table calls it; a code that a newer version made stands for itself."""
    return _(table[code]) if code in table else code


def _official(caller: Callable[[], str]) -> str:
    """What stays Indonesian, whoever reads it."""
    with reading(Language.INDONESIAN):
        return caller()


def _choose() -> None:
    asked = request.accept_languages.best_match([*Language])
    read_in(_known(request.cookies.get(COOKIE)) or _known(asked) or Language.INDONESIAN)
    if "_user_id" in session:
        try:
            read_in(getattr(current_user, "language", None) or reader())
        except StorageError:
            return  # whoever needs the database says so


def _back(origin: str) -> str:
    """The path of the page on which it was chosen, never of another site."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return "/"
    return inside(f"{parts.path}?{parts.query}" if parts.query else parts.path) or "/"


def _keep(app: Flask, response: Response | Redirect, language: Language) -> None:
    secure = app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(COOKIE, language, max_age=LASTS, httponly=True, samesite="Lax", secure=secure)


def _known(text: str | None) -> Language | None:
    return Language(text) if text in set(Language) else None
