"""What went wrong: a page in words for people, a problem by RFC 9457 for programs."""

from __future__ import annotations

import structlog
from flask import Flask, Response, current_app
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from ..database import StorageError
from ..languages import N_, _
from . import api

log = structlog.get_logger(__name__)

WORDS = {
    400: (N_("Permintaan tidak jelas"), N_("Peramban mengirim sesuatu yang tidak bisa dibaca.")),
    403: (
        N_("Tidak boleh"),
        N_("Peran Anda tidak mencakup halaman ini. Minta kepada bagian TI bila Anda memerlukannya."),
    ),
    404: (N_("Tidak ada"), N_("Halaman ini tidak ada.")),
    405: (N_("Tidak ada"), N_("Halaman ini tidak bisa dibuka dengan cara itu.")),
    413: (N_("Terlalu besar"), N_("Kiriman ini terlalu besar.")),
    429: (N_("Tunggu sebentar"), N_("Terlalu banyak percobaan masuk. Tunggu beberapa menit, lalu coba lagi.")),
    500: (
        N_("Ada kesalahan"),
        N_("Kesalahan ini sudah dicatat di log pusat. Tidak ada data yang hilang; coba lagi nanti."),
    ),
    503: (
        N_("Basis data"),
        N_("Basis data tidak bisa dijangkau. Tidak ada data yang hilang: gateway menyimpannya sampai pulih."),
    ),
}
STALE = (N_("Muat ulang"), N_("Halaman ini sudah kedaluwarsa. Muat ulang, lalu coba sekali lagi."))


def register(app: Flask) -> None:
    @app.errorhandler(StorageError)
    def storage(error: StorageError) -> tuple[str | Response, int]:
        log.warning("database can not be reached", problem=str(error))  # it may name hosts and logins: here only
        if api.asked():
            return api.problem(503, "The database can not be reached", "try again in a minute")
        return _page(*WORDS[503]), 503

    @app.errorhandler(CSRFError)
    def stale(_error: CSRFError) -> tuple[str, int]:
        return _page(*STALE), 400

    @app.errorhandler(HTTPException)
    def other(error: HTTPException) -> tuple[str | Response, int]:
        """Also any defect: Flask has logged it by then, and makes it a 500 that says nothing of it."""
        code = error.code or 500
        if api.asked():
            response, code = api.problem(code, error.name, error.description or "")
            response.headers.update(_more_than_content(error))
            return response, code
        return _page(*WORDS.get(code, WORDS[500])), code


def _more_than_content(error: HTTPException) -> dict[str, str]:
    """Such as Allow of a 405."""
    return {name: value for name, value in error.get_headers() if name.lower() != "content-type"}


def _page(title: str, text: str) -> str:
    """Without asking who is logged in: that would need the database, which may be what is wrong."""
    page = current_app.jinja_env.get_template("error.html")
    return page.render(title=_(title), text=_(text), current_user=AnonymousUserMixin())
