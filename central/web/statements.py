"""What employees said by SMS and somebody has to answer, of all days in one list."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import statements
from ..corrections import NotAllowed
from ..languages import _
from .corrections import LARGEST
from .office import Office


def register(app: Flask, office: Office) -> None:
    @app.get("/statements")
    def statements_waiting() -> str:
        return render_template(
            "attendance/statements.html", waiting=statements.waiting(office.database, current_user.scope)
        )

    @app.post(f"/disputes/<int(max={LARGEST}):record>")
    def dispute_close(record: int) -> Response:
        accepted, reason = request.form.get("accepted") == "1", request.form.get("reason", "")
        try:
            statements.close(
                office.database, record, current_user.id, office.clock(), accepted=accepted, reason=reason
            )
            flash(_("Sanggahan diterima.") if accepted else _("Sanggahan ditolak."))
        except NotAllowed as error:
            flash(str(error), "error")
        return redirect(url_for("statements_waiting"))
