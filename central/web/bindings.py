"""Numbers that ask to be bound: one page, and what is decided on it."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug import Response

from .. import bindings
from ..bindings import CanNotBind
from .office import Office
from .rights import visible


def register(app: Flask, office: Office) -> None:
    @app.get("/numbers")
    def numbers() -> str:
        return render_template("numbers.html", requests=_waiting(office))

    @app.post("/numbers/<int:record>/approve")
    def approve_number(record: int) -> Response:
        return _decided(office, record, approved=True)

    @app.post("/numbers/<int:record>/reject")
    def reject_number(record: int) -> Response:
        return _decided(office, record, approved=False)


def _waiting(office: Office) -> list[bindings.Request]:
    """Of whose employees whoever is logged in decides: where nobody has the NIP, of the gateway that was asked."""
    found = bindings.waiting(office.database, office.sealing_key)
    return [request for request in found if visible(request.office or request.gateway)]


def _decided(office: Office, record: int, *, approved: bool) -> Response:
    if current_user.scope is not None and record not in {request.record for request in _waiting(office)}:
        abort(404)
    decide = bindings.approve if approved else bindings.reject
    try:
        request = decide(office.database, office.sealing_key, record, current_user.id, office.clock())
    except CanNotBind as error:
        flash(str(error), "warning")
    else:
        office.refresh()
        flash(f"{request.name} kini memakai nomor baru" if approved else "Permintaan ditolak")
    return redirect(url_for("numbers"))
