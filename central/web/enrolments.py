"""Gateways are let in and out: tokens with which they enrol, and revocation."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import enrolments, qr
from ..enrolments import BadEnrolment, Enrolment
from ..languages import N_, _
from ..registrar import Declined, Registrar
from .office import Office
from .words import said

DAYS = 7  # that a token is good unless somebody wants it otherwise
MOST_DAYS = 365
LATEST = 20  # attempts that are shown
OUTCOMES = {
    "enrolled": N_("terdaftar"),
    "renewed": N_("diperpanjang"),
    "revoked": N_("dicabut"),
    "unreadable": N_("tidak terbaca"),
    "unknown token": N_("token tidak dikenal"),
    "used token": N_("token sudah dipakai"),
    "expired token": N_("token kedaluwarsa"),
    "token of another gateway": N_("token gateway lain"),
    "enrolled already": N_("sudah terdaftar"),
    "key refused": N_("kunci ditolak"),
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(outcomes=OUTCOMES)
    _register_all(app, office)
    _register_one(app, office)


def _register_all(app: Flask, office: Office) -> None:
    @app.get("/enrolments", endpoint="enrolments")
    def every() -> str:
        return render_template(
            "enrolments.html", found=enrolments.every(office.database, office.clock()), days=DAYS, most=MOST_DAYS
        )

    @app.post("/enrolments")
    def enrolment_add() -> str | Response:
        gateway, replace = request.form.get("gateway", "").strip(), request.form.get("replace") == "1"
        days = min(max(1, request.form.get("days", DAYS, type=int)), MOST_DAYS)
        try:
            token = enrolments.invite(
                office.database, _registrar(office), gateway, days, current_user.id, office.clock(), replace=replace
            )
        except BadEnrolment as error:
            flash(said(error), "error")
            return redirect(url_for("enrolments"))
        except Declined:
            message = _("{name} sudah terdaftar. Bila perangkatnya diganti, buat token pengganti di sini.")
            flash(message.format(name=gateway), "error")
            return redirect(url_for("enrolment_of", gateway=gateway))
        office.refresh()
        words = f"{office.enrolment_url or request.url_root.rstrip('/')} {token}"
        return render_template(
            "enrolment_token.html", gateway=gateway, words=words, picture=qr.picture(words), days=days
        )


def _register_one(app: Flask, office: Office) -> None:
    @app.get("/enrolments/<gateway>")
    def enrolment_of(gateway: str) -> str:
        found = _found(office, gateway)
        return render_template(
            "enrolment_of.html",
            each=found,
            attempts=enrolments.attempts(office.database, found.gateway, LATEST),
            days=DAYS,
            most=MOST_DAYS,
        )

    @app.route("/enrolments/<gateway>/revoke", methods=["GET", "POST"])
    def enrolment_revoke(gateway: str) -> str | Response:
        """Asked first: what it means is read before anything ends, and the name typed shows which one is meant."""
        found = _found(office, gateway)
        if request.method == "GET":
            return render_template("enrolment_revoke.html", each=found)
        try:
            if request.form.get("confirm", "").strip() != gateway:
                raise BadEnrolment("revoke-name", name=gateway)
            reason = request.form.get("reason", "")
            ended = enrolments.revoke(
                office.database, _registrar(office), gateway, reason, current_user.id, office.clock()
            )
        except BadEnrolment as error:
            flash(said(error), "error")
            return redirect(url_for("enrolment_revoke", gateway=gateway))
        message = _(
            "{name} dicabut, {count} sertifikat berakhir. Sekarang di server broker: systemctl restart mosquitto"
        )
        flash(message.format(name=gateway, count=ended))
        return redirect(url_for("enrolment_of", gateway=gateway))


def _registrar(office: Office) -> Registrar:
    return office.registrar or abort(503)  # a process without the authority's folder


def _found(office: Office, gateway: str) -> Enrolment:
    return enrolments.one(office.database, gateway.replace("\0", ""), office.clock()) or abort(404)
