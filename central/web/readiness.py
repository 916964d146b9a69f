"""The readiness board: which offices can begin, and what each still needs; on a screen, on paper, as a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

from flask import Flask, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from .. import exports, readiness, readiness_facts
from ..exports import Column, Format, Table
from ..languages import N_, _
from ..readiness import Check, Mark, Row, Who
from ..readiness_facts import CITY
from .office import Office
from .rights import may, visible
from .when import day_of

CHECKS = {
    Check.ENROLLED: N_("Pendaftaran"),
    Check.LINK: N_("Sambungan"),
    Check.CLOCK: N_("Jam"),
    Check.STORAGE: N_("Ruang simpan"),
    Check.SIM: N_("Kartu SIM"),
    Check.SIGNAL: N_("Sinyal"),
    Check.BALANCE: N_("Pulsa"),
    Check.ROSTER: N_("Daftar pegawai"),
    Check.SCREEN: N_("Layar kode"),
    Check.LOOP: N_("Uji SMS"),
    Check.TRAINED: N_("Pelatihan pegawai"),
}
# A sign and a word for each, so that colour tells nothing alone.
MARKS = {
    Mark.OK: ("✓", N_("Siap"), "up"),
    Mark.NOT_YET: ("○", N_("Belum"), "sick"),
    Mark.BAD: ("✕", N_("Bermasalah"), "down"),
}
DOERS = {
    Who.IT: N_("TI"),
    Who.ON_SITE: N_("Petugas di kantor"),
    Who.PERSONNEL: N_("Kepegawaian"),
    Who.OPD_ADMIN: N_("Admin OPD"),
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(checks=CHECKS, marks=MARKS, doers=DOERS)

    @app.get("/readiness", endpoint="readiness")
    def board() -> str:
        rows, deadline, today = rows_of(office), _deadline(office), _today(office)
        return render_template(
            "readiness.html",
            rows=[row for row in rows if _wanted(row)],
            sum=readiness.summary(rows, deadline, today),
            deadline=deadline,
            today=today,
            now=office.clock(),
            show=request.args.get("show", ""),
            once=cache,  # of a thousand offices most cells are the same: each is drawn once
            gateways=sorted(row.gateway for row in rows),
        )

    @app.get("/readiness/board.csv")
    def readiness_file() -> Response:
        table = Table("kesiapan", _columns(), [row for row in rows_of(office) if _wanted(row)])
        response = Response(exports.write(table, Format.EXCEL_CSV, office.zone), mimetype=Format.EXCEL_CSV.mime)
        response.headers["Content-Disposition"] = f'attachment; filename="kesiapan-{_today(office)}.csv"'
        return response

    @app.get("/readiness/of/<gateway>")
    def readiness_of(gateway: str) -> str:
        row = next((row for row in rows_of(office) if row.gateway == gateway), None)
        if row is None:
            abort(404)
        names = readiness_facts.untrained(office.database, gateway) if may("people") else []
        return render_template("readiness_of.html", row=row, names=names, today=_today(office), now=office.clock())

    @app.post("/readiness/deadline")
    def readiness_deadline() -> Redirect:
        _set_deadline(office)
        return redirect(url_for("readiness"))


def rows_of(office: Office) -> list[Row]:
    """Of the offices that whoever is logged in sees, worst first."""
    facts = [each for each in readiness_facts.every(office.database) if visible(each.gateway)]
    return readiness.worst_first(readiness.judge(each, office.clock()) for each in facts)


def _wanted(row: Row) -> bool:
    """By the filter: all, those that are (not) ready, or those that one check keeps."""
    show = request.args.get("show", "")
    if show in set(Check):
        return row.cell(Check(show)).mark is not Mark.OK
    return {"ready": row.ready, "open": not row.ready}.get(show, True)


def _set_deadline(office: Office) -> None:
    gateway, text = request.form.get("gateway", CITY).replace("\0", ""), request.form.get("day", "")
    day = day_of(text)
    if text and day is None:
        flash(_("Tanggal itu tidak bisa dibaca; isi seperti 2026-12-01."), "error")
        return
    if gateway and not office.database.row("SELECT 1 FROM gateway WHERE id = ?", gateway):
        flash(_("Gateway {name} tidak ada.").format(name=gateway), "error")
        return
    readiness_facts.set_deadline(office.database, gateway, day, current_user.id, office.clock())
    whose = gateway or _("semua OPD")
    said = _("Tenggat untuk {whose}: {date}.") if day else _("Tenggat untuk {whose} dihapus.")
    flash(said.format(whose=whose, date=f"{day:%d/%m/%Y}" if day else ""))


def _columns() -> list[Column]:
    fixed = [
        Column("gateway", "OPD", lambda row: row.gateway),
        Column("ready", "Siap", lambda row: "ya" if row.ready else "belum"),
        Column("deadline", "Tenggat", lambda row: f"{row.deadline:%d/%m/%Y}" if row.deadline else ""),
    ]
    return [*fixed, *(Column(check, name, _in_words(check)) for check, name in CHECKS.items())]


def _in_words(check: Check) -> Callable[[Row], str]:
    """Such as `Belum: Lemah: 18% → Pindahkan antena … (Petugas di kantor)`."""

    def words(row: Row) -> str:
        cell = row.cell(check)
        step = f" → {cell.step} ({DOERS[cell.who]})" if cell.who else ""
        return f"{MARKS[cell.mark][1]}: {cell.reason}{step}"

    return words


def _deadline(office: Office) -> date | None:
    return readiness_facts.deadlines(office.database).get(CITY)


def _today(office: Office) -> date:
    return office.clock().astimezone(office.zone).date()
