"""The pages of alerts and maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import render_template

from central import alerts, audit, fleet, maintenance, outbox, sessions
from central.alerting import Self, Severity, Sight, Terms
from central.channels import Channel
from central.maintenance import Kind

from .factories import GATEWAY, NOW, OTHER, status
from .test_web import Site

MINUTE = timedelta(minutes=1)
SECRET = "json://127.0.0.1:9/rahasia-sekali"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two gateways are down, one since ten minutes, and one channel that can not be reached."""
    made = Site(tmp_path)
    made.app.config["WTF_CSRF_ENABLED"] = False
    object.__setattr__(made.office, "channels", (Channel("grup", SECRET, Severity.CRITICAL),))
    fleet.add(made.database, OTHER, NOW)
    for name, roles, gateways in (("tina", "it", ""), ("vivi", "viewer", GATEWAY), ("vina", "viewer", "")):
        row = (name, "", 0, roles, gateways)
        made.database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [row])
    gone = {name: Sight(name, online=False, seen=NOW, status=status(name)) for name in (GATEWAY, OTHER)}
    for minute in range(11):
        seen = Self(disk_free=1)
        alerts.evaluate(made.database, gone, seen, Terms(), NOW + (minute - 10) * MINUTE)
    enter(made, "tina")
    yield made
    made.database.close()


def enter(site: Site, name: str) -> None:
    token = sessions.begin(site.database, name, "", "", NOW)
    with site.client.session_transaction() as session:
        session.update({"_user_id": token, "_fresh": True})


def post(site: Site, path: str, **form: str) -> str:
    answer = site.client.post(path, data=form, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def test_what_is_open_with_its_remedy(site: Site) -> None:
    page = site.client.get("/alerts").text
    assert page.count("→ Periksa listrik dan jaringan data kantor") == 2
    assert GATEWAY in page
    assert ">Pusat<" in page
    assert "10 menit lalu" in page
    assert 'gardu_alerts{severity="critical"} 3.0' in site.client.get("/metrics").text


def test_somebody_sees_to_it(site: Site) -> None:
    number = alerts.firing(site.database)[0].id
    page = post(site, f"/alerts/{number}/acknowledge", note="<b>ke kantor</b>")
    assert "Anda yang mengurusnya" in page
    assert "tina, baru saja" in page
    assert "&lt;b&gt;ke kantor&lt;/b&gt;" in page
    assert [line.event for line in audit.lines(site.database)][-1] == "alert-acknowledged"
    assert "sudah selesai" in post(site, "/alerts/999/acknowledge")
    assert "paling panjang 200" in post(site, f"/alerts/{number}/acknowledge", note="x" * 201)


def test_whoever_sees_one_gateway_sees_its_alerts_alone_and_does_nothing(site: Site) -> None:
    enter(site, "vivi")
    page = site.client.get("/alerts").text
    assert GATEWAY in page
    assert OTHER not in page
    assert "Pusat" not in page.partition("<h1")[2]
    assert "Saya urus" not in page
    assert "Catat pemeliharaan" not in page
    assert "grup" not in page
    assert OTHER not in site.client.get("/alerts/history").text
    for path in ("/alerts/1/acknowledge", "/maintenance", "/maintenance/1/end", "/alerts/channels/grup/test"):
        assert site.client.post(path).status_code == 403
    enter(site, "vina")
    assert ">Pusat<" in site.client.get("/alerts").text


def test_maintenance_is_begun_listed_and_ended(site: Site) -> None:
    form = {"target": f"gateway:{GATEWAY}", "since": "2026-11-24T08:00", "until": "2026-11-24T10:00"}
    page = post(site, "/maintenance", why="ganti <modem>", **form)
    assert "Pemeliharaan dicatat" in page
    assert "ganti &lt;modem&gt;" in page
    assert "24/11/2026 10:00:00 WIB" in page
    assert maintenance.active(site.database, NOW) == {GATEWAY}
    (window,) = maintenance.coming(site.database, NOW)
    assert "diakhiri" in post(site, f"/maintenance/{window.id}/end")
    assert maintenance.active(site.database, NOW) == set()
    assert "diakhiri tina" in site.client.get("/alerts/history").text
    assert [line.event for line in audit.lines(site.database)][-2:] == ["maintenance", "maintenance-end"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"until": "2026-11-24T07:00"}, "sesudah mulainya"),
        ({"until": "2027-11-24T07:00"}, "paling lama 60 hari"),
        ({"until": "2026-11-24T10:00", "why": " "}, "Tulis mengapa"),
        ({"until": "2026-11-24T10:00", "target": "gateway:x"}, "Gateway x tidak ada"),
        ({"until": "2026-11-24T10:00", "target": "tag:x\0"}, "tanda x"),
    ],
)
def test_maintenance_that_can_not_be_is_said(site: Site, form: dict[str, str], said: str) -> None:
    assert said in post(site, "/maintenance", **{"target": "all", "why": "uji", **form})
    assert maintenance.coming(site.database, NOW) == []


@pytest.mark.parametrize(
    "form", [{"target": "moon"}, {"target": "all", "since": "x"}, {"target": "all", "until": "0"}]
)
def test_odd_forms_are_refused(site: Site, form: dict[str, str]) -> None:
    assert site.client.post("/maintenance", data=form).status_code == 400


def test_how_a_channel_is_without_its_address(site: Site) -> None:
    outbox.join(site.database, "grup")
    outbox.failed(site.database, "grup", "answered 401", NOW)
    page = site.client.get("/alerts").text
    assert "Gagal 1 kali" in page
    assert "answered 401" in page
    assert 'gardu_alert_channel_failures{channel="grup"} 1.0' in site.client.get("/metrics").text
    assert "rahasia" not in page
    page = post(site, "/alerts/channels/grup/test")
    assert "Tidak terkirim" in page
    assert "rahasia" not in page
    assert site.client.post("/alerts/channels/x/test").status_code == 404


def test_history_by_filter_and_page(site: Site) -> None:
    well = {name: Sight(name, online=True, seen=NOW + 60 * MINUTE, status=status(name)) for name in (GATEWAY, OTHER)}
    for minute in (60, 66):
        seen = {name: Sight(name, True, NOW + minute * MINUTE, status(name), held=5) for name in well}
        alerts.evaluate(site.database, seen, Self(disk_free=1), Terms(), NOW + minute * MINUTE)
    page = site.client.get("/alerts/history").text
    assert page.count("Terputus dari broker</td>") == 2
    assert site.client.get(f"/alerts/history?subject={OTHER}").text.count("Terputus dari broker</td>") == 1
    enter(site, "vivi")
    assert site.client.get(f"/alerts/history?subject={OTHER}").text.count("Terputus dari broker</td>") == 0
    assert site.client.get("/alerts/history").text.count("Terputus dari broker</td>") == 1
    assert "Tidak ada yang cocok" in site.client.get("/alerts/history?severity=info&page=99999999999").text
    assert site.client.get("/alerts/history?subject=%00&rule=%00&page=x").status_code == 200


def test_a_gateways_past_can_be_included(site: Site) -> None:
    maintenance.add(site.database, Kind.GATEWAY, GATEWAY, NOW - MINUTE, NOW + MINUTE, "tina", "ganti modem", NOW)
    with site.app.test_request_context():
        shown = render_template("gateway_incidents.html", gateway=GATEWAY)
        assert "belum selesai" in shown
        assert "ganti modem" in shown
        assert "Tidak ada gangguan" in render_template("gateway_incidents.html", gateway="baru-01")
