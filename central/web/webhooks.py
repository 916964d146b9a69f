"""Programs that are told of new records: how it goes, and what they did not take."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import deliveries, endpoints, webhooks
from ..deliveries import Count
from ..endpoints import Endpoint
from ..languages import _, ngettext
from ..refusal import Refusal
from .office import Office
from .words import said

LARGEST = 2**63 - 1  # that a database takes as an id


def register(app: Flask, office: Office) -> None:
    _register_all(app, office)
    _register_one(app, office)


def _register_all(app: Flask, office: Office) -> None:
    @app.get("/webhooks", endpoint="webhooks")
    def every() -> str:
        counts = deliveries.counts(office.database)
        rows = [(each, counts.get(each.id, Count())) for each in endpoints.everyone(office.database)]
        return render_template("webhooks.html", rows=rows)

    @app.post("/webhooks")
    def webhook_add() -> str | Response:
        form = request.form
        try:
            made = endpoints.add(
                office.database, form.get("name", "").strip(), form.get("url", "").strip(), office.outbound,
                current_user.id, office.clock(), from_start=form.get("from_start") == "1",
            )  # fmt: skip
        except Refusal as error:
            flash(said(error), "error")
            return redirect(url_for("webhooks"))
        return render_template("webhook_secret.html", endpoint=made, secret=made.secret)


def _register_one(app: Flask, office: Office) -> None:
    @app.get(f"/webhooks/<int(max={LARGEST}):number>")
    def webhook(number: int) -> str:
        found = _endpoint(office, number)
        return render_template(
            "webhook.html",
            endpoint=found,
            count=deliveries.counts(office.database).get(found.id, Count()),
            dead=deliveries.dead(office.database, found),
            secrets=len(found.secrets(office.clock())),
        )

    @app.post(f"/webhooks/<int(max={LARGEST}):number>/<what>")
    def webhook_do(number: int, what: str) -> str | Response:
        found = _endpoint(office, number)
        if what == "rotate":
            secret = endpoints.rotate(office.database, found, current_user.id, office.clock())
            return render_template("webhook_secret.html", endpoint=found, secret=secret)
        if what == "remove":
            endpoints.remove(office.database, found, current_user.id, office.clock())
            flash(_("Tujuan {name} dihapus.").format(name=found.name))
            return redirect(url_for("webhooks"))
        _do(office, found, what)
        return redirect(url_for("webhook", number=number))


def _do(office: Office, endpoint: Endpoint, what: str) -> None:
    database, who, now = office.database, current_user.id, office.clock()
    if what == "disable":
        endpoints.disable(database, endpoint, f"oleh {who}", who, now)
        flash(_("Dihentikan; yang datang sekarang menunggu."))
    elif what == "enable":
        endpoints.enable(database, endpoint, who, now)
        flash(_("Berjalan lagi; yang menunggu dikirim."))
    elif what == "test":
        outcome = webhooks.test(endpoint, office.outbound, now)
        flash(
            _("Diterima.") if outcome.ok else _("Tidak diterima: {why}").format(why=outcome.problem),
            "message" if outcome.ok else "error",
        )
    elif what == "resend":
        record = request.form.get("record", type=int)
        if "record" in request.form and not 0 < (record or 0) <= LARGEST:
            abort(400)
        count = deliveries.resend(database, endpoint, current_user.id, now, record)
        flash(ngettext("{count} catatan dikirim lagi.", "{count} catatan dikirim lagi.", count).format(count=count))
    else:
        abort(404)


def _endpoint(office: Office, id_: int) -> Endpoint:
    return endpoints.one(office.database, id_) or abort(404)
