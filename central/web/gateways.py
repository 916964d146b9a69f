"""The fleet and each gateway, as people see them; both pages fetch themselves anew while they are open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from mqtt_bridge.modem_states import MEANINGS, ModemState
from mqtt_bridge.phones import spoken

from .. import gateway_history, labels, maintenance, overview, queries, states
from ..database import Database, moment
from ..gateway_history import COARSE, FINE
from ..labels import LabelRefusal
from ..languages import N_, _
from ..overview import View
from ..queries import Gateway, Wanted
from .dates import lasted
from .office import Office
from .rights import visible
from .words import said

LATEST = 10  # records and quarantined batches on a gateway's page


@dataclass(frozen=True, slots=True)
class Span:
    """How far back the charts reach, in steps of what, and how a row of the same as a table is called."""

    name: str
    back: timedelta
    step: timedelta
    row: str


SPANS = {
    "24h": Span(N_("24 jam"), timedelta(hours=24), FINE, "%d/%m %H:00"),
    "30d": Span(N_("30 hari"), timedelta(days=30), COARSE, "%d/%m/%Y"),
}
# The charts: a name, a unit, and what is drawn in it.
CHARTS = {
    "signal": (N_("Sinyal"), "%", {"signal": N_("terendah")}),
    "queue": (N_("Antrean ke pusat"), N_("catatan"), {"queue": N_("tertinggi")}),
    "texts": (N_("SMS per jam"), "SMS", {"messages": N_("masuk"), "replies": N_("balasan")}),
    "balance": (N_("Pulsa"), "Rp", {"balance": N_("terendah")}),
    "heat": (N_("Suhu"), "°C", {"heat": N_("tertinggi")}),
    "disk": (N_("Sisa kartu SD"), "GB", {"disk": N_("terendah")}),
}
HEADS = {
    "gateway": N_("Gateway"),
    "state": N_("Keadaan"),
    "signal": N_("Sinyal"),
    "queue": N_("Antrean"),
    "seen": N_("Terakhir"),
    "sim": N_("Pulsa"),
    "clock": N_("Jam"),
    "disk": N_("SD"),
    "heat": N_("Suhu"),
    "version": N_("Versi"),
    "certificate": N_("Sertifikat"),
    "complete": N_("Lengkap sampai"),
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.filters.update(
        spoken=spoken,
        rupiah=lambda amount: f"Rp {amount:,}".replace(",", "."),
        gigabytes=lambda size: f"{size / 1e9:.1f}".replace(".", ","),
        days_left=lambda at: (at - office.clock()).days,
        lasted=lambda at: lasted(office.clock() - at),
    )
    _register_fleet(app, office)
    _register_one(app, office)
    _register_labels(app, office)


def _register_fleet(app: Flask, office: Office) -> None:
    @app.get("/")
    def fleet() -> str:
        now = office.clock()
        known = queries.fleet(office.database, now, maintenance.active(office.database, now))
        mine = [gateway for gateway in known if visible(gateway.id)]
        wanted = _view()
        shown = overview.choose(mine, wanted)
        return render_template(
            "fleet.html",
            shown=replace(shown, gateways=queries.detailed(office.database, shown.gateways, now, office.zone)),
            wanted=wanted,
            any=bool(mine),
            tags=overview.tags(mine),
            heads=HEADS,
            address=lambda **changes: _address(replace(wanted, **changes)),
            turned=lambda name: f"-{name}" if wanted.sort == name else name,
        )


def _register_one(app: Flask, office: Office) -> None:
    @app.get("/gateways/<gateway>")
    def gateway(gateway: str) -> str:
        found, now = _one(office, gateway), office.clock()
        span = request.args.get("span", "24h")
        span = span if span in SPANS else "24h"
        return render_template(
            "gateway.html",
            gateway=found,
            now=now,
            span=span,
            spans=SPANS,
            charts=CHARTS,
            zone=office.zone.key,
            table=_table(office, found.id, SPANS[span], now),
            **_about(office.database, found),
        )

    @app.get("/gateways/<gateway>/history", endpoint="gateway_history")
    def history(gateway: str) -> Response:
        """For the charts."""
        found, now = _one(office, gateway), office.clock()
        span = SPANS.get(request.args.get("span", ""), SPANS["24h"])
        series = gateway_history.read(office.database, found.id, now - span.back, now, span.step)
        return jsonify(step=series.step, times=list(series.times), **series.values)


def _register_labels(app: Flask, office: Office) -> None:
    @app.post("/gateways/<gateway>/labels")
    def gateway_labels(gateway: str) -> Redirect:
        found, form = _one(office, gateway), request.form
        try:
            wanted = labels.labels(form.get("name", ""), form.get("number", ""), form.get("tags", "").split())
        except LabelRefusal as error:
            flash(said(error), "error")
            return redirect(url_for("gateway", gateway=found.id))
        labels.change(office.database, found.id, wanted, current_user.id, office.clock())
        flash(_("Disimpan."))
        return redirect(url_for("gateway", gateway=found.id))


def _view() -> View:
    asked = request.args
    return overview.view(
        asked.get("search", ""),
        asked.get("state", ""),
        asked.get("tag", ""),
        asked.get("sort", ""),
        asked.get("page", 1, type=int),
    )


def _address(view: View) -> str:
    """That holds what somebody looks at, and nothing that goes without saying."""
    return url_for(
        "fleet",
        search=view.search or None,
        state=view.state or None,
        tag=view.tag or None,
        sort=view.sort if view.sort != "state" else None,
        page=view.page if view.page > 1 else None,
    )


def _one(office: Office, id_: str) -> Gateway:
    now = office.clock()
    paused = maintenance.active(office.database, now)
    return queries.gateway(office.database, id_, now, office.zone, paused) or abort(404)


def _about(database: Database, gateway: Gateway) -> dict[str, Any]:
    """What is held of it beside its status."""
    status = gateway.status
    wanted = Wanted(gateway=gateway.id, offices=current_user.scope)
    rows = database.rows(
        "SELECT reason, times, seen FROM quarantine WHERE gateway = ? ORDER BY seen DESC LIMIT ?", gateway.id, LATEST
    )
    return {
        "reasons": [(each.text, states.remedy(each, status)) for each in status.reasons] if status else [],
        "modem": MEANINGS[ModemState(status.modem.state)].name if status and status.modem.state in MEANINGS else "",
        "not_applied": states.not_applied(status, gateway.wanted),
        "entries": queries.latest(database, wanted, LATEST, 0),
        "quarantined": [(reason, times, moment(seen)) for reason, times, seen in rows],
    }


def _table(office: Office, gateway: str, span: Span, now: datetime) -> list[tuple[str, dict[str, float | None]]]:
    """The same as the charts show, in few lines, the latest first; nothing where nothing was heard."""
    series = gateway_history.read(office.database, gateway, now - span.back, now, COARSE)
    names = [f"{datetime.fromtimestamp(time, office.zone):{span.row}}" for time in series.times]
    rows = gateway_history.grouped(series, names)
    return [
        (name, values) for name, values in reversed(rows.items()) if any(each is not None for each in values.values())
    ]
