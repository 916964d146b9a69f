"""Central's pages in two languages: nothing is left out of the translation, and every reader gets their own."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import central
from central import users
from central.languages import LOCALE, N_, _, read_in, reader, reading
from mqtt_bridge.records import Language

from .factories import GATEWAY
from .test_rights import Town

HERE = Path(central.__file__).parent
STAYS = {"Gardu", "Gateway", "API", "GB", "NIP", "Shift", "No", ""}
# What is in one language by intention: commands and formats, official documents, the API's own words.
OFFICIAL = {"evidence_body.html", "evidence_alone.html"}
LEFT_AS_IT_IS = (
    r"<code.*?</code>", r"\{#.*?#\}", r"\{% trans.*?endtrans %\}", r"\{% call official.*?endcall %\}",
    r'<div lang="en">.*?</div>\n', r"\{[{%].*?[%}]\}",
)  # fmt: skip
# Words that hardly any Indonesian sentence does without.
INDONESIAN = {
    "yang", "belum", "tidak", "sudah", "dan", "dari", "untuk", "dengan", "ini", "itu", "ada", "hari", "jam",
    "keluar", "masuk", "simpan", "cari", "semua", "pegawai", "kantor", "catatan", "keadaan", "terakhir", "lalu",
    "sampai", "bulan", "tanggal", "waktu", "kata", "sandi", "peran", "tanpa", "hadir", "pulang", "sakit",
}  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.database.close()


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    read_in(Language.INDONESIAN)


def test_every_text_has_its_english() -> None:
    with (LOCALE / "extract.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    extracted = extract_from_dir(HERE, methods, options)
    wanted = {(where, message) for _, _, message, _, where in extracted}
    with (LOCALE / "en/LC_MESSAGES/central.po").open("rb") as file:
        catalog = [message for message in read_po(file, locale="en") if message.id]
    held = {(message.context, message.id): message.string for message in catalog}
    assert set(held) == wanted, "run `make texts`, and translate what is new"
    assert not [text for text, english in held.items() if not (english if isinstance(english, str) else all(english))]
    assert not [message.id for message in catalog if message.fuzzy]
    compiled = gettext.translation("central", LOCALE, ["en"])
    for (where, text), english in held.items():
        if isinstance(text, str):
            assert _places(text) == _places(english), text
            found = compiled.pgettext(where, text) if where else compiled.gettext(text)
            assert found == english, "run `make texts`"


def _places(text: str) -> set[str]:
    """What is filled in: `{name}` in Python, `%(name)s` in templates."""
    names = {name for _, name, _, _ in Formatter().parse(text) if name is not None} if "{" in text else set()
    return names | set(re.findall(r"%\(\w+\)s|%%", text))


def _said(page: str) -> list[str]:
    """Between tags, and where a browser reads an attribute out."""
    return re.findall(r'(?:aria-label|data-label|title|alt)="([^"]*)"', page) + re.split(r"<[^>]*>", page)


def test_no_template_holds_a_text_that_is_not_translated() -> None:
    found = {}
    for path in sorted(each for each in (HERE / "web/templates").rglob("*.html") if each.name not in OFFICIAL):
        text = path.read_text()
        for part in LEFT_AS_IT_IS:
            text = re.sub(part, "", text, flags=re.S)
        said = _said(text)
        bare = {each.strip(" .,:()·–/→%+\n") for each in said} - STAYS
        if bare := {each for each in bare if re.search(r"[A-Za-z]{2}", each)}:
            found[path.name] = bare
    assert not found


@pytest.mark.parametrize("name", ["dian", "vina"])
def test_who_reads_english_sees_no_indonesian(town: Town, name: str) -> None:
    """On every page that opens, and on the answers to forms that are wrong."""
    english = {"Accept-Language": "en"}
    town.database.run("UPDATE person SET language = ''")
    seen = 0
    for rule in town.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        answer = town.client(name).get(town.path(rule), headers=english)
        if answer.mimetype != "text/html" or answer.status_code == 302:
            continue
        seen += 1
        assert '<html lang="en">' in answer.text, rule
        page = re.sub(
            r'<code.*?</code>|<button[^>]*lang="id".*?</button>|<div lang="id">.*</div>', "", answer.text, flags=re.S
        )
        words = set(re.findall(r"\w+", " ".join(_said(page)).lower()))
        assert not words & INDONESIAN, (rule, words & INDONESIAN)
    assert seen > 10


def test_a_text_is_that_of_its_reader() -> None:
    assert _(N_("Keluar")) == "Keluar"
    with reading(Language.ENGLISH):
        assert _("Keluar") == "Log out"
        assert _("") == ""
    assert reader() is Language.INDONESIAN


def test_the_browser_asks_for_its_language(town: Town) -> None:
    for asked, given in (("en-US,en;q=0.9", "en"), ("id-ID", "id"), ("de", "id"), ("id;q=0.5,en", "en"), ("", "id")):
        page = town.client().get("/login", headers={"Accept-Language": asked}).text
        assert f'<html lang="{given}">' in page, asked


def test_the_switch_is_kept_in_the_browser_and_wins_over_what_it_asks_for(town: Town) -> None:
    client = town.client()
    came = {"Referer": "http://localhost/login?next=%2Frecords"}
    answer = client.post("/language", data={"language": "en"}, headers=came)
    assert answer.location == "/login?next=%2Frecords"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert '<html lang="en">' in client.get("/login", headers={"Accept-Language": "id"}).text
    client.post("/language", data={"language": "id"})
    assert '<html lang="id">' in client.get("/login", headers={"Accept-Language": "en"}).text


def test_who_is_logged_in_takes_their_language_along(town: Town) -> None:
    town.client("peni").post("/language", data={"language": "en"})
    assert users.one(town.database, "peni").language is Language.ENGLISH  # type: ignore[union-attr]
    assert "Log out" in town.client("peni").get("/", headers={"Accept-Language": "id"}).text
    town.client("peni").post("/language", data={"language": "id"})
    assert "Keluar" in town.client("peni").get("/", headers={"Accept-Language": "en"}).text


ELSEWHERE = ["https://evil.example", "http://localhost//evil", "http://localhost/\\evil", "", "js:x", "http://["]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_switch_leads_nowhere_else(town: Town, target: str) -> None:
    answer = town.client().post("/language", data={"language": "en"}, headers={"Referer": target})
    assert answer.location == "/"


def test_a_language_that_nobody_speaks_is_no_request(town: Town) -> None:
    assert town.client().post("/language", data={"language": "xx"}).status_code == 400


def test_a_page_that_is_the_answer_to_a_form_can_not_be_switched(town: Town) -> None:
    """It would be gone."""
    employee = town.ids[GATEWAY]["employee"]
    assert 'class="tongue"' in town.client("peni").get("/people").text
    assert 'class="tongue"' not in town.client("peni").post(f"/people/{employee}/reveal").text
