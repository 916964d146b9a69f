"""A month of 8,000 people by the rules, and pages of attendance over a large database: server time at the median.

`GARDU_BENCH_RECORDS` and `GARDU_BENCH_GATEWAYS` make the database larger (the figures in docs/attendance.md are of
5,000,000 records of 1,000 gateways); `GARDU_BENCH_DATABASE` names one to be filled instead of a file that is thrown
away. On a busy machine `GARDU_BENCH_CPU=1` counts the time of this process alone.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient

from central import access, calendar
from central.attendance import dates
from central.database import Database, sqlite_url
from central.policy import Planner
from central.rulebooks import load
from central.rules import Proof, Punch, judge
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.records import Action

from . import generator

PEOPLE = 8000
MONTH = (date(2026, 11, 1), date(2026, 11, 30))
ZONE = ZoneInfo("Asia/Jakarta")
LAST = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 23, 30, tzinfo=ZONE)
PASSWORD = "kata-sandi-uji"
ROUNDS = 15
CLOCK = time.process_time if os.environ.get("GARDU_BENCH_CPU") else time.perf_counter


def main() -> None:
    print(f"Judging November of {PEOPLE:,} people: {judged():.1f} s")
    records = int(os.environ.get("GARDU_BENCH_RECORDS", "400000"))
    gateways = int(os.environ.get("GARDU_BENCH_GATEWAYS", "80"))
    with filled(records, gateways) as (_, database):
        held, gateways = (database.value(f"SELECT COUNT(*) FROM {table}") for table in ("record", "gateway"))
        print(f"Pages over {held:,} records of {gateways:,} gateways, server time at the median of {ROUNDS}")
        for name, took in pages(database):
            print(f"  {name:42} {median(took) * 1000:7.1f} ms (slowest {max(took) * 1000:.1f})")


def judged() -> float:
    """The pure core alone, with the records at hand."""
    chance = random.Random(1)
    planner = Planner(load(), ZONE, calendar.holiday)
    days = list(dates(*MONTH))
    proof = Proof(NOW, NOW)
    plans = [plan for day in days if (plan := planner.plan(day))]
    people = []
    for _ in range(PEOPLE):
        punches = []
        for plan in plans:
            came = plan.start + timedelta(minutes=chance.gauss(-15, 12))
            left = plan.end + timedelta(minutes=chance.gauss(20, 12))
            punches.append([Punch(Action.IN, came, "K7QF"), Punch(Action.OUT, left, "K7QG")])
        people.append(punches)
    start = time.perf_counter()
    for punches in people:
        for plan, mine in zip(plans, punches, strict=True):
            judge(plan, mine, proof)
    return time.perf_counter() - start


@contextmanager
def filled(records: int, gateways: int) -> Iterator[tuple[str, Database]]:
    """With its URL."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("GARDU_BENCH_DATABASE") or sqlite_url(Path(folder) / "central.db")
        database = Database(url)
        people = max(PEOPLE, gateways * 20)
        if database.value("SELECT 1 FROM gateway") is None:
            generator.fill(database, gateways=gateways, people=people, records=records, last=LAST)
        yield url, database
        database.close()


def pages(database: Database) -> Iterator[tuple[str, list[float]]]:
    client = logged_in(database)
    gateways = [id_ for (id_,) in database.rows("SELECT id FROM gateway ORDER BY id")]
    people = [id_ for (id_,) in database.rows("SELECT id FROM employee ORDER BY id LIMIT 1000")]
    chance = random.Random(2)

    def office() -> str:
        return f"/attendance/office/{chance.choice(gateways)}"

    def day() -> str:
        return f"{office()}?date={LAST - timedelta(days=chance.randrange(20))}"

    yield "an office on a day", times(client, day)
    yield "a person's month", times(client, lambda: f"/attendance/person/{chance.choice(people)}?month=2026-11")
    yield "why a day is as it is", times(client, lambda: f"/attendance/person/{chance.choice(people)}/{LAST}")
    yield (
        "an office's month",
        times(client, lambda: f"{office()}/month?month=2026-11"),
    )
    yield "the report of incidents", times(client, lambda: f"{office()}/incidents")


def times(client: FlaskClient, path: Callable[[], str], rounds: int = ROUNDS) -> list[float]:
    found = []
    for _ in range(rounds):
        wanted = path()
        start = CLOCK()
        answer = client.get(wanted)
        found.append(CLOCK() - start)
        assert answer.status_code == 200, wanted
    return found


def logged_in(database: Database) -> FlaskClient:
    access.set_password(database, "bench", PASSWORD, datetime.now(UTC))
    app = create_app(Office(database, ZONE, clock=lambda: NOW), "secret")
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    assert client.post("/login", data={"name": "bench", "password": PASSWORD}).status_code == 302
    return client


if __name__ == "__main__":
    main()
