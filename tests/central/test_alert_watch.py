"""Messages that leave: gathered, retried, never lost; against real receivers on this machine."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central import alerts, channels, fleet, outbox
from central.alert_watch import Heart, Plan, Teller, Watch
from central.alerting import Self, Severity, Sight, Terms
from central.channels import Channel
from central.config import AlertChannel
from central.database import Database, micros
from central.pulse import Pulse
from mqtt_bridge.records import SimReport, encode
from mqtt_bridge.settings import ConfigError

from .factories import NOW, status

WIB = ZoneInfo("Asia/Jakarta")
MINUTE = timedelta(minutes=1)
SEVERAL = ("a-1", "b-1", "c-1", "d-1", "e-1")


@dataclass
class Receiver:
    """Takes what apprise posts; answers with `status`."""

    url: str = ""
    status: int = 200
    heard: list[dict[str, Any]] = field(default_factory=list)
    got: list[str] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if made.status == 200:
                made.heard.append(body)
            self._answer()

        def do_GET(self) -> None:
            made.got.append(self.path)
            self._answer()

        def _answer(self) -> None:
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"json://127.0.0.1:{server.server_port}/rahasia-sekali"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


class Desk:
    """A database with gateways, one channel, and a clock that a test turns."""

    def __init__(self, database: Database, url: str, **options: Any) -> None:
        self.database = database
        self.now = NOW
        self.channel = Channel("grup", url, **options)
        self.plan = Plan(Terms(), WIB, (self.channel,), page="https://gardu.example/alerts")
        self.online = dict.fromkeys(SEVERAL, True)
        for gateway in SEVERAL:
            fleet.add(database, gateway, NOW)
        outbox.join(database, "grup")

    def teller(self, **changes: Any) -> Teller:
        from dataclasses import replace

        return Teller(self.database, self.channel, replace(self.plan, **changes), lambda: self.now)

    def look(self, minutes: int) -> None:
        for _ in range(minutes):
            sights = {
                name: Sight(name, online=online, seen=self.now, status=status(name), held=5)
                for name, online in self.online.items()
            }
            alerts.evaluate(self.database, sights, Self(), Terms(), self.now)
            self.now += MINUTE

    def down(self, *gateways: str) -> None:
        self.online.update(dict.fromkeys(gateways, False))
        self.look(6)


@pytest.fixture
def desk(database: Database, receiver: Receiver) -> Desk:
    return Desk(database, receiver.url)


def test_many_at_once_are_one_message(desk: Desk, receiver: Receiver) -> None:
    desk.down(*SEVERAL)
    assert desk.teller().step()
    assert not desk.teller().step()
    (heard,) = receiver.heard
    assert heard["title"] == "Gardu: 5 gawat"
    line = "- 5 gateway, a-1, b-1, c-1, d-1, e-1: Terputus dari broker (sejak 24/11 08.00, 6 menit)"
    assert line in heard["message"]
    assert heard["message"].count("→ Periksa listrik") == 1
    assert heard["message"].endswith("https://gardu.example/alerts\nRef G-1")


def test_it_waits_a_moment_for_others(desk: Desk, receiver: Receiver) -> None:
    desk.down("a-1")
    desk.now -= MINUTE
    assert not desk.teller().step()
    desk.now += timedelta(seconds=30)
    assert desk.teller().step()
    assert receiver.heard[0]["title"] == "Gardu: 1 gawat (a-1)"


def test_the_end_is_told_once(desk: Desk, receiver: Receiver) -> None:
    desk.down("a-1")
    desk.teller().step()
    desk.online["a-1"] = True
    desk.look(30)
    desk.teller().step()
    assert [heard["title"] for heard in receiver.heard] == ["Gardu: 1 gawat (a-1)", "Gardu: 1 pulih (a-1)"]
    assert "PULIH\n- a-1: Terputus dari broker (setelah 6 menit)" in receiver.heard[1]["message"]


def test_what_came_and_went_while_the_channel_was_away_is_one_message(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 500
    desk.down("a-1")
    assert not desk.teller().step()
    for gateway in ("b-1", "c-1"):
        desk.down(gateway)
    desk.online["b-1"] = True
    desk.look(10)
    receiver.status = 200
    desk.now += timedelta(hours=1)
    while desk.teller().step():
        pass
    assert [heard["title"] for heard in receiver.heard] == ["Gardu: 1 gawat (a-1)", "Gardu: 1 gawat, 1 pulih"]


def test_one_that_fails_rests_longer_each_time_and_says_why(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 503
    desk.down("a-1")
    rests = []
    for _ in range(9):
        assert not desk.teller().step()
        kept = outbox.health(desk.database)["grup"]
        assert kept.resume
        rests.append((kept.resume - desk.now).total_seconds())
        desk.now = kept.resume - timedelta(seconds=1)
        assert not desk.teller().step()
        assert outbox.health(desk.database)["grup"].failures == kept.failures
        desk.now = kept.resume
    assert rests == [10, 30, 60, 300, 900, 1800, 3600, 3600, 3600]
    assert outbox.health(desk.database)["grup"].problem == "answered 503"
    receiver.status = 200
    assert desk.teller().step()
    healed = outbox.health(desk.database)["grup"]
    assert (healed.failures, healed.problem, healed.failing, healed.sent) == (0, "", None, desk.now)


def test_a_channel_hears_what_is_its(database: Database, receiver: Receiver) -> None:
    database.run("DELETE FROM gateway")
    desk = Desk(database, receiver.url, tags=frozenset({"kesehatan"}), gateways=frozenset({"b-1"}))
    database.run("UPDATE gateway SET tags = 'kesehatan kota' WHERE id = 'a-1'")
    desk.down(*SEVERAL)
    alerts.evaluate(database, {}, Self(listening=False, disk_free=1), Terms(), desk.now)
    desk.look(6)
    desk.teller().step()
    assert "- 2 gateway, a-1, b-1:" in receiver.heard[0]["message"]
    quiet = Channel("x", "json://x", Severity.CRITICAL)
    assert [quiet.hears(severity, "a-1", frozenset()) for severity in Severity] == [True, False, False]


def test_a_new_channel_is_not_told_of_what_was(desk: Desk, receiver: Receiver) -> None:
    desk.down("a-1")
    desk.channel = Channel("baru", receiver.url)
    assert not desk.teller().step()
    desk.down("b-1")
    desk.teller().step()
    assert [heard["title"] for heard in receiver.heard] == ["Gardu: 1 gawat (b-1)"]


# The morning


def test_every_morning_one_message_even_when_all_is_well(desk: Desk, receiver: Receiver) -> None:
    desk.now = datetime(2026, 11, 24, 6, 29, tzinfo=WIB)
    seen = micros(desk.now)
    for gateway in SEVERAL:
        said = encode(status(gateway))
        desk.database.run("UPDATE gateway SET online = 1, seen = ?, status = ? WHERE id = ?", seen, said, gateway)
    assert not desk.teller(digest="06:30").step()
    desk.now += MINUTE
    assert desk.teller(digest="06:30").step()
    assert not desk.teller(digest="06:30").step()
    assert receiver.heard[0]["title"] == "Gardu 24/11/2026: semua baik"
    assert "Semua baik: 5 gateway memberi kabar." in receiver.heard[0]["message"]
    desk.now += timedelta(days=1)
    assert desk.teller(digest="06:30").step()
    assert receiver.heard[1]["title"] == "Gardu 25/11/2026: 5 tanpa kabar"


def test_the_morning_names_who_is_silent_and_which_sim_runs_out(desk: Desk, receiver: Receiver) -> None:
    desk.down("a-1")
    desk.now = datetime(2026, 11, 24, 23, 45, tzinfo=UTC)  # in Jakarta it is the 25th
    sim = SimReport(at=NOW, balance=12_500, valid_until=date(2026, 11, 28), days_left=20)
    for gateway in SEVERAL[1:]:
        said = encode(status(gateway, sim=sim if gateway == "b-1" else None))
        desk.database.run(
            "UPDATE gateway SET online = 1, seen = ?, status = ? WHERE id = ?", micros(desk.now), said, gateway
        )
    desk.teller(digest="06:30").step()
    heard = receiver.heard[0]
    assert heard["title"] == "Gardu 25/11/2026: 1 terbuka, 1 tanpa kabar, 1 pulsa hampir habis"
    assert "TERBUKA\n- a-1: Terputus dari broker" in heard["message"]
    assert "- a-1: belum pernah terhubung" in heard["message"]
    assert "- b-1: 3 hari lagi, pulsa Rp 12.500" in heard["message"]


def test_a_morning_that_could_not_be_sent_gives_way_to_the_next(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 500
    desk.now = datetime(2026, 11, 24, 7, 0, tzinfo=WIB)
    desk.teller(digest="06:30").step()
    receiver.status = 200
    desk.now += timedelta(days=1)
    while desk.teller(digest="06:30").step():
        pass
    assert [heard["title"][:16] for heard in receiver.heard] == ["Gardu 25/11/2026"]


# Killed


def test_whoever_is_killed_between_sending_and_marking_sends_it_again(tmp_path: Path, receiver: Receiver) -> None:
    """At least once, with the same reference; and once it is marked never again."""
    url = f"sqlite:///{tmp_path}/central.db"
    database = Database(url)
    desk = Desk(database, receiver.url)
    desk.down("a-1")
    code = f"""
import os
from datetime import datetime
from central import outbox
from central.alert_watch import Teller
from central.channels import Channel
from tests.central.test_alert_watch import Desk
from central.database import Database
outbox.delivered = lambda *_: os.kill(os.getpid(), 9)
desk = Desk(Database({url!r}), {receiver.url!r})
desk.now = datetime.fromisoformat({desk.now.isoformat()!r})
desk.teller().step()
"""
    died = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], env=os.environ, check=False)
    assert died.returncode == -9
    assert len(receiver.heard) == 1
    assert desk.teller().step()
    assert not desk.teller().step()
    first, second = receiver.heard
    assert (first["title"], first["message"]) == (second["title"], second["message"])
    database.close()


def test_what_was_not_committed_was_not_told(desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end between the alert and its event leaves neither."""
    whole = desk.database.insert_all

    def broken(table: str, *rest: Any) -> None:
        if table == "alert_event":
            raise RuntimeError
        whole(table, *rest)

    desk.online["a-1"] = False
    desk.look(5)
    monkeypatch.setattr(desk.database, "insert_all", broken)
    with pytest.raises(RuntimeError):
        desk.look(1)
    monkeypatch.undo()
    assert alerts.firing(desk.database) == []
    desk.look(2)
    desk.teller().step()
    assert [heard["title"] for heard in receiver.heard] == ["Gardu: 1 gawat (a-1)"]


# Ways out


def test_mail_goes_to_a_real_server() -> None:
    with mail_server() as (port, mails):
        url = f"mailto://127.0.0.1:{port}/?from=gardu@example.go.id&to=it@example.go.id&mode=insecure"
        assert channels.send(Channel("surat", url), "Gardu: 1 gawat", "dinkes-01: Terputus") == ""
    assert "Subject: Gardu: 1 gawat" in mails[0]
    assert "dinkes-01: Terputus" in mails[0]


def test_a_channel_whose_plug_in_breaks_has_not_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_values: object, **_named: object) -> None:
        raise RuntimeError("json://127.0.0.1:9/rahasia-sekali")

    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.send", send)
    problem = channels.send(Channel("rusak", "json://127.0.0.1:9/rahasia-sekali"), "t", "b")
    assert problem
    assert "rahasia" not in problem


def test_no_secret_is_said(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 500
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)  # as the services log
    desk.down("a-1")
    desk.teller().step()
    channels.send(Channel("mati", "json://127.0.0.1:9/rahasia-sekali"), "t", "b")
    root.removeHandler(handler)
    root.setLevel(level)
    kept = desk.database.rows("SELECT * FROM alert_channel")
    assert "rahasia" not in f"{written.getvalue()}{desk.channel!r}{kept}"
    assert "JSON" not in written.getvalue()  # nothing of what apprise says


@pytest.mark.parametrize(
    ("url", "said"),
    [("nonsense", "without its kind"), ("bot://rahasia", "begins with bot://"), ("", "x.txt can not")],
)
def test_an_address_that_can_not_be_is_refused_without_being_told(tmp_path: Path, url: str, said: str) -> None:
    settings = AlertChannel(name="grup", url=url, url_file="" if url else str(tmp_path / "x.txt"))
    with pytest.raises(ConfigError, match=said) as problem:
        channels.load([settings])
    assert "alerts.channels[0]" in str(problem.value)
    assert "rahasia" not in str(problem.value)


def test_every_address_of_a_channel_must_be_usable() -> None:
    with pytest.raises(ConfigError, match="can not use an address"):
        channels.load([AlertChannel(name="grup", url="json://localhost, nosuch://x")])


def test_an_address_may_lie_in_a_file(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "url").write_text(receiver.url + "\n")
    (made,) = channels.load([AlertChannel(name="grup", url_file=str(tmp_path / "url"))])
    assert channels.send(made, "t", "b") == ""
    assert made.kind == "json"


def test_the_heart_beats_while_all_is_well(database: Database, receiver: Receiver) -> None:
    from dataclasses import replace

    now = [NOW]
    url = receiver.url.replace("json", "http")
    plan = Plan(replace(Terms(), central_disk_mb=1), WIB, heartbeat=url)
    watch = Watch(database, plan, lambda: now[0])
    heart = Heart(watch, plan, lambda: now[0])
    assert not heart.step()  # it has not looked yet
    Pulse(database).beat("", now[0])
    watch.step()
    assert heart.step()
    assert not heart.step()
    now[0] += timedelta(minutes=5)
    assert not heart.step()  # nobody has looked since
    watch.step()
    assert not heart.step()  # the collector is gone
    Pulse(database).beat("", now[0])
    watch.step()
    receiver.status = 500
    assert not heart.step()
    receiver.status = 200
    assert heart.step()
    assert receiver.got == ["/rahasia-sekali"] * 3


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Speaks just enough SMTP for one mail."""
    mails: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with closing(connection), connection.makefile("rw", encoding="utf-8", newline="\r\n") as lines:

            def say(text: str) -> None:
                lines.write(f"{text}\r\n")
                lines.flush()

            say("220 here")
            while line := lines.readline():
                word = line.split()[0].upper() if line.split() else ""
                if word == "DATA":
                    say("354 go on")
                    mails.append("".join(iter(lines.readline, ".\r\n")))
                say("221 bye" if word == "QUIT" else "250 fine")
                if word == "QUIT":
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], mails
        thread.join(5)
    finally:
        server.close()
