"""For machines that watch: alive, ready, and figures. Nothing in them names a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flask import Flask, Response, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from .. import alerts, deliveries, endpoints, outbox, queries
from ..alerting import Severity
from ..database import StorageError
from ..deliveries import Count
from ..states import State
from .office import Office


def register(app: Flask, office: Office) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = list(_reasons(office))
        return jsonify(ready=not found, reasons=found), 503 if found else 200

    @app.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Metrics(office))
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


def _reasons(office: Office) -> Iterator[dict[str, str]]:
    try:
        office.database.value("SELECT version FROM schema_version")
    except StorageError as error:
        yield {"code": "database", "text": str(error)}
    problem = office.link_problem()
    if problem:
        yield {"code": "broker", "text": str(problem)}


class _Metrics:
    def __init__(self, office: Office) -> None:
        self._office = office

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        office = self._office
        fleet = queries.gateways(office.database, office.clock(), office.zone)
        states = Counter(gateway.condition.state for gateway in fleet)
        by_state = GaugeMetricFamily("gardu_gateways", "Gateways by state", labels=["state"])
        for state in State:
            by_state.add_metric([state], states[state])
        yield by_state
        held = office.database.value("SELECT COALESCE(SUM(seq), 0) FROM chain")
        yield CounterMetricFamily("gardu_records", "Records held", value=int(held))
        waiting = office.database.value("SELECT COUNT(*) FROM provisional")
        yield GaugeMetricFamily("gardu_provisional", "Records known by SMS alone", value=int(waiting))
        yield from self._told()
        yield from self._alerts()
        aside = office.database.value("SELECT COALESCE(SUM(times), 0) FROM quarantine")
        yield CounterMetricFamily("gardu_quarantined", "Envelopes put aside", value=int(aside))

    def _alerts(self) -> Iterator[GaugeMetricFamily]:
        counts = alerts.counts(self._office.database)
        by_severity = GaugeMetricFamily("gardu_alerts", "Open alerts by severity", labels=["severity"])
        for severity in Severity:
            by_severity.add_metric([severity], counts[severity])
        yield by_severity
        failing = GaugeMetricFamily("gardu_alert_channel_failures", "Failures in a row", labels=["channel"])
        kept = outbox.health(self._office.database)
        for channel in self._office.channels:
            failing.add_metric([channel.name], kept[channel.name].failures if channel.name in kept else 0)
        yield failing

    def _told(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("gardu_webhook_waiting", "Records that a program waits for", labels=["endpoint"])
        dead = GaugeMetricFamily("gardu_webhook_dead", "Records that a program did not take", labels=["endpoint"])
        counts = deliveries.counts(self._office.database)
        for endpoint in endpoints.everyone(self._office.database):
            count = counts.get(endpoint.id, Count())
            waiting.add_metric([endpoint.name], count.waiting)
            dead.add_metric([endpoint.name], count.dead)
        yield waiting
        yield dead
