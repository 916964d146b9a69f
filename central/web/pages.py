"""Records, as people see them, and the words that all pages share."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, render_template, request
from flask_login import current_user

from mqtt_bridge.client import Problem
from mqtt_bridge.phones import masked

from .. import queries
from ..languages import N_, _, ngettext
from ..link_words import TROUBLES
from ..queries import Wanted
from ..states import State
from .conditions import told
from .office import Office
from .rights import gateways

PAGE = 50
MOST_PAGES = 10_000
MOST_PROVISIONAL = 500
STATES = {
    State.DOWN: N_("Terputus"),
    State.LATE: N_("Tanpa kabar"),
    State.SICK: N_("Bermasalah"),
    State.NEW: N_("Baru"),
    State.PAUSED: N_("Dipelihara"),
    State.UP: N_("Baik"),
}
ACTIONS = {
    "in": N_("Hadir"),
    "out": N_("Pulang"),
    "sick": N_("Sakit"),
    "leave": N_("Izin"),
    "duty": N_("Dinas luar"),
    "dispute": N_("Sanggahan"),
    "register": N_("Minta didaftarkan"),
}
FLAGS = {
    "clock-untrusted": N_("jam gateway"),
    "inferred": N_("hanya kode"),
    "code-by-own-clock": N_("kode menurut jam gateway"),
    "low-assurance": N_("panggilan"),
}


def register(app: Flask, office: Office) -> None:
    _register_words(app, office)
    _register_records(app, office)


def _register_words(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(
        states=STATES,
        actions=ACTIONS,
        flags=FLAGS,
        link_problem=lambda: in_words(office.link_problem()),
    )
    app.jinja_env.filters.update(
        clock=lambda at: f"{at.astimezone(office.zone):%H:%M:%S}",
        exact=lambda at: f"{at.astimezone(office.zone):%d/%m/%Y %H:%M:%S %Z}",
        masked=masked,
        told=told,
        ago=lambda at: ago(at, office.clock()),
    )


def _register_records(app: Flask, office: Office) -> None:
    @app.get("/records")
    def records() -> str:
        start, end = queries.today(office.clock(), office.zone)
        wanted = Wanted(
            gateway=request.args.get("gateway", ""),
            search=request.args.get("search", "").strip(),
            start=start,
            end=end,
            offices=current_user.scope,
        )
        page = min(max(1, request.args.get("page", 1, type=int)), MOST_PAGES)
        found = queries.latest(office.database, wanted, PAGE + 1, (page - 1) * PAGE)
        return render_template(
            "records.html",
            entries=found[:PAGE],
            provisional=queries.provisional(office.database, wanted, MOST_PROVISIONAL, newest_first=True)
            if page == 1
            else [],
            more=len(found) > PAGE,
            page=page,
            wanted=wanted,
            gateways=gateways(office.database),
            day=start,
        )


def in_words(problem: Problem | None) -> str | None:
    return _(TROUBLES[problem.trouble]) if problem else None


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in words."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 5:
        return _("baru saja")
    if seconds < 60:
        return ngettext("{count} detik lalu", "{count} detik lalu", seconds).format(count=seconds)
    if seconds < 3600:
        return ngettext("{count} menit lalu", "{count} menit lalu", seconds // 60).format(count=seconds // 60)
    if seconds < 86_400:
        return ngettext("{count} jam lalu", "{count} jam lalu", seconds // 3600).format(count=seconds // 3600)
    return ngettext("{count} hari lalu", "{count} hari lalu", seconds // 86_400).format(count=seconds // 86_400)
