"""The pages about gateways, the city's days and the figures for machines over a large database (see `grading`), and
the memory of a real `gardu-central web` after it served them all.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import median
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from central import access, calendar
from central.attendance import Attendance
from central.city import City
from central.database import Database, micros
from central.policy import Planner
from central.rulebooks import load
from tests.waiting import free_ports

from . import generator
from .grading import CLOCK, LAST, NOW, PASSWORD, ROUNDS, ZONE, filled, logged_in, times

DAYS = 20  # of the city, back from the last


def main() -> None:
    records = int(os.environ.get("GARDU_BENCH_RECORDS", "400000"))
    gateways = int(os.environ.get("GARDU_BENCH_GATEWAYS", "80"))
    with filled(records, gateways) as (url, database):
        held, known = (database.value(f"SELECT COUNT(*) FROM {table}") for table in ("record", "gateway"))
        print(f"Fleet and city over {held:,} records of {known:,} gateways, server time at the median of {ROUNDS}")
        for name, took in pages(database):
            print(f"  {name:42} {median(took) * 1000:7.1f} ms (slowest {max(took) * 1000:.1f})")
        print(f"  memory of `gardu-central web` afterwards   {memory(url, database):7.0f} MB")


def pages(database: Database) -> Iterator[tuple[str, list[float]]]:
    attendance = Attendance(database, Planner(load(), ZONE, calendar.holiday))
    counted = []
    for number in range(DAYS):
        start = CLOCK()
        City(database, attendance).store(LAST - timedelta(days=number), NOW)
        counted.append(CLOCK() - start)
    yield "counting a day beforehand (nobody waits)", counted
    client, chance = logged_in(database), random.Random(2)
    ids = [id_ for (id_,) in database.rows("SELECT id FROM gateway ORDER BY id")]
    first = [times(client, lambda n=n: _city(n), rounds=1)[0] for n in range(DAYS)]  # type: ignore[misc]
    yield "the city on a day, first view", first
    yield "the city on a day, again", times(client, lambda: _city(3))
    yield "the city while a twentieth has news", times(client, lambda: _news(database, ids, chance))
    yield "the fleet", times(client, lambda: "/")
    yield "the fleet, one state", times(client, lambda: "/?state=sick")
    yield "the fleet, searched", times(client, lambda: f"/?search={chance.randrange(10, 99)}")
    yield "the fleet, by signal, page 3", times(client, lambda: "/?sort=-signal&page=3")
    yield "a gateway", times(client, lambda: f"/gateways/{chance.choice(ids)}")
    yield "a gateway, 30 days", times(client, lambda: f"/gateways/{chance.choice(ids)}?span=30d")
    yield "its charts", times(client, lambda: f"/gateways/{chance.choice(ids)}/history?span=30d")
    yield "the records of today", times(client, lambda: "/records")
    yield "/metrics", times(client, lambda: "/metrics")


def _city(number: int) -> str:
    return f"/attendance?date={LAST - timedelta(days=number)}"


def _news(database: Database, ids: list[str], chance: random.Random) -> str:
    """A record of somebody in each of some offices."""
    seq = int(database.value("SELECT MAX(id) FROM record")) + 1_000_000_000
    rows = []
    for place, gateway in enumerate(chance.sample(ids, max(1, len(ids) // 20))):
        employee = database.value("SELECT id FROM employee WHERE gateway = ? ORDER BY id LIMIT 1", gateway)
        at = micros(NOW) - chance.randrange(3_600_000_000)
        rows.append((gateway, "j", seq + place, employee, "in", at, at, "sms", "none", "", "NEWS", "", "", at))
    database.insert_all("record", generator.RECORD, rows)
    return "/attendance"


def memory(url: str, database: Database) -> float:
    """MB that are resident after every page was served by it several times."""
    ids = [id_ for (id_,) in database.rows("SELECT id FROM gateway ORDER BY id LIMIT 20")]
    with running(url, database) as (process, opener, address):
        for number in range(20):
            day = LAST - timedelta(days=number)
            for path in (
                "/",
                f"/gateways/{ids[number % len(ids)]}",
                f"/attendance?date={day}",
                "/records",
                "/metrics",
            ):
                opener.open(address + path, timeout=60).read()
        status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@contextmanager
def running(url: str, database: Database) -> Iterator[tuple[subprocess.Popen[bytes], OpenerDirector, str]]:
    """A server on that database, and somebody who is logged in."""
    access.set_password(database, "bench", PASSWORD, datetime.now(UTC))
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "central.toml"
        (Path(folder) / "keys").mkdir()
        config.write_text(
            f'[central]\ndata_dir = "{folder}/data"\ndatabase_url = "{url}"\n[broker]\nhost = "127.0.0.1"\n'
            f'[gateways]\nkeys_dir = "{folder}/keys"\n[web]\nlisten = "127.0.0.1:{port}"\n'
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "central", "web", "--config", str(config)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process, _logged_in(address), address
        finally:
            process.terminate()
            process.wait(20)


def _logged_in(address: str) -> OpenerDirector:
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    for _ in range(300):
        try:
            page = opener.open(f"{address}/login", timeout=5).read().decode()
            break
        except OSError:
            time.sleep(0.1)
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
    form = urlencode({"name": "bench", "password": PASSWORD, "csrf_token": token}).encode()
    opener.open(f"{address}/login", form, timeout=30).read()
    return opener


if __name__ == "__main__":
    main()
