"""What people changed or looked at, as it stands in the audit; the latest first."""

from __future__ import annotations

from flask import Flask, render_template, request

from .. import audit as lines
from .office import Office

PAGE = 100
LARGEST = 2**63 - 1


def register(app: Flask, office: Office) -> None:
    @app.get("/audit/verify")
    def audit_verify() -> str:
        """Reads every line: asked for, never beside."""
        return render_template("audit_verify.html", verdict=lines.verify(office.database), now=office.clock())

    @app.get("/audit")
    def audit() -> str:
        before = min(max(1, request.args.get("before", LARGEST, type=int)), LARGEST)
        who = request.args.get("who", "").replace("\0", "").strip()
        found = lines.latest(office.database, PAGE + 1, before=before, who=who)
        return render_template("audit.html", lines=found[:PAGE], more=len(found) > PAGE, who=who)
