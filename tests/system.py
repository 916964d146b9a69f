"""A whole Gardu of real processes on loopback: simulator, gateway, broker and central, by their own commands."""

from __future__ import annotations

import csv
import getpass
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from central import desired
from central.__main__ import main as central
from central.database import Database
from gateway.__main__ import main as gateway
from gateway.presence import shown

from .typed import typed
from .waiting import eventually, free_ports

BIN = Path(sys.executable).parent
GATEWAY = "dinkes-01"
WHOLE = ("broker", "central", "gateway", "modem")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GARDU_")}

CENTRAL = """\
[central]
data_dir = "{folder}/central"
it_numbers = ["+6281299990001"]
{database}
[broker]
host = "127.0.0.1"
port = {broker}
{trust}
[web]
listen = "127.0.0.1:{central}"
{keys}
[policy]
presence = "{presence}"
[uplink]
number = "+6281100009"
"""

GATEWAY_TOML = """\
[gateway]
id = "dinkes-01"
data_dir = "{folder}/gateway"
[modem]
device = "{device}"
poll_seconds = 0.2
[screen]
number = "{number}"
[ussd]
secret = "{ussd}"
[web]
listen = "127.0.0.1:{gateway}"
"""

# What a gateway is told where its keys are handed over as files, instead of being enrolled.
HANDED_OVER = """\
[broker]
host = "127.0.0.1"
port = {broker}
[central]
public_key = "{folder}/central/central.pub"
"""
USSD_SECRET = "a secret of the aggregator"


MOSQUITTO = """\
listener {broker} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
"""


def fetch(url: str, data: Any = None, token: str | None = None) -> Any:
    """JSON of a GET, or of a POST of `data`; None while nobody answers."""
    request = urllib.request.Request(url)
    if data is not None:
        request.data = json.dumps(data).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except OSError:
        return None


def receipt_in(answer: str) -> str:
    match = re.search(r"No\. ([2-9A-Z]{4})\.", answer)
    assert match, answer
    return match[1]


class System:
    """Starts, kills and stops the processes by name; `phones` are the numbers of its employees.

    With the broker `tls`, mosquitto runs as `broker-config` sets it up, and the gateway has to `enrol` first.
    """

    def __init__(
        self,
        folder: Path,
        *,
        employees: int = 5,
        broker: str = "embedded",
        database_url: str = "",
        device: str = "",
        presence: str = "off",
        number: str = "",
    ) -> None:
        self.folder = folder
        self.broker = broker
        names = ("central", "gateway", "phone", "broker")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.device = device or f"{folder}/modem/device"
        self.phones = [f"+62812{1000000 + number}" for number in range(employees)]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._configure(database_url, presence, number)
        self._fill()

    def __enter__(self) -> System:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self.processes):
            self.stop(name)

    @property
    def commands(self) -> dict[str, list[str]]:
        central = ["--config", f"{self.folder}/central.toml"]
        modem = ["--device", self.device, "--state", f"{self.folder}/modem/state.db"]
        broker = {
            "embedded": [f"{BIN}/gardu-central", "broker", *central],
            "mosquitto": ["mosquitto", "-c", f"{self.folder}/mosquitto.conf"],
            "tls": ["mosquitto", "-c", f"{self.folder}/mosquitto.conf"],
        }
        return {
            "modem": [f"{BIN}/gardu-modem", "simulate", *modem, "--phone", f"127.0.0.1:{self.ports['phone']}"],
            "gateway": [f"{BIN}/gardu-gateway", "run", "--config", f"{self.folder}/gateway.toml"],
            "broker": broker[self.broker],
            "central": [f"{BIN}/gardu-central", "run", *central],
            "collector": [f"{BIN}/gardu-central", "collector", *central],
            "web": [f"{BIN}/gardu-central", "web", *central],
        }

    # Processes

    def start(self, *names: str) -> None:
        for name in names or WHOLE:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name], stdout=log, stderr=log, env={**ENVIRONMENT, "PATH": _path()}
                )

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not stop in time") from None

    # What people and programs do

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def page(self, name: str, path: str) -> str:
        with urllib.request.urlopen(self.url(name, path), timeout=10) as response:
            return str(response.read().decode())

    def text(self, number: str, text: str, **options: Any) -> Any:
        """A phone texts; tried until the simulator takes it."""
        message = {"from": number, "text": text, **options}
        return eventually(lambda: fetch(self.url("phone", "/api/sms"), message), what="the phone")

    def answers(self, number: str) -> list[str]:
        chat = fetch(self.url("phone", f"/api/phones/{number}")) or {"messages": []}
        return [each["text"] for each in chat["messages"] if each["direction"] == "from-gateway"]

    def records(self) -> list[dict[str, Any]]:
        """All records of the API, oldest first, page by page, once central answers."""
        found: list[dict[str, Any]] = []
        more, cursor = True, ""
        while more:
            url = self.url("central", f"/api/v1/records?limit=500{cursor}")
            page = eventually(partial(fetch, url, token=self.token), what="central's records")
            found += page["items"]
            more, cursor = page["more"], f"&cursor={page['next']}"
        return found

    def record_of(self, receipt: str) -> dict[str, Any]:
        """The record with that receipt, once it is there."""
        found = eventually(lambda: [each for each in self.records() if each["receipt"] == receipt], what=receipt)
        return dict(found[0])

    def answered(self, number: str, count: int = 1) -> list[str]:
        """That many answers to a phone, once they are there."""

        def enough() -> list[str]:
            found = self.answers(number)
            return found if len(found) >= count else []

        return list(eventually(enough, what=f"answer {count}"))

    def presence_code(self) -> str:
        """What the office's screen must show now, by the secret that central gave out."""
        database = Database(f"sqlite:///{self.folder}/central/central.db")
        wanted = desired.newest(database, GATEWAY)
        database.close()
        assert wanted
        return shown(wanted.secrets[GATEWAY], datetime.now(UTC), wanted.policy).code

    def ussd(self, session: str, phone: str, typed: str) -> str:
        """What the aggregator hears."""
        form = {"sessionId": session, "phoneNumber": phone, "serviceCode": "*888#", "text": typed}
        request = urllib.request.Request(self.url("gateway", "/ussd"), urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", f"Bearer {USSD_SECRET}")
        with urllib.request.urlopen(request, timeout=10) as response:
            return str(response.read().decode())

    def status(self) -> Mapping[str, Any]:
        """What the gateway says of itself; empty while it does not answer."""
        return fetch(self.url("gateway", "/status.json")) or {}

    def taken(self) -> bool:
        """Whether no SMS waits for the gateway: none in a slot, none on its way there."""
        state = fetch(self.url("phone", "/api/state"))
        return bool(state) and state["used"] + state["queued"] == 0

    def central(self, *arguments: str) -> str:
        done = typed(central, *arguments, "--config", f"{self.folder}/central.toml")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def invite(self, gateway: str = GATEWAY, *options: str) -> tuple[str, str]:
        """URL and token for a gateway."""
        made = json.loads(self.central("gateway", "add", gateway, "--json", *options))
        return made["url"], made["token"]

    def gateway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`gardu-gateway` as a technician runs it."""
        return typed(gateway, *arguments, "--config", f"{self.folder}/gateway.toml")

    def enrol(self, *options: str) -> str:
        """By a token, over HTTP: central must be running."""
        eventually(lambda: fetch(self.url("central", "/healthz")), what="central")
        done = self.gateway("enrol", *self.invite(GATEWAY, *options))
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Set-up

    def _configure(self, database_url: str, presence: str, number: str) -> None:
        for part in ("central", "gateway", "modem", "keys"):
            (self.folder / part).mkdir(exist_ok=True)
        trusted = self.broker == "tls"
        values = {
            "folder": self.folder,
            "device": self.device,
            "presence": presence,
            "number": number,
            "ussd": USSD_SECRET,
            "database": f'database_url = "{database_url}"' if database_url else "",
            "trust": f'tls = true\nconfig_dir = "{self.folder}/broker"' if trusted else "",
            "keys": "" if trusted else f'[gateways]\nkeys_dir = "{self.folder}/keys"',
            **self.ports,
        }
        gateway = GATEWAY_TOML + ("" if trusted else HANDED_OVER)
        for name, text in (("central.toml", CENTRAL), ("gateway.toml", gateway), ("mosquitto.conf", MOSQUITTO)):
            (self.folder / name).write_text(text.format(**values))
        if trusted:
            self._configure_broker()
        else:
            (self.folder / "keys" / f"{GATEWAY}.pub").symlink_to(self.folder / "gateway" / "gateway.pub")

    def _configure_broker(self) -> None:
        """As it is written, but for the user: another one could not read a test's folder. All refusals are logged."""
        self.central("broker-config")
        settings = (self.folder / "broker" / "mosquitto.conf").read_text()
        own = f"user {getpass.getuser()}\nlog_type all\n"
        (self.folder / "mosquitto.conf").write_text(f"{settings}\n{own}")

    def _fill(self) -> None:
        roster = self.folder / "roster.csv"
        with roster.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["nip", "name", "phone", "gateway"])
            for number, phone in enumerate(self.phones):
                rows.writerow(
                    [f"19900101{2010 + number // 1000}011{number % 1000:03}", f"Pegawai {number}", phone, GATEWAY]
                )
        self.central("gateway", "add", GATEWAY)
        self.central("roster", "import", str(roster))
        self.password = "kata-sandi-uji"
        (self.folder / "password").write_text(self.password)
        roles = ("--role", "it", "--role", "personnel")
        self.central("user", "add", "admin", *roles, "--password-file", str(self.folder / "password"))
        self.token = json.loads(self.central("token", "add", "test", "--json"))["token"]


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
