"""A month of an office by a draft of the rules beside the rules in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from flask import Flask, render_template, request

from .. import calendar, replay, rulebooks
from ..attendance import Attendance
from ..languages import _
from ..policy import BadPolicy, Day, Planner, Rulebook, parse
from ..replay import Difference
from .office import Office
from .when import around, day_of, month_of

LARGEST_DRAFT = 100_000  # signs
LONGEST_NAME = 80


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
        found, wrong, text = None, "", request.form.get("text", "")
        if "edit" in request.form:
            text = text or _shipped(request.form.get("profile", ""))
        elif gateway in gateways:
            try:
                book = _with_holiday(_draft(request.values.get("profile", ""), text), request.form)
                found = compared(attendance, book, gateway, first, last, office.clock())
            except BadPolicy as error:
                wrong = str(error)
        return render_template(
            "attendance/replay.html",
            gateways=gateways,
            gateway=gateway,
            profiles=rulebooks.names(),
            profile=request.values.get("profile", rulebooks.DEFAULT),
            text=text,
            holiday=request.form.get("holiday", ""),
            holiday_name=request.form.get("holiday_name", ""),
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


def _shipped(profile: str) -> str:
    return rulebooks.text(profile) if profile in rulebooks.names() else ""


def _with_holiday(book: Rulebook, form: Mapping[str, str]) -> Rulebook:
    """The draft with one more day that is free, if a form names it. Raises `BadPolicy`."""
    if not form.get("holiday"):
        return book
    day, name = day_of(form["holiday"]), " ".join(form.get("holiday_name", "").split())[:LONGEST_NAME]
    if day is None:
        raise BadPolicy(_("Tanggal hari libur itu tidak bisa dibaca; isi seperti 2026-12-01."))
    others = tuple(each for each in book.days if each.date != day)
    return msgspec.structs.replace(book, days=(*others, Day(date=day, name=name or "Hari libur")))


def _draft(profile: str, text: str) -> Rulebook:
    """The text of a TOML file if there is one, else a shipped profile. Raises `BadPolicy`."""
    if text.strip():
        return parse(text[:LARGEST_DRAFT])
    if profile not in rulebooks.names():
        raise BadPolicy(_("Pilih sebuah profil, atau tempel isi berkas TOML."))
    return rulebooks.load(profile)
