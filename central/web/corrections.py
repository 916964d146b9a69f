"""Forms by which people put days right, and the list of what waits for a second person."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from mqtt_bridge.records import Action

from .. import corrections
from ..attendance import Attendance
from ..corrections import ABSENCES, Kind, NotAllowed, Wish
from ..languages import N_, _
from ..rules import Status
from .office import Office
from .when import day_of

PUNCHES = {Action.IN: N_("Masuk"), Action.OUT: N_("Pulang")}
KINDS = {
    Kind.PUNCH: N_("Catatan tambahan"), Kind.VOID: N_("Pembatalan catatan"), Kind.ABSENCE: N_("Keterangan"),
    Kind.STATEMENT: N_("Pernyataan lewat SMS"), Kind.REVOKE: N_("Pencabutan koreksi"),
}  # fmt: skip
T = TypeVar("T")
FAR = timedelta(days=366)
LARGEST = 2**63 - 1  # that a database takes as an id


def register(app: Flask, office: Office, attendance: Attendance) -> None:
    app.jinja_env.globals.update(correction_kinds=KINDS, punches=PUNCHES, absences=ABSENCES)

    @app.get("/corrections")
    def corrections_waiting() -> str:
        return render_template(
            "attendance/corrections.html", waiting=corrections.waiting(office.database, current_user.scope)
        )

    @app.post("/attendance/person/<employee>/<day>/corrections")
    def correction_ask(employee: str, day: str) -> Response:
        wanted = day_of(day)
        if wanted is None or attendance.person(employee) is None:
            abort(404)
        try:
            wish = wished(request.form, employee, wanted, attendance, office.clock())
            corrections.ask(office.database, wish, current_user.id, office.clock())
            flash(_("Diajukan; sekarang menunggu persetujuan orang lain."))
        except NotAllowed as error:
            flash(str(error), "error")
        except ValueError:
            abort(400)
        return redirect(url_for("attendance_day", employee=employee, day=day))

    @app.post(f"/corrections/<int(max={LARGEST}):id_>")
    def correction_decide(id_: int) -> Response:
        return _decided(office, corrections.decide, id_)

    @app.post(f"/statements/<int(max={LARGEST}):record>")
    def statement_decide(record: int) -> Response:
        return _decided(office, corrections.decide_statement, record)


def _decided(office: Office, decide: Callable[..., None], id_: int) -> Response:
    accepted = request.form.get("accepted") == "1"
    try:
        decide(office.database, id_, current_user.id, office.clock(), accepted=accepted)
        flash(_("Disetujui.") if accepted else _("Ditolak."))
    except NotAllowed as error:
        flash(str(error), "error")
    return redirect(_back())


def wished(form: Mapping[str, str], employee: str, day: date, attendance: Attendance, now: datetime) -> Wish:
    """What a form asks for. Raises `NotAllowed` for what a person can mend, else `ValueError`."""
    kind = Kind(form.get("kind", ""))
    reason = " ".join(form.get("reason", "").split())
    midnight = attendance.midnight(day)
    if kind is Kind.PUNCH:
        at = _moment(form.get("time", ""), day, attendance, now)
        return Wish(employee, kind, reason, at, at, _one_of(PUNCHES, Action(form.get("what", ""))))
    if kind is Kind.ABSENCE:
        last = _last(form.get("last", ""), day)
        until = attendance.midnight(last + timedelta(days=1))
        return Wish(employee, kind, reason, midnight, until, _one_of(ABSENCES, Status(form.get("what", ""))))
    record = int(form.get("record", ""))
    return Wish(employee, kind, reason, midnight, midnight, record=_one_of(range(1, LARGEST), record))


def _moment(text: str, day: date, attendance: Attendance, now: datetime) -> datetime:
    try:
        at = datetime.combine(day, time.fromisoformat(text), attendance.zone)
    except ValueError:
        raise NotAllowed(_("Isi jamnya, seperti 07:25.")) from None
    if at > now:
        raise NotAllowed(_("Jam itu belum lewat."))
    return at


def _last(text: str, day: date) -> date:
    try:
        last = date.fromisoformat(text) if text else day
    except ValueError:
        raise NotAllowed(_("Isi tanggal akhirnya.")) from None
    if not day <= last <= day + FAR:
        raise NotAllowed(_("Tanggal akhir harus sama atau sesudah tanggal mulai, paling lama setahun."))
    return last


def _one_of(allowed: Container[T], value: T) -> T:
    if value not in allowed:
        raise ValueError(value)
    return value


def _back() -> str:
    """The page on which the decision was made: its own path only, never a whole address."""
    employee, day = request.form.get("employee", ""), request.form.get("day", "")
    if employee and day:
        return url_for("attendance_day", employee=employee, day=day)
    return url_for("statements_waiting" if request.form.get("back") == "statements" else "corrections_waiting")
