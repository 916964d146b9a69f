"""Files to take along: who took what stands in the audit before the first byte leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, render_template, request
from flask_login import current_user

from .. import audit, exports, queries
from ..exports import Format, Table
from ..languages import N_
from ..queries import Wanted
from .office import Office
from .pages import ACTIONS
from .rights import gateways
from .when import day_of, midnight, month_of

FORMATS = {Format.XLSX: "Excel (XLSX)", Format.EXCEL_CSV: N_("CSV untuk Excel"), Format.CSV: "CSV (RFC 4180)"}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(formats=FORMATS)

    @app.get("/exports", endpoint="exports")
    def choose() -> str:
        today = office.clock().astimezone(office.zone).date()
        return render_template(
            "exports.html", gateways=gateways(office.database), first=month_of("", today)[0], last=today
        )

    @app.post("/exports/records")
    def export_records() -> Response:
        today = office.clock().astimezone(office.zone).date()
        first = day_of(request.form.get("first", "")) or today
        last = max(day_of(request.form.get("last", "")) or today, first)
        wanted = Wanted(
            gateway=request.form.get("gateway", ""),
            start=midnight(first, office.zone),
            end=midnight(last + timedelta(days=1), office.zone),
            offices=current_user.scope,
        )
        table = exports.records(office.database, wanted, ACTIONS, full=_full())
        about = {"gateway": wanted.gateway, "first": f"{first}", "last": f"{last}"}
        about |= {"rows": str(queries.count(office.database, wanted))}
        return _file(office, table, f"presensi-{first}-{last}", about)

    @app.post("/exports/people")
    def export_people() -> Response:
        table = exports.roster(office.database, current_user.scope, full=_full())
        return _file(office, table, "pegawai", {})


def _full() -> bool:
    return request.form.get("full") == "1"


def _file(office: Office, table: Table, name: str, about: dict[str, Any]) -> Response:
    if request.form.get("format") not in set(Format):
        abort(400)
    format_ = Format(request.form["format"])
    body = {"what": table.name, "format": format_, "full": _full(), **about}
    with office.database.transaction():
        audit.append(office.database, current_user.id, "exported", body, office.clock())
    response = Response(exports.write(table, format_, office.zone), mimetype=format_.mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{format_.suffix}"'
    return response
