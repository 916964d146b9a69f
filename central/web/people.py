"""Employees: found by name, with what is personal masked until somebody asks for it; and lists of them, taken in."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import audit, desired, people, roster_changes, spreadsheets
from ..exports import masked_nip, spoken_nip
from ..languages import N_, _
from ..roster import BadRoster, Row, rows_of
from ..roster_changes import Outdated
from .office import Office
from .pages import MOST_PAGES
from .rights import gateways
from .words import COLUMNS, fault_said

PAGE = 50
SHOWN = 100  # of each kind of change, and of faults
TOO_LARGE = N_(
    "Daftar {gateways} lebih besar dari satu pesan, jadi tetap dipakai yang lama;"
    " bagilah pegawainya ke beberapa gateway."
)


def register(app: Flask, office: Office) -> None:
    app.jinja_env.filters.update(masked_nip=masked_nip, spoken_nip=spoken_nip, fault=fault_said)
    app.jinja_env.globals.update(roster_columns=COLUMNS)
    _register_people(app, office)
    _register_import(app, office)


def _register_people(app: Flask, office: Office) -> None:
    @app.route("/people", methods=["GET", "POST"], endpoint="people")
    def every() -> str:
        """Searched by a form that is posted: a NIP in an address would stand in every log on the way."""
        page = min(max(1, request.args.get("page", 1, type=int)), MOST_PAGES)
        search, gateway = (request.values.get(name, "").strip() for name in ("search", "gateway"))
        found = people.found(
            office.database, search, PAGE + 1, (page - 1) * PAGE, gateway=gateway, offices=current_user.scope
        )
        return render_template(
            "people.html",
            people=found[:PAGE],
            more=len(found) > PAGE,
            page=page,
            search=search,
            gateway=gateway,
            gateways=gateways(office.database),
        )

    @app.post("/people/<employee>/reveal")
    def person_reveal(employee: str) -> str:
        """The whole number and NIP of one; who saw it stands in the audit."""
        found = people.one(office.database, employee) or abort(404)
        with office.database.transaction():
            audit.append(office.database, current_user.id, "revealed", {"employee": found.id}, office.clock())
        return render_template("person.html", person=found)


def _register_import(app: Flask, office: Office) -> None:
    @app.get("/people/import")
    def roster_import() -> str:
        return _page()

    @app.post("/people/import")
    def roster_look() -> str | tuple[str, int]:
        """What the list would change; nothing is changed yet."""
        file, replace = request.files.get("file"), request.form.get("replace") == "1"
        known = {id_ for (id_,) in office.database.rows("SELECT id FROM gateway")}
        try:
            lines = spreadsheets.read(file.read() if file else b"")
            rows = rows_of(lines, known, shared=office.shared_phones)
            plan = roster_changes.rehearse(office.database, rows, replace=replace, now=office.clock())
        except BadRoster as error:
            return _page(faults=error.found), 400
        draft, who = secrets.token_urlsafe(16), current_user.id
        roster_changes.keep(office.database, draft, rows, replace=replace, who=who, now=office.clock())
        return _page(plan=plan, draft=draft, replace=replace)

    @app.post("/people/import/<draft>")
    def roster_apply(draft: str) -> str | Response | tuple[str, int]:
        kept = roster_changes.kept(office.database, draft, current_user.id, office.clock())
        if kept is None:
            flash(_("Daftar itu sudah tidak ada; unggah lagi."), "error")
            return redirect(url_for("roster_import"))
        return _apply(office, draft, *kept)


def _apply(office: Office, draft: str, rows: list[Row], replace: bool) -> str | Response | tuple[str, int]:
    """Take in what was looked at, if it still means the same."""
    who, now = current_user.id, office.clock()
    expected = request.form.get("digest", "") or "-"
    try:
        plan = roster_changes.apply(
            office.database, rows, replace=replace, who=who, now=now, expected=expected, ids=office.ids
        )
    except Outdated:
        plan = roster_changes.rehearse(office.database, rows, replace=replace, now=now)
        flash(_("Daftar pegawai berubah sementara itu. Periksa sekali lagi."), "error")
        return _page(plan=plan, draft=draft, replace=replace), 409
    except BadRoster as error:
        return _page(faults=error.found), 409
    roster_changes.forget(office.database, who)
    office.refresh()
    flash(_("{count} pegawai aktif sekarang.").format(count=plan.active))
    if large := desired.oversized(office.database):
        flash(_(TOO_LARGE).format(gateways=", ".join(large)), "error")
    return redirect(url_for("people"))


def _page(**values: Any) -> str:
    return render_template("roster_import.html", **{"faults": (), "plan": None, "shown": SHOWN, **values})
