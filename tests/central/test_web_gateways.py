"""The pages about gateways, as IT sees them; what the documentation says of states and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from central import audit, fleet, gateway_history, labels
from central.database import micros
from central.quarantine import put_aside
from central.states import REMEDIES, State
from central.web.gateways import lasted
from central.web.pages import STATES
from mqtt_bridge.records import ModemReport, SimReport, encode

from .factories import GATEWAY, NOW, OTHER, reason, status
from .test_web import Site, digest

__all__ = ["digest"]
DOCS = Path(__file__).parents[2] / "docs" / "fleet.md"


@pytest.fixture
def site(tmp_path: Path, digest: str) -> Iterator[Site]:
    made = Site(tmp_path)
    made.database.run("INSERT INTO person (name, password, created) VALUES ('admin', ?, 0)", digest)
    made.log_in()
    yield made
    made.database.close()


def hear(site: Site, id_: str = GATEWAY, *, online: bool = True, **said: Any) -> None:
    fleet.add(site.database, id_, NOW)
    body = encode(status(id_, **said))
    site.database.run(
        "UPDATE gateway SET online = ?, seen = ?, status = ? WHERE id = ?", int(online), micros(NOW), body, id_
    )


def shown(site: Site, address: str) -> list[str]:
    """The gateways of a page, in their order."""
    answer = site.client.get(address)
    assert answer.status_code == 200
    return re.findall(r'<a id="of-([a-z0-9-]+)"', answer.text)


def test_the_address_holds_what_is_looked_at(site: Site) -> None:
    hear(site)
    for number in range(60):
        hear(site, f"k-{number:02}", online=number > 2, modem=ModemReport(state="home", signal=number))
    assert shown(site, "/")[:4] == ["k-00", "k-01", "k-02", GATEWAY]
    assert shown(site, "/?state=down") == ["k-00", "k-01", "k-02"]
    assert shown(site, "/?sort=-signal&search=k-")[0] == "k-59"
    assert len(shown(site, "/?page=2")) == 11
    page = site.client.get("/?search=k-&sort=-signal&page=2").text
    assert "Halaman 2 dari 2, 60 gateway" in page
    assert 'hx-get="/?search=k-&amp;sort=-signal&amp;page=2"' in page
    assert 'href="/?search=k-&amp;state=down&amp;sort=-signal"' in page
    assert 'aria-sort="descending"' in page


@pytest.mark.parametrize(
    "query",
    ["state=x", "page=0", "page=x", "page=9999999999999999999", "sort=__class__", "tag=%00", "search=%00%25"],
)
def test_an_odd_address_is_a_page_too(site: Site, query: str) -> None:
    assert site.client.get(f"/?{query}").status_code == 200


def test_what_is_found_nowhere_and_who_has_none_hear_the_next_step(site: Site) -> None:
    assert "Tampilkan semua gateway" in site.client.get("/?search=zzz").text
    for table in ("desired", "employee", "gateway"):
        site.database.run(f"DELETE FROM {table}")
    assert '<a href="/enrolments">Daftarkan yang pertama</a>' in site.client.get("/").text


def test_the_page_of_a_gateway_says_why_and_what_to_do(site: Site) -> None:
    hear(
        site,
        reasons=(reason("clock"), reason("sim-balance")),
        sim=SimReport(at=NOW, balance=4500, days_left=2),
        certificate_until=NOW + timedelta(days=12),
        heat=71.2,
        started=NOW - timedelta(hours=30),
    )
    put_aside(site.database, GATEWAY, "signed for another gateway", b"", NOW)
    site.database.run("UPDATE desired SET version = ?", int(NOW.timestamp()) - 3600)
    text = " ".join(site.client.get(f"/gateways/{GATEWAY}").text.split())
    for words in (
        "sebab clock (+1 lagi)", REMEDIES["clock"], REMEDIES["sim-balance"], "Rp 4.500", "2 hari lagi", "12 hari",
        "71 °C", "1 hari", "belum diterapkan</span> sejak Sel 24 Nov 07:00 WIB", "signed for another gateway",
        "Ani &lt;b&gt;",
    ):  # fmt: skip
        assert words in text, words


def test_a_gateway_that_was_never_heard_of_has_a_page(site: Site) -> None:
    text = site.client.get(f"/gateways/{GATEWAY}").text
    assert "Belum pernah terhubung" in text
    assert "Belum ada riwayat" in text
    for missing in ("nobody", "%00"):
        assert site.client.get(f"/gateways/{missing}").status_code == 404
        assert site.client.get(f"/gateways/{missing}/history").status_code == 404


def test_the_charts_have_a_value_for_every_time(site: Site) -> None:
    hear(site)
    for minutes, signal in ((0, 40), (30, 55)):
        said = status(at=NOW - timedelta(minutes=minutes), modem=ModemReport(state="home", signal=signal))
        gateway_history.note(site.database, said, NOW, retained=True)
    for span, step, many in (("24h", 300, 289), ("30d", 3600, 721), ("x", 300, 289)):
        found = site.client.get(f"/gateways/{GATEWAY}/history?span={span}").get_json()
        assert (found["step"], len(found["times"])) == (step, many)
        assert {len(found[name]) for name in gateway_history.COLUMNS} == {many}
        assert found["times"][-1] == NOW.timestamp()
        assert found["signal"][-1] == 40
    for span in ("24h", "30d"):
        text = site.client.get(f"/gateways/{GATEWAY}?span={span}").text
        assert "40%</td>" in text


def test_names_numbers_and_tags_are_kept_and_in_the_audit(site: Site) -> None:
    address = f"/gateways/{GATEWAY}"
    form = {"name": " Dinas  Kesehatan ", "number": "0812 3456 7890", "tags": "Utara sd utara"}
    token = {"csrf_token": site.csrf(address)}
    for _ in range(2):
        assert site.client.post(f"{address}/labels", data=form | token).location == address
    kept = labels.read(site.database, GATEWAY)
    assert kept == labels.Labels("Dinas Kesehatan", "+6281234567890", ("sd", "utara"))
    assert "0812-3456-7890" not in site.client.get("/").text
    assert shown(site, "/?search=812-3456") == shown(site, "/?tag=sd") == [GATEWAY]
    lines = [line for line in audit.lines(site.database) if line.event == "gateway-labels"]
    assert len(lines) == 1
    answer = site.client.post(f"{address}/labels", data=form | token | {"tags": "Dua,Kata"}, follow_redirects=True)
    assert "bukan tanda" in answer.text
    assert labels.read(site.database, GATEWAY) == kept


def test_only_what_one_may_see_is_counted(site: Site) -> None:
    hear(site, OTHER)
    site.database.run("UPDATE person SET roles = 'viewer', gateways = ?", GATEWAY)
    site.log_in()
    assert shown(site, "/") == [GATEWAY]
    assert "<strong>1</strong> Baik" not in site.client.get("/").text
    assert site.client.get(f"/gateways/{OTHER}").status_code == 404
    assert site.client.get(f"/gateways/{OTHER}/history").status_code == 404


@pytest.mark.parametrize(("minutes", "words"), [(-1, "0 menit"), (59, "59 menit"), (61, "1 jam"), (3000, "2 hari")])
def test_how_long_in_words(minutes: int, words: str) -> None:
    assert lasted(timedelta(minutes=minutes)) == words


def test_the_documentation_names_every_state_and_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+)", DOCS.read_text(), re.MULTILINE)
    assert {name: words.strip() for name, words in rows if name in set(State)} == STATES
    assert {name for name, _ in rows} == {*State, *REMEDIES}
