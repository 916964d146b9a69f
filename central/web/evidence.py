"""The proof of one check-in, on a page that can be printed, and as a file that others check without us."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask, Response, abort, render_template
from flask_login import current_user

from .. import audit, proof
from ..exports import spoken_nip
from ..proof import Proof
from .office import Office

CHANNELS = {"sms": "SMS", "menu": "menu SMS", "ussd": "USSD", "call": "panggilan", "lan": "jaringan kantor"}
STYLE = "evidence.css"


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(channels=CHANNELS)

    @app.get("/evidence/<int:record>")
    def evidence(record: int) -> str:
        found = _found(office, record, "evidence-shown")
        return render_template("evidence.html", proof=found, nip="", checked=office.clock())

    @app.post("/evidence/<int:record>/reveal")
    def evidence_reveal(record: int) -> str:
        """The same with the whole NIP; who saw it stands in the audit."""
        found = _found(office, record, "evidence-shown")
        if found.employee:
            with office.database.transaction():
                audit.append(
                    office.database, current_user.id, "revealed", {"employee": found.employee.id}, office.clock()
                )
        return render_template("evidence.html", proof=found, nip=_nip(found), checked=office.clock())

    @app.get("/evidence/<int:record>/file")
    def evidence_file(record: int) -> Response:
        found = _found(office, record, "evidence-taken")
        response = Response(found.file(), mimetype="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
        return response


def standing_alone(office: Office, found: Proof, *, reveal: bool) -> str:
    """The page as one file with nothing beside it."""
    from .app import create_app

    app = create_app(office, secrets.token_hex())
    style = (Path(app.static_folder or "") / STYLE).read_text(encoding="utf-8")
    with app.test_request_context():
        return render_template(
            "evidence_alone.html",
            proof=found,
            nip=_nip(found) if reveal else "",
            checked=office.clock(),
            style=style,
        )


def _found(office: Office, record: int, event: str) -> Proof:
    if record >= 2**63:
        abort(404)
    found = proof.of(office.database, office.gateway_keys, record) or abort(404)
    proof.note(office.database, found, event, current_user.id, office.clock())
    return found


def _nip(found: Proof) -> str:
    return spoken_nip(found.employee.nip) if found.employee else ""
