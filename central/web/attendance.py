"""Who was there: the city, an office, a person; why a day came out as it did; and what gateways were out of order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from flask import Flask, abort, render_template, request, url_for

from .. import corrections, incidents, queries
from ..attendance import Attendance, Person, PersonDay, counts
from ..city import City, Tally
from ..counting import Counting
from ..languages import N_
from ..reasons import INCIDENTS, percent, sentences
from ..rules import NOTHING, Status
from . import corrections as forms
from . import dates, replay
from .office import Office
from .rights import visible
from .when import around, day_of, month_of

STATUSES = {
    Status.PRESENT: N_("Hadir"),
    Status.LATE: N_("Terlambat"),
    Status.EARLY: N_("Pulang sebelum waktu"),
    Status.LEAVE: N_("Izin"),
    Status.SICK: N_("Sakit"),
    Status.VACATION: N_("Cuti"),
    Status.DUTY: N_("Dinas luar"),
    Status.STUDY: N_("Tugas belajar"),
    Status.HOME: N_("WFH"),
    Status.ABSENT: N_("Tanpa keterangan"),
    Status.SUSPENDED: N_("Ditangguhkan"),
    Status.FREE: N_("Libur"),
    Status.INCOMPLETE: N_("Belum lengkap"),
    Status.NOT_YET: N_("Belum ada"),
}
# The columns of the city's table.
COLUMNS = {
    N_("Hadir"): (Status.PRESENT,),
    N_("Terlambat"): (Status.LATE,),
    N_("PSW"): (Status.EARLY,),
    N_("Sakit, izin, cuti"): (Status.SICK, Status.LEAVE, Status.VACATION),
    N_("Dinas, tugas, WFH"): (Status.DUTY, Status.STUDY, Status.HOME),
    N_("Tanpa keterangan"): (Status.ABSENT,),
    N_("Ditangguhkan"): (Status.SUSPENDED,),
    N_("Belum"): (Status.NOT_YET, Status.INCOMPLETE),
}
_COLUMN_OF = {status: place for place, statuses in enumerate(COLUMNS.values()) for status in statuses}
LONGEST_REPORT = 31  # days


def register(app: Flask, office: Office) -> None:
    attendance = office.attendance
    city = City(office.database, attendance)
    app.extensions["counting"] = Counting(city, attendance, office.clock)
    _register_words(app, office)
    _register_city(app, office, attendance, city)
    for part in (
        _register_offices,
        _register_incidents,
        _register_people,
        forms.register,
        replay.register,
    ):
        part(app, office, attendance)


def _register_words(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(statuses=STATUSES, incident_names=INCIDENTS)
    app.jinja_env.filters.update(
        percent=percent,
        minute=lambda at: f"{at.astimezone(office.zone):%H:%M}",
        moment=lambda at: dates.short(at.astimezone(office.zone)),
        day=dates.whole,
        month=dates.month,
        date=lambda at: f"{at.astimezone(office.zone):%d/%m/%Y}",
        date_before=lambda at: f"{at.astimezone(office.zone) - timedelta(days=1):%d/%m/%Y}",
        date_of=lambda at: f"{at.astimezone(office.zone):%Y-%m-%d}",
        why=lambda result: sentences(result.why, office.zone),
    )


def _register_city(app: Flask, office: Office, attendance: Attendance, city: City) -> None:
    @app.get("/attendance")
    def attendance_city() -> str:
        day, today = _wanted_day(attendance, office), attendance.today(office.clock())
        rows = [(tally, _numbers(tally)) for tally in city.tallies(day, office.clock()) if visible(tally.gateway)]
        sums = [sum(column) for column in zip(*(numbers for _, numbers in rows), strict=True)]
        return render_template(
            "attendance/city.html",
            rows=rows,
            sums=sums,
            day=day,
            today=today,
            columns=COLUMNS,
            one=timedelta(days=1),
            office_address=url_for("attendance_office", gateway="GATEWAY", date=day),  # made once, not for each row
        )


def _register_offices(app: Flask, office: Office, attendance: Attendance) -> None:
    @app.get("/attendance/office/<gateway>")
    def attendance_office(gateway: str) -> str:
        _known(office, gateway)
        now, day = office.clock(), _wanted_day(attendance, office)
        days = attendance.offices([gateway], day, now)[gateway]
        wanted = request.args.get("status", "")
        return render_template(
            "attendance/office.html",
            gateway=gateway,
            days=[each for each in days if not wanted or (each.result and each.result.status == wanted)],
            counts=counts(days),
            people=len(days),
            wanted=wanted,
            day=day,
            today=attendance.today(now),
            one=timedelta(days=1),
            complete_until=attendance.complete_until(gateway),
        )

    @app.get("/attendance/office/<gateway>/month")
    def attendance_office_month(gateway: str) -> str:
        _known(office, gateway)
        first, last = month_of(request.args.get("month", ""), attendance.today(office.clock()))
        people = attendance.office(gateway, first, last, office.clock())
        rows = [(person, days, counts(days), total(days)) for person, days in people]
        return render_template(
            "attendance/office_month.html", gateway=gateway, rows=rows, first=first, **around(first)
        )


def _register_incidents(app: Flask, office: Office, attendance: Attendance) -> None:
    @app.get("/attendance/office/<gateway>/incidents")
    def attendance_incidents(gateway: str) -> str:
        _known(office, gateway)
        now = office.clock()
        last = day_of(request.args.get("until", "")) or attendance.today(now)
        first = day_of(request.args.get("from", "")) or last
        first = min(max(first, last - timedelta(days=LONGEST_REPORT - 1)), last)
        begin, end = attendance.midnight(first), attendance.midnight(last + timedelta(days=1))
        return render_template(
            "attendance/incidents.html",
            gateway=gateway,
            first=first,
            last=last,
            now=now,
            incidents=incidents.of(office.database, gateway, begin, end),
            affected=_affected(attendance.office(gateway, first, last, now)),
        )


def _register_people(app: Flask, office: Office, attendance: Attendance) -> None:
    @app.get("/attendance/person/<employee>")
    def attendance_month(employee: str) -> str:
        person = _person(attendance, employee)
        first, last = month_of(request.args.get("month", ""), attendance.today(office.clock()))
        days = attendance.days(person, first, last, office.clock())
        return render_template(
            "attendance/month.html",
            person=person,
            gateway=attendance.stay(employee),
            days=days,
            first=first,
            counts=counts(days),
            total=total(days),
            open=sum(1 for each in days if each.result and not each.result.final and each.date <= last),
            **around(first),
        )

    @app.get("/attendance/person/<employee>/<day>")
    def attendance_day(employee: str, day: str) -> str:
        person = _person(attendance, employee)
        wanted = day_of(day) or abort(404)
        begin, end = attendance.midnight(wanted), attendance.midnight(wanted + timedelta(days=2))
        return render_template(
            "attendance/day.html",
            person=person,
            gateway=attendance.stay(employee),
            day=wanted,
            result=attendance.days(person, wanted, wanted, office.clock())[0].result,
            entries=queries.of_employee(office.database, employee, begin, end),
            corrections=corrections.of_employee(office.database, employee, begin, end),
        )


def _numbers(tally: Tally) -> list[int]:
    """One for each of `COLUMNS`."""
    found = [0] * len(COLUMNS)
    for status, count in tally.counts.items():
        if status in _COLUMN_OF:
            found[_COLUMN_OF[status]] += count
    return found


def total(days: Iterable[PersonDay]) -> Decimal:
    """What the days take off together, as far as they are final."""
    return sum((each.result.percent for each in days if each.result and each.result.final), NOTHING)


def _affected(people: Iterable[tuple[Person, list[PersonDay]]]) -> list[PersonDay]:
    days = [each for _, days in people for each in days if each.result and each.result.suspended]
    return sorted(days, key=lambda each: (each.date, each.person.name))


def _known(office: Office, gateway: str) -> None:
    if office.database.value("SELECT 1 FROM gateway WHERE id = ?", gateway) is None:
        abort(404)


def _person(attendance: Attendance, employee: str) -> Person:
    return attendance.person(employee) or abort(404)


def _wanted_day(attendance: Attendance, office: Office) -> date:
    return day_of(request.args.get("date", "")) or attendance.today(office.clock())
