"""A month of an office by a draft of the rules beside the rules in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import Flask, render_template, request

from .. import calendar, replay, rulebooks
from ..attendance import Attendance
from ..policy import BadPolicy, Planner, Rulebook, parse
from ..replay import Difference
from .office import Office
from .when import around, month_of

LARGEST_DRAFT = 100_000  # signs


@dataclass(frozen=True, slots=True)
class Compared:
    draft: str
    differences: list[Difference]
    days: int


def register(app: Flask, office: Office, attendance: Attendance) -> None:
    @app.route("/attendance/replay", methods=["GET", "POST"])
    def attendance_replay() -> str:
        gateways = [id_ for (id_,) in office.database.rows("SELECT id FROM gateway ORDER BY id")]
        first, last = month_of(request.values.get("month", ""), attendance.today(office.clock()))
        gateway = request.values.get("gateway", "")
        found, wrong = None, ""
        if gateway in gateways:
            try:
                book = _draft(request.values.get("profile", ""), request.form.get("text", ""))
                found = compared(attendance, book, gateway, first, last, office.clock())
            except BadPolicy as error:
                wrong = str(error)
        return render_template(
            "attendance/replay.html",
            gateways=gateways,
            gateway=gateway,
            profiles=rulebooks.names(),
            profile=request.values.get("profile", ""),
            text=request.form.get("text", ""),
            in_force=attendance.planner.book.name,
            first=first,
            found=found,
            change=replay.change(found.differences) if found else None,
            wrong=wrong,
            **around(first),
        )


def compared(
    attendance: Attendance, book: Rulebook, gateway: str, first: date, last: date, now: datetime
) -> Compared:
    draft = Attendance(attendance.database, Planner(book, attendance.zone, calendar.holiday))
    sides = [
        [day for _, days in each.office(gateway, first, last, now) for day in days] for each in (attendance, draft)
    ]
    return Compared(book.name, replay.differences(*sides), len(sides[0]))


def _draft(profile: str, text: str) -> Rulebook:
    """The text of a TOML file if there is one, else a shipped profile. Raises `BadPolicy`."""
    if text.strip():
        return parse(text[:LARGEST_DRAFT])
    if profile not in rulebooks.names():
        raise BadPolicy("Pilih sebuah profil, atau tempel isi berkas TOML.")
    return rulebooks.load(profile)
