"""Logging in and out."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import Flask, flash, redirect, render_template, request, session, url_for
from flask_limiter import Limiter, RouteLimit
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from .. import access, audit, second_factor, sessions, users
from ..database import micros, moment
from ..languages import N_, _
from .office import Office, Person

log = structlog.get_logger(__name__)

ATTEMPTS = "10 per minute"  # from one address
GUESSES = "10 per 15 minutes"  # wrong ones at one account, from wherever
LONGEST_CODE = 100
HALF_LASTS = timedelta(minutes=5)  # between password and code


class LoginForm(FlaskForm):  # type: ignore[misc]
    name = StringField(N_("Nama pengguna"), validators=[InputRequired(N_("Isi nama pengguna"))])
    password = PasswordField(N_("Kata sandi"), validators=[InputRequired(N_("Isi kata sandi"))])


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField(N_("Kode"), validators=[InputRequired(N_("Isi kodenya"))])


def register(app: Flask, office: Office, limiter: Limiter) -> None:
    from_one_address = limiter.limit(ATTEMPTS, methods=["POST"])
    at_one_account = limiter.shared_limit(
        GUESSES,
        scope="guesses",
        methods=["POST"],
        key_func=lambda: _claimed(office),
        deduct_when=lambda response: response.status_code == 401,
    )
    _register_login(app, office, from_one_address, at_one_account)
    _register_code(app, office, from_one_address, at_one_account)

    @app.post("/logout")
    def log_out() -> Response:
        sessions.end(office.database, current_user.id, current_user.session.id)
        logout_user()
        flash(_("Anda sudah keluar"))
        return redirect(url_for("log_in"))


def _register_login(app: Flask, office: Office, from_one_address: RouteLimit, at_one_account: RouteLimit) -> None:
    @app.route("/login", methods=["GET", "POST"])
    @from_one_address
    @at_one_account
    def log_in() -> str | Response | tuple[str, int]:
        form = LoginForm()
        if not form.validate_on_submit():
            return render_template("login.html", form=form)
        name = form.name.data
        if not access.password_fits(office.database, name, form.password.data):
            log.warning("wrong password", origin=request.remote_addr)
            form.password.errors = [N_("Nama pengguna atau kata sandi salah")]
            return render_template("login.html", form=form), 401
        if not second_factor.needed(office.database, name):
            return _begin(office, name)
        session.clear()
        mark = access.password_mark(office.database, name)
        session["half"] = {"name": name, "at": micros(office.clock()), "mark": mark}
        return redirect(url_for("log_in_code", next=request.args.get("next") or None))


def _register_code(app: Flask, office: Office, from_one_address: RouteLimit, at_one_account: RouteLimit) -> None:
    @app.route("/login/code", methods=["GET", "POST"])
    @from_one_address
    @at_one_account
    def log_in_code() -> str | Response | tuple[str, int]:
        name = _half(office)
        if name is None:
            return redirect(url_for("log_in", next=request.args.get("next") or None))
        form = CodeForm()
        if not form.validate_on_submit():
            return render_template("login_code.html", form=form)
        if not second_factor.fits(office.database, name, form.code.data[:LONGEST_CODE], office.clock()):
            log.warning("wrong code", origin=request.remote_addr)
            form.code.errors = [N_("Kode salah atau sudah dipakai")]
            return render_template("login_code.html", form=form), 401
        return _begin(office, name)


def _begin(office: Office, name: str) -> Response:
    now, origin = office.clock(), request.remote_addr or "?"
    session.clear()  # nothing that somebody else may have put there goes on
    session.permanent = True
    token = sessions.begin(office.database, name, origin, request.headers.get("User-Agent", ""), now)
    with office.database.transaction():
        audit.append(office.database, name, "logged-in", {"origin": origin}, now)
    user, begun = users.one(office.database, name), sessions.find(office.database, token, now)
    if user and begun:
        login_user(Person(user, begun, token))
    return redirect(inside(request.args.get("next", "")) or url_for("fleet"))


def _half(office: Office) -> str | None:
    """Who gave the password that is still the right one a moment ago, and owes the code."""
    half = session.get("half")
    if not half or office.clock() - moment(half["at"]) > HALF_LASTS:
        return None
    holds = half.get("mark") == access.password_mark(office.database, half["name"])
    return str(half["name"]) if holds else None


def _claimed(office: Office) -> str:
    """At whose account somebody tries: with a code, only at that of the password."""
    name = request.form.get("name") if request.endpoint == "log_in" else _half(office)
    return (name or "").casefold()[:100]


def inside(target: str) -> str | None:
    """The path to go on to, if it is one of this site: a login must not send anybody elsewhere."""
    inside = target.isprintable() and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside else None
