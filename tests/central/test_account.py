"""Logging in with a password and a code, sessions that can be ended, and accounts as IT keeps them."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pyotp
import pytest
from cryptography.exceptions import InvalidKey
from flask.testing import FlaskClient

from central import access, audit, endpoints, outbound, second_factor, sessions, users
from central.database import Database, StorageError
from central.roles import Role
from central.second_factor import SECONDS
from central.web import words
from central.web.app import create_app, serve

from ..waiting import free_ports
from .factories import GATEWAY, NOW
from .test_web import PASSWORD, Site

OTHER_PASSWORD = "kata-sandi-lain"
STEP = timedelta(seconds=SECONDS)


class Office(Site):
    """With admin (IT and personnel), a clock that can be set, and any number of browsers."""

    def __init__(self, folder: Path, digest: str) -> None:
        super().__init__(folder)
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.database.run("INSERT INTO person (name, password, created) VALUES ('admin', ?, 0)", digest)

    def browser(self, name: str = "admin") -> FlaskClient:
        """One that is logged in."""
        client = self.app.test_client()
        assert client.post("/login", data={"name": name, "password": PASSWORD}).location == "/"
        return client

    def code(self, secret: str, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(NOW + steps * STEP)

    def events(self) -> list[str]:
        return [line.event for line in audit.lines(self.database)]


@pytest.fixture(scope="module")
def digest() -> str:
    """Hashed once for all tests: it is made to be slow."""
    return access.digest_of_password(PASSWORD)


@pytest.fixture
def office(tmp_path: Path, digest: str) -> Iterator[Office]:
    made = Office(tmp_path, digest)
    yield made
    made.database.close()


def logged_in(client: FlaskClient) -> bool:
    return client.get("/").status_code == 200


# Sessions


def test_the_browser_holds_nothing_that_outlives_the_session(office: Office) -> None:
    client = office.browser()
    cookie = client.get_cookie("session")
    assert cookie
    assert client.post("/logout").status_code == 302
    client.set_cookie("session", cookie.value)
    assert not logged_in(client)


def test_one_sees_and_ends_ones_sessions_and_nobody_elses(office: Office) -> None:
    one, two, three = (office.browser() for _ in range(3))
    users.add(office.database, "budi", PASSWORD, [Role.VIEWER], [], "admin", NOW)
    other = office.browser("budi")
    page = one.get("/account").text
    ends = re.findall(r"/account/sessions/[0-9a-f]{64}/end", page)
    assert len(ends) == 2
    assert other.post(ends[0]).status_code == 404
    assert one.post(ends[0]).status_code == 302
    assert sorted([logged_in(two), logged_in(three)]) == [False, True]
    fourth = office.browser()
    one.post("/account/sessions/end")
    assert (logged_in(one), logged_in(fourth), logged_in(other)) == (True, False, True)


def test_a_session_ends_after_a_working_day_however_busy_it_is(office: Office) -> None:
    token = sessions.begin(office.database, "admin", "10.0.0.1", "Firefox\x00", NOW)
    for hour in range(12):
        found = sessions.find(office.database, token, NOW + timedelta(hours=hour))
        assert found
    assert (found.origin, found.agent, found.seen) == ("10.0.0.1", "Firefox", NOW + timedelta(hours=10))
    assert sessions.find(office.database, token, NOW + timedelta(hours=12)) is None
    sessions.begin(office.database, "admin", "", "", NOW + timedelta(hours=13))
    assert office.database.value("SELECT COUNT(*) FROM session") == 1


def test_only_digests_of_sessions_are_kept(office: Office) -> None:
    token = sessions.begin(office.database, "admin", "10.0.0.1", "", NOW)
    assert token not in str(office.database.rows("SELECT * FROM session"))


# Passwords


def test_another_password_ends_all_sessions(office: Office) -> None:
    one, two = office.browser(), office.browser()
    form = {"present": PASSWORD, "fresh": OTHER_PASSWORD, "again": OTHER_PASSWORD}
    assert one.post("/account/password", data=form).location == "/login"
    assert (logged_in(one), logged_in(two)) == (False, False)
    assert access.password_fits(office.database, "admin", OTHER_PASSWORD)
    assert "password-changed" in office.events()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"present": "falsch-falsch", "fresh": OTHER_PASSWORD, "again": OTHER_PASSWORD}, "sekarang salah"),
        ({"present": PASSWORD, "fresh": OTHER_PASSWORD, "again": "something else"}, "tidak sama"),
        ({"present": PASSWORD, "fresh": "short", "again": "short"}, "paling sedikit 8"),
        ({}, "sekarang salah"),
    ],
)
def test_a_password_that_can_not_be_changed_is_said(office: Office, form: dict[str, str], said: str) -> None:
    client = office.browser()
    assert said in client.post("/account/password", data=form, follow_redirects=True).text
    assert access.password_fits(office.database, "admin", PASSWORD)


def test_guesses_at_one_account_are_slowed_down_from_wherever_they_come(office: Office) -> None:
    def guess(number: int, name: str = "Admin", password: str = "wrong") -> int:
        form = {"name": name, "password": password}
        address = {"REMOTE_ADDR": f"10.0.0.{number}"}
        return office.app.test_client().post("/login", data=form, environ_overrides=address).status_code

    assert [guess(number) for number in range(11)] == [401] * 10 + [429]
    assert guess(99, "admin", PASSWORD) == 429
    assert guess(99, "somebody-else") == 401


def test_who_stands_behind_a_proxy_is_told_apart_only_if_it_is_ours(tmp_path: Path) -> None:
    for proxies, expected in ((0, [200] * 10 + [429] * 2), (1, [200] * 12)):
        folder = tmp_path / str(proxies)
        folder.mkdir()
        site = Site(folder, proxies=proxies)
        form = {"csrf_token": site.csrf()}
        codes = [
            site.client.post("/login", data=form, headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(12)
        ]
        assert codes == expected
        site.database.close()


def test_what_a_proxy_says_reaches_the_application_through_the_server(office: Office) -> None:
    office.app = create_app(office.office, "secret", proxies=1)
    office.app.config["WTF_CSRF_ENABLED"] = False
    (port,) = free_ports(1)
    with serve(f"127.0.0.1:{port}", office.app):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"X-Forwarded-For": "203.0.113.7", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", f"name=admin&password={PASSWORD}", headers)
        assert connection.getresponse().status == 302
        connection.close()
    assert office.database.value("SELECT origin FROM session") == "203.0.113.7"


# The code from a phone


def test_a_code_from_a_phone_is_set_up_asked_for_and_ended(office: Office) -> None:
    client = office.browser()
    page = client.get("/account/second-factor").text
    found = re.search(r'class="secret">([A-Z2-7]{32})<', page)
    assert found
    assert "data:image/svg+xml" in page
    assert client.post("/account/second-factor", data={"code": "000000"}).status_code == 400
    codes = client.post("/account/second-factor", data={"code": office.code(found[1])})
    recovery = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", codes.text)
    assert len(recovery) == second_factor.CODES
    kept = str(office.database.rows("SELECT * FROM recovery_code"))
    assert not any(each in kept or each.replace("-", "") in kept for each in recovery)

    fresh = office.app.test_client()
    halfway = fresh.post("/login?next=/records", data={"name": "admin", "password": PASSWORD})
    assert halfway.location == "/login/code?next=/records"
    assert not logged_in(fresh)
    for wrong in ("000000", "", office.code(found[1]), "ABCD-EFGH-IJKL-MNOP"):  # the third was used to set it up
        assert fresh.post("/login/code", data={"code": wrong}).status_code in (200, 401)
    assert not logged_in(fresh)
    assert fresh.post("/login/code?next=/records", data={"code": office.code(found[1], 1)}).location == "/records"
    assert logged_in(fresh)

    lost = office.app.test_client()
    for place, expected in ((0, True), (0, False), (1, True)):
        lost.post("/login", data={"name": "admin", "password": PASSWORD})
        lost.post("/login/code", data={"code": recovery[place].lower().replace("-", " ")})
        assert logged_in(lost) == expected
        lost = office.app.test_client()

    assert "Kata sandi salah" in client.post("/account/second-factor/end", follow_redirects=True).text
    client.post("/account/second-factor/end", data={"present": PASSWORD})
    assert logged_in(office.browser())
    assert [event for event in office.events() if event.startswith("second")] == [
        "second-factor-enabled",
        "second-factor-disabled",
    ]


def test_a_code_counts_once_and_a_moment_early_or_late(office: Office) -> None:
    secret = second_factor.new_secret()
    assert second_factor.enable(office.database, "admin", secret, office.code(secret), NOW)
    for steps, expected in ((-1, False), (0, False), (1, True), (1, False), (2, False)):
        assert second_factor.fits(office.database, "admin", office.code(secret, steps), NOW) == expected
    later = NOW + 3 * STEP
    spaced = f"{office.code(secret, 2)[:3]} {office.code(secret, 2)[3:]}"
    assert second_factor.fits(office.database, "admin", spaced, later)
    assert not second_factor.fits(office.database, "admin", "١٢٣٤٥٦", later)
    assert not second_factor.fits(office.database, "nobody", office.code(secret, 4), later)


def test_a_password_alone_opens_no_door_and_is_good_for_a_moment(office: Office) -> None:
    secret = second_factor.new_secret()
    second_factor.enable(office.database, "admin", secret, office.code(secret), NOW)
    client = office.app.test_client()
    assert client.get("/login/code").location.startswith("/login")
    client.post("/login", data={"name": "admin", "password": PASSWORD})
    with client.session_transaction() as session:
        session["half"]["at"] -= 301 * 1_000_000
        session.modified = True
    assert client.post("/login/code", data={"code": office.code(secret, 1)}).location.startswith("/login")


def test_a_former_password_leads_no_further_than_to_the_code(office: Office) -> None:
    secret = second_factor.new_secret()
    second_factor.enable(office.database, "admin", secret, office.code(secret), NOW)
    client = office.app.test_client()
    client.post("/login", data={"name": "admin", "password": PASSWORD})
    users.reset_password(office.database, "admin", OTHER_PASSWORD, "it", NOW)
    assert client.post("/login/code", data={"code": office.code(secret, 1)}).location.startswith("/login")
    assert not logged_in(client)


def test_another_password_is_not_set_without_a_word_in_the_audit(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(audit, "append", fail)
    with pytest.raises(StorageError):
        users.reset_password(office.database, "admin", OTHER_PASSWORD, "it", NOW)
    assert access.password_fits(office.database, "admin", PASSWORD)


def test_guesses_at_a_code_are_slowed_down(office: Office) -> None:
    secret = second_factor.new_secret()
    second_factor.enable(office.database, "admin", secret, office.code(secret), NOW)
    codes = []
    for number in range(12):
        client = office.app.test_client()
        address = {"REMOTE_ADDR": f"10.0.0.{number}"}
        client.post("/login", data={"name": "admin", "password": PASSWORD}, environ_overrides=address)
        codes.append(client.post("/login/code", data={"code": "123456"}, environ_overrides=address).status_code)
    assert codes[:10] == [401] * 10
    assert codes[-1] != 401


def test_guesses_at_a_code_are_counted_at_the_account_whatever_name_the_form_has(office: Office) -> None:
    secret = second_factor.new_secret()
    second_factor.enable(office.database, "admin", secret, office.code(secret), NOW)
    client = office.app.test_client()
    client.post("/login", data={"name": "admin", "password": PASSWORD})
    codes = [
        client.post(
            "/login/code",
            data={"code": "123456", "name": f"other-{number}"},
            environ_overrides={"REMOTE_ADDR": f"10.0.0.{number}"},
        ).status_code
        for number in range(11)
    ]
    assert codes == [401] * 10 + [429]


# What IT does with accounts


def test_an_account_from_its_beginning_to_its_end(office: Office) -> None:
    admin = office.browser()
    made = admin.post("/accounts", data={"name": "budi", "role": ["opd-admin"], "gateway": [GATEWAY]})
    found = re.search(r'class="secret">([^<]+)<', made.text)
    assert found
    assert access.password_fits(office.database, "budi", found[1])
    assert users.one(office.database, "budi") == users.User(
        "budi", frozenset({Role.OPD_ADMIN}), frozenset({GATEWAY}), False, NOW
    )
    assert "budi" in admin.get("/accounts").text
    office.database.run("UPDATE person SET password = (SELECT password FROM person WHERE name = 'admin')")
    budi = office.browser("budi")
    admin.post("/accounts/budi/rights", data={"role": ["viewer", "nonsense"]})
    assert not logged_in(budi)
    budi = office.browser("budi")
    assert "Kata sandi untuk budi" in admin.post("/accounts/budi/reset").text
    assert not logged_in(budi)
    office.database.run("UPDATE person SET totp = 'A', totp_step = 1 WHERE name = 'budi'")
    admin.post("/accounts/budi/reset", data={"what": "second-factor"})
    assert not second_factor.needed(office.database, "budi")
    assert admin.post("/accounts/budi/remove").location == "/accounts"
    assert users.one(office.database, "budi") is None
    for path in ("/accounts/budi", "/accounts/none"):
        assert admin.get(path).status_code == 404
    assert [event for event in office.events() if event.startswith(("user", "password"))] == [
        "user-added", "user-changed", "password-changed", "user-removed",
    ]  # fmt: skip
    assert audit.verify(office.database).broken is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "a b", "role": "it"}, "hanya boleh berisi"),
        ({"name": "admin", "role": "it"}, "sudah ada"),
        ({"name": "budi"}, "paling sedikit satu peran"),
        ({"name": "budi", "role": "opd-admin"}, "perlu paling sedikit satu gateway"),
        ({"name": "budi", "role": "viewer", "gateway": "nowhere"}, "tidak ada"),
    ],
)
def test_an_account_that_can_not_be_made_is_said(office: Office, form: dict[str, str], said: str) -> None:
    assert said in office.browser().post("/accounts", data=form, follow_redirects=True).text


def test_the_last_who_may_give_roles_can_not_be_removed(office: Office) -> None:
    client = office.browser()
    assert "Hanya admin" in client.post("/accounts/admin/remove", follow_redirects=True).text
    assert "Hanya admin" in client.post("/accounts/admin/rights", data={"role": "viewer"}, follow_redirects=True).text
    assert logged_in(client)


def test_the_audit_is_shown_page_by_page_and_by_person(office: Office) -> None:
    with office.database.transaction():
        for number in range(150):
            audit.append(office.database, "budi" if number % 2 else "ani", "event", {"n": number, "x": "<b>"}, NOW)
    client = office.browser()
    first = client.get("/audit").text
    older = re.search(r'href="(/audit\?before=\d+)"', first)
    assert older
    assert ("&#34;n&#34;:149" in first, "&#34;n&#34;:10," in first, "<b>" in first) == (True, False, False)
    assert "&#34;n&#34;:10," in client.get(older[1]).text
    budi = client.get("/audit?who=budi").text
    assert (">ani<" in budi, ">budi<" in budi) == (False, True)
    for query in ("before=x", "before=-1", f"before={2**70}", "who=%00"):
        assert client.get(f"/audit?{query}").status_code == 200


def test_every_refusal_has_its_words(office: Office) -> None:
    codes = {code for kind in (users.BadUser, endpoints.BadEndpoint, outbound.BadUrl) for code in kind.texts}
    assert codes <= set(words.REFUSALS)


def test_names_that_nobody_has_take_as_long_as_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same work: the password is held against a digest of the same costs."""
    access.password_fits(office.database, "nobody", "x" * 8)  # makes the digest that is compared with
    costs = []

    def refuse(_password: bytes, digest: str) -> None:
        costs.append(digest.split("$")[1:4])
        raise InvalidKey

    monkeypatch.setattr(access, "Argon2id", SimpleNamespace(verify_phc_encoded=refuse))
    for name in ("admin", "nobody"):
        assert not access.password_fits(office.database, name, "wrong-password")
    assert costs[0] == costs[1]
    assert len(costs) == 2


def test_a_session_of_somebody_who_is_gone_is_none(database: Database) -> None:
    access.set_password(database, "ani", PASSWORD, NOW)
    token = sessions.begin(database, "ani", "", "", NOW)
    assert sessions.find(database, token, NOW)
    access.set_password(database, "ani", OTHER_PASSWORD, NOW)
    assert sessions.find(database, token, NOW) is None
