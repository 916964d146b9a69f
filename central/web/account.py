"""One's own account: password, code from a phone, and where one is logged in."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, render_template, request, session, url_for
from flask_limiter import Limiter, RouteLimit
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import access, qr, second_factor, sessions, users
from ..languages import _, ngettext
from .office import Office

SHORTEST = access.SHORTEST_PASSWORD
LONGEST_CODE = 100  # signs; a recovery code has 19
GUESSES = "10 per 15 minutes"  # of the present password, which whoever finds a screen unlocked does not know


def register(app: Flask, office: Office, limiter: Limiter) -> None:
    carefully = limiter.shared_limit(GUESSES, scope="own", methods=["POST"], key_func=lambda: str(current_user.id))
    _register_password(app, office, carefully)
    _register_sessions(app, office)
    _register_second_factor(app, office, carefully)


def _register_password(app: Flask, office: Office, carefully: RouteLimit) -> None:
    @app.get("/account")
    def account() -> str:
        name, now = current_user.id, office.clock()
        return render_template(
            "account.html",
            sessions=sessions.of(office.database, name, now),
            second=second_factor.needed(office.database, name),
            left=second_factor.left(office.database, name),
            shortest=SHORTEST,
        )

    @app.post("/account/password")
    @carefully
    def account_password() -> Response:
        name, now = current_user.id, office.clock()
        wrong = _wrong_with(office)
        if wrong:
            return _back(wrong, wrong=True)
        users.reset_password(office.database, name, request.form["fresh"], name, now)
        flash(_("Kata sandi diganti. Masuklah dengan kata sandi yang baru."))
        return redirect(url_for("log_in"))


def _wrong_with(office: Office) -> str:
    """What keeps the form from being carried out."""
    fresh = request.form.get("fresh", "")
    if not access.password_fits(office.database, current_user.id, request.form.get("present", "")):
        return _("Kata sandi yang sekarang salah.")
    if fresh != request.form.get("again", ""):
        return _("Kata sandi baru tidak sama dengan ulangannya.")
    return _("Kata sandi paling sedikit {least} huruf.").format(least=SHORTEST) if len(fresh) < SHORTEST else ""


def _register_sessions(app: Flask, office: Office) -> None:
    @app.post("/account/sessions/<session_id>/end")
    def account_session_end(session_id: str) -> Response:
        if not sessions.end(office.database, current_user.id, session_id):
            abort(404)
        return _back(_("Sesi itu diakhiri."))

    @app.post("/account/sessions/end")
    def account_sessions_end() -> Response:
        ended = sessions.end_all(office.database, current_user.id, but=current_user.session.id)
        return _back(
            ngettext("{count} sesi lain diakhiri.", "{count} sesi lain diakhiri.", ended).format(count=ended)
        )


def _register_second_factor(app: Flask, office: Office, carefully: RouteLimit) -> None:
    @app.route("/account/second-factor", methods=["GET", "POST"])
    @carefully
    def account_second_factor() -> str | Response | tuple[str, int]:
        name = current_user.id
        if second_factor.needed(office.database, name):
            return _back(_("Kode dari ponsel sudah aktif."))
        secret = session.setdefault("totp", second_factor.new_secret())
        if request.method == "GET":
            return _setting_up(name, secret)
        code = request.form.get("code", "")[:LONGEST_CODE]
        codes = second_factor.enable(office.database, name, secret, code, office.clock())
        if codes is None:
            return _setting_up(name, secret, _("Kode itu tidak cocok. Periksa jam di ponsel Anda.")), 400
        session.pop("totp")
        return render_template("recovery_codes.html", codes=codes)

    @app.post("/account/second-factor/end")
    @carefully
    def account_second_factor_end() -> Response:
        name = current_user.id
        if not access.password_fits(office.database, name, request.form.get("present", "")):
            return _back(_("Kata sandi salah."), wrong=True)
        second_factor.disable(office.database, name, name, office.clock())
        return _back(_("Kode dari ponsel tidak diminta lagi."))


def _setting_up(name: str, secret: str, wrong: str = "") -> str:
    picture = qr.picture(second_factor.uri(name, secret))
    return render_template("second_factor.html", picture=picture, secret=secret, wrong=wrong)


def _back(said: str, *, wrong: bool = False) -> Response:
    flash(said, "error" if wrong else "message")
    return redirect(url_for("account"))
