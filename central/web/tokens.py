"""Programs that may use the API: who has a token, for what, and new ones."""

from __future__ import annotations

import re
from typing import ClassVar

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import access
from ..access import Scope
from ..languages import N_, _
from ..refusal import Refusal
from .office import Office
from .words import said

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
SCOPES = {
    Scope.RECORDS: N_("membaca presensi"), Scope.GATEWAYS: N_("membaca keadaan gateway"),
    Scope.DAYS: N_("membaca hari yang sudah dinilai"),
    Scope.EMPLOYEES: N_("membaca daftar pegawai, tanpa NIP"), Scope.NIP: N_("membaca NIP, bersama daftar pegawai"),
}  # fmt: skip


class BadToken(Refusal):
    """A token that can not be made."""

    texts: ClassVar = {
        "token-name": "small letters, digits and hyphens only, such as sinergi",
        "token-scope": "it must be allowed something",
        "token-taken": "{name} has a token already",
    }


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(scope_names=SCOPES)

    @app.get("/tokens", endpoint="tokens")
    def every() -> str:
        return render_template("tokens.html", found=access.programs(office.database), usual=access.USUAL_SCOPES)

    @app.post("/tokens")
    def token_add() -> str | Response:
        name = request.form.get("name", "").strip()
        scopes = [scope for scope in Scope if scope in request.form.getlist("scope")]
        try:
            _check(office, name, scopes)
        except BadToken as error:
            flash(said(error), "error")
            return redirect(url_for("tokens"))
        made = access.add_token(office.database, name, current_user.id, office.clock(), scopes)
        return render_template("token.html", name=name, token=made, scopes=scopes)

    @app.post("/tokens/remove")
    def token_remove() -> Response:
        name = request.form.get("name", "").replace("\0", "")
        if not access.remove_token(office.database, name, current_user.id, office.clock()):
            abort(404)
        flash(_("Token {name} tidak berlaku lagi.").format(name=name))
        return redirect(url_for("tokens"))


def _check(office: Office, name: str, scopes: list[Scope]) -> None:
    """Raises `BadToken`."""
    if not NAME.fullmatch(name):
        raise BadToken("token-name")
    if not scopes:
        raise BadToken("token-scope")
    if request.form.get("replace") != "1" and name in {held.name for held, __ in access.programs(office.database)}:
        raise BadToken("token-taken", name=name)
