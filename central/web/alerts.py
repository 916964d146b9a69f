"""What is wrong and who sees to it; where people work; how messages leave. IT acts, others look at what is theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import alerts, channels, maintenance, notices, outbox
from ..alert_life import Alert
from ..alerting import RULES, Severity, named
from ..alerts import Wanted
from ..languages import N_, _
from ..maintenance import Kind, Window
from ..outbox import Health
from ..refusal import Refusal
from .dates import lasted
from .office import Office
from .rights import visible
from .words import said

PAGE = 50
MOST_PAGES = 10_000
LARGEST = 2**63 - 1  # that a database takes as an id
SEVERITIES = {Severity.CRITICAL: N_("Gawat"), Severity.WARNING: N_("Peringatan"), Severity.INFO: "Info"}
COLOURS = {Severity.CRITICAL: "down", Severity.WARNING: "sick", Severity.INFO: "new"}
SHOWN = timedelta(days=30)  # of a gateway's past


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(
        severities=SEVERITIES, severity_colours=COLOURS, gateway_incidents=lambda gateway: incidents(office, gateway)
    )
    app.jinja_env.filters.update(subject=_named, span=lasted)
    _register_looks(app, office)
    _register_acts(app, office)


def incidents(office: Office, gateway: str) -> list[tuple[datetime, Alert | Window]]:
    """What was wrong with a gateway and when people worked on it in the last month, the latest first; for
    `gateway_incidents.html`.
    """
    now = office.clock()
    found: list[tuple[datetime, Alert | Window]] = []
    found += [(each.since, each) for each in alerts.of(office.database, gateway, now - SHOWN, now)]
    found += [(each.since, each) for each in maintenance.of(office.database, gateway, now - SHOWN, now)]
    return sorted(found, key=lambda each: each[0], reverse=True)


def _named(subject: str) -> str:
    name = named(subject)
    return name.replace("Pusat", _("Pusat"), 1) if name.startswith("Pusat") else name


def _register_looks(app: Flask, office: Office) -> None:
    @app.get("/alerts", endpoint="alerts")
    def open_() -> str:
        now = office.clock()
        kept = outbox.health(office.database)
        return render_template(
            "alerts.html",
            found=alerts.firing(office.database, current_user.scope),
            windows=_windows(maintenance.coming(office.database, now)),
            channels=[(each, kept.get(each.name, Health(each.name))) for each in office.channels],
            gateways=[name for name in sorted(maintenance.tags(office.database)) if visible(name)],
            tags=sorted(frozenset().union(*maintenance.tags(office.database).values())),
            now=now,
            local=f"{now.astimezone(office.zone):%Y-%m-%dT%H:%M}",
        )

    @app.get("/alerts/history")
    def alerts_history() -> str:
        given = {name: request.args.get(name, "") for name in ("severity", "subject", "rule")}
        page = min(max(1, request.args.get("page", 1, type=int)), MOST_PAGES)
        wanted = Wanted(**given, gateways=current_user.scope)
        found = alerts.former(office.database, wanted, PAGE + 1, (page - 1) * PAGE)
        return render_template(
            "alerts_history.html",
            found=found[:PAGE],
            more=len(found) > PAGE,
            page=page,
            given=given,
            rules=RULES,
            gateways=[name for name in sorted(maintenance.tags(office.database)) if visible(name)],
            former=_windows(maintenance.former(office.database, office.clock())),
        )


def _register_acts(app: Flask, office: Office) -> None:
    @app.post(f"/alerts/<int(max={LARGEST}):number>/acknowledge")
    def alert_acknowledge(number: int) -> Response:
        _try(
            lambda: alerts.acknowledge(
                office.database, number, current_user.id, request.form.get("note", ""), office.clock()
            ),
            _(_("Dicatat: Anda yang mengurusnya.")),
        )
        return redirect(url_for("alerts"))

    @app.post("/maintenance")
    def maintenance_add() -> Response:
        _try(lambda: _add(office), _(_("Pemeliharaan dicatat; peringatan dari sana diam sampai selesai.")))
        return redirect(url_for("alerts"))

    @app.post(f"/maintenance/<int(max={LARGEST}):number>/end")
    def maintenance_end(number: int) -> Response:
        _try(
            lambda: maintenance.end(office.database, number, current_user.id, office.clock()),
            _(_("Pemeliharaan diakhiri.")),
        )
        return redirect(url_for("alerts"))

    @app.post("/alerts/channels/<name>/test")
    def alert_test(name: str) -> Response:
        found = [each for each in office.channels if each.name == name] or abort(404)
        message = notices.test(name)
        problem = channels.send(found[0], message.title, message.body)
        flash(
            _("Tidak terkirim: {why}").format(why=problem) if problem else _("Terkirim."),
            "error" if problem else "message",
        )
        return redirect(url_for("alerts"))


def _try(act: Any, done: str) -> None:
    try:
        act()
    except Refusal as error:
        flash(said(error), "error")
    else:
        flash(done)


def _add(office: Office) -> None:
    """`target` is `all`, `tag:NAME` or `gateway:NAME`."""
    form, now = request.form, office.clock()
    kind, __, target = form.get("target", "").partition(":")
    if kind not in set(Kind):
        abort(400)
    since = _moment(form.get("since", ""), office.zone) or now
    until = _moment(form.get("until", ""), office.zone) or now + timedelta(hours=2)
    maintenance.add(office.database, Kind(kind), target, since, until, current_user.id, form.get("why", ""), now)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """What a browser sends of a local time; None for nothing."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        abort(400)


def _windows(found: list[Window]) -> list[Window]:
    return [each for each in found if each.kind is not Kind.GATEWAY or visible(each.target)]
