"""Numbers that ask to be bound: one page, and what is decided on it."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, url_for
from flask_login import current_user, login_required
from werkzeug import Response

from .. import bindings
from ..bindings import CanNotBind
from .office import Office


def register(app: Flask, office: Office) -> None:
    @app.get("/numbers")
    @login_required  # type: ignore[untyped-decorator]
    def numbers() -> str:
        return render_template("numbers.html", requests=bindings.waiting(office.database, office.sealing_key))

    @app.post("/numbers/<int:record>/approve")
    @login_required  # type: ignore[untyped-decorator]
    def approve_number(record: int) -> Response:
        return _decided(office, record, approved=True)

    @app.post("/numbers/<int:record>/reject")
    @login_required  # type: ignore[untyped-decorator]
    def reject_number(record: int) -> Response:
        return _decided(office, record, approved=False)


def _decided(office: Office, record: int, *, approved: bool) -> Response:
    decide = bindings.approve if approved else bindings.reject
    try:
        request = decide(office.database, office.sealing_key, record, current_user.id, office.clock())
    except CanNotBind as error:
        flash(str(error), "warning")
    else:
        office.refresh()
        flash(f"{request.name} kini memakai nomor baru" if approved else "Permintaan ditolak")
    return redirect(url_for("numbers"))
