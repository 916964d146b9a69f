"""Logging in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, flash, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_login import login_required, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from .. import access
from .office import Office, Person

ATTEMPTS = "10 per minute"


class LoginForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Nama pengguna", validators=[InputRequired("Isi nama pengguna")])
    password = PasswordField("Kata sandi", validators=[InputRequired("Isi kata sandi")])


def register(app: Flask, office: Office, limiter: Limiter) -> None:
    @app.route("/login", methods=["GET", "POST"])
    @limiter.limit(ATTEMPTS, methods=["POST"])
    def log_in() -> str | Response | tuple[str, int]:
        form = LoginForm()
        if not form.validate_on_submit():
            return render_template("login.html", form=form)
        if not access.password_fits(office.database, form.name.data, form.password.data):
            form.password.errors = ["Nama pengguna atau kata sandi salah"]
            return render_template("login.html", form=form), 401
        session.clear()  # nothing that somebody else may have put there goes on
        session.permanent = True
        login_user(Person(form.name.data))
        return redirect(_inside(request.args.get("next", "")) or url_for("fleet"))

    @app.post("/logout")
    @login_required  # type: ignore[untyped-decorator]
    def log_out() -> Response:
        logout_user()
        flash("Anda sudah keluar")
        return redirect(url_for("log_in"))


def _inside(target: str) -> str | None:
    """The path to go on to, if it is one of this site: a login must not send anybody elsewhere."""
    parts = urlsplit(target)
    inside = (
        target.isprintable() and target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    )
    return target if inside else None
