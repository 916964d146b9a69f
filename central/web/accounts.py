"""Everybody's accounts, for those with the role it."""

from __future__ import annotations

import secrets

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import second_factor, sessions, users
from ..languages import N_, _
from ..roles import Role
from ..users import BadUser, User
from .office import Office
from .rights import gateways
from .words import said

ROLES = {
    Role.IT: N_("TI"),
    Role.PERSONNEL: N_("Kepegawaian"),
    Role.OPD_ADMIN: N_("Admin OPD"),
    Role.VIEWER: N_("Pembaca"),
}
ABOUT = {
    Role.IT: N_("gateway, program lain, akun, dan catatan perubahan"),
    Role.PERSONNEL: N_("kehadiran semua pegawai, koreksi, dan daftar pegawai"),
    Role.OPD_ADMIN: N_("kehadiran dan nomor pegawai di gateway miliknya, tanpa memutuskan koreksi"),
    Role.VIEWER: N_("hanya melihat"),
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(role_names=ROLES, role_texts=ABOUT)
    _register_all(app, office)
    _register_one(app, office)
    _register_ends(app, office)


def _register_all(app: Flask, office: Office) -> None:
    @app.get("/accounts")
    def accounts() -> str:
        return render_template(
            "accounts.html", users=users.everyone(office.database), gateways=gateways(office.database)
        )

    @app.post("/accounts")
    def account_add() -> str | Response:
        name, password = request.form.get("name", "").strip(), secrets.token_urlsafe(12)
        try:
            users.add(office.database, name, password, *_rights(), current_user.id, office.clock())
        except BadUser as error:
            flash(said(error), "error")
            return redirect(url_for("accounts"))
        return render_template("account_password.html", name=name, password=password)


def _register_one(app: Flask, office: Office) -> None:
    """What is shown of an account, and what it may do."""

    @app.get("/accounts/<name>")
    def account_of(name: str) -> str:
        return render_template(
            "account_of.html",
            user=_user(office, name),
            gateways=gateways(office.database),
            sessions=sessions.of(office.database, name, office.clock()),
        )

    @app.post("/accounts/<name>/rights")
    def account_rights(name: str) -> Response:
        try:
            users.set_rights(office.database, name, *_rights(), current_user.id, office.clock())
            flash(_("Disimpan; yang bersangkutan harus masuk lagi."))
        except BadUser as error:
            flash(said(error), "error")
        return redirect(url_for("account_of", name=name))


def _register_ends(app: Flask, office: Office) -> None:
    """What somebody can not log in with any more."""

    @app.post("/accounts/<name>/reset")
    def account_reset(name: str) -> str | Response:
        """Another password, or no code from a phone any more: for whoever lost theirs."""
        _user(office, name)
        if request.form.get("what") == "second-factor":
            second_factor.disable(office.database, name, current_user.id, office.clock())
            flash(_("Kode dari ponsel tidak diminta lagi."))
            return redirect(url_for("account_of", name=name))
        password = secrets.token_urlsafe(12)
        users.reset_password(office.database, name, password, current_user.id, office.clock())
        return render_template("account_password.html", name=name, password=password)

    @app.post("/accounts/<name>/sessions/<session_id>/end")
    def account_of_session_end(name: str, session_id: str) -> Response:
        if not users.log_out(office.database, name, session_id, current_user.id, office.clock()):
            abort(404)
        flash(_("Sesi itu diakhiri."))
        return redirect(url_for("account_of", name=name))

    @app.post("/accounts/<name>/remove")
    def account_remove(name: str) -> Response:
        try:
            users.remove(office.database, name, current_user.id, office.clock())
            flash(_("Akun {name} dihapus.").format(name=name))
        except BadUser as error:
            flash(said(error), "error")
            return redirect(url_for("account_of", name=name))
        return redirect(url_for("accounts"))


def _user(office: Office, name: str) -> User:
    return users.one(office.database, name) or abort(404)


def _rights() -> tuple[set[Role], set[str]]:
    """Roles and gateways that a form names; what is no role is nothing."""
    roles = {Role(each) for each in request.form.getlist("role") if each in set(Role)}
    return roles, {each.replace("\0", "") for each in request.form.getlist("gateway") if each}
