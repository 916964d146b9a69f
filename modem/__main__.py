"""`gardu-modem`: simulate a modem, text into it, look at a real one."""

from __future__ import annotations

import json
import logging
import re
import signal
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from .messages import ModemError, ModemStatus
from .worker import ModemWorker

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BAD_CONFIGURATION = 78
_PHONE = "http://127.0.0.1:8020"


class _Span(click.ParamType[int]):
    """A span of time such as 90, 10m or 6h, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+)([smhd]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no span of time; write 90, 10m or 6h")
        return int(match[1]) * _UNITS[match[2] or "s"]


class _Address(click.ParamType[tuple[str, int]]):
    """HOST:PORT."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            self.fail(f"{value!r} is no HOST:PORT")
        return host.strip("[]"), int(port)


class _Peer(click.ParamType[tuple[str, str]]):
    """NUMBER=URL."""

    name = "number=url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        number, _, url = str(value).partition("=")
        if not re.fullmatch(r"\+?\d{3,15}", number) or not url.startswith("http://"):
            self.fail(f"{value!r} is no NUMBER=URL such as +6281100002=http://127.0.0.1:8021")
        return number, url.rstrip("/")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """GSM modems: one behind a pseudo terminal to try everything with, and a look at a real one."""


@main.command()
@click.option(
    "--device", type=click.Path(path_type=Path), required=True, help="Path that becomes the modem's device."
)
@click.option(
    "--state", type=click.Path(path_type=Path), required=True, help="File that keeps every SMS over a restart."
)
@click.option(
    "--phone", type=_Address(), default="127.0.0.1:8020", show_default=True, help="Where the phone page listens."
)
@click.option(
    "--contacts", type=click.Path(path_type=Path), help="CSV with the columns name and phone; may appear later."
)
@click.option("--number", default="+6281100001", show_default=True, help="The modem's own number, shown on the page.")
@click.option(
    "--capacity", type=click.IntRange(1, 255), default=50, show_default=True, help="SMS slots of each store."
)
@click.option(
    "--utc-offset",
    type=click.IntRange(-12, 14),
    default=7,
    show_default=True,
    help="Hours; 7, 8, 9 are WIB, WITA, WIT.",
)
@click.option(
    "--peer", "peers", type=_Peer(), multiple=True, help="Another modem of this network, by its phone page."
)
@click.option("--verbose", is_flag=True, help="Log more.")
def simulate(
    device: Path,
    state: Path,
    phone: tuple[str, int],
    contacts: Path | None,
    number: str,
    capacity: int,
    utc_offset: int,
    peers: tuple[tuple[str, str], ...],
    verbose: bool,
) -> None:
    """Run an AT modem with SIM, SMS centre and phones until it is stopped."""
    from .simulator.service import Settings, run  # the other commands need no web server

    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(Settings(device, state, *phone, contacts, number, capacity, utc_offset, dict(peers)))
    except (OSError, sqlite3.Error) as error:
        _fail(f"cannot start: {error}", _BAD_CONFIGURATION)


@main.command()
@click.argument("number")
@click.argument("text")
@click.option("--phone", default=_PHONE, show_default=True, help="Address of the simulator's phone page.")
@click.option("--delay", type=_Span(), default=0, help="How long ago the text was handed over, such as 10m or 6h.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="How often the SMS centre delivers it.")
@click.option("--wait", type=_Span(), default=0, help="Wait this long for an answer and print it.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def text(number: str, text: str, phone: str, delay: int, repeat: int, wait: int, as_json: bool) -> None:
    """Send TEXT from the phone NUMBER to the simulated modem."""
    order = {"from": number, "text": text, "delay_seconds": delay, "repeat": repeat}
    receipt = _http(f"{phone}/api/sms", order)
    answers = _answers(phone, number, receipt["id"], wait) if wait else []
    if as_json:
        click.echo(json.dumps({**receipt, "answers": answers}, ensure_ascii=False))
    else:
        for line in answers or ([] if wait else [f"sent, time stamp {receipt['scts']}"]):
            click.echo(line)
    if wait and not answers:
        _fail(f"no answer within {wait} seconds")


def _answers(phone: str, number: str, after: int, wait: int) -> list[str]:
    """The texts that the phone got after message `after`; empty when none came in time."""
    end = time.monotonic() + wait
    while True:
        messages = _http(f"{phone}/api/phones/{urllib.parse.quote(number)}")["messages"]
        answers = [m["text"] for m in messages if m["direction"] == "from-gateway" and m["id"] > after]
        if answers or time.monotonic() >= end:
            return answers
        time.sleep(0.2)


@main.command()
@click.argument("device")
@click.option(
    "--connection", default="at", show_default=True, help="Connection string of libgammu, such as at115200."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def probe(device: str, connection: str, as_json: bool) -> None:
    """Ask the modem at DEVICE who it is and how it stands with the network. Changes nothing."""
    logging.basicConfig(level=logging.WARNING)
    modem = ModemWorker(device, connection)
    try:
        status, clock = modem.status(), modem.network_time()
    except ModemError as error:
        _fail(str(error))
    finally:
        modem.close()
    if as_json:
        click.echo(json.dumps({**asdict(status), "clock": clock.isoformat() if clock else None}))
        return
    for name, value in _rows(device, status, clock):
        click.echo(f"{name:<14}{value}")


def _rows(device: str, status: ModemStatus, clock: datetime | None) -> list[tuple[str, str]]:
    return [
        ("device", device),
        ("model", status.model or "unknown"),
        ("IMEI", status.imei or "unknown"),
        ("network", f"{status.registration.value}{', ' + status.operator if status.operator else ''}"),
        ("signal", "unknown" if status.signal is None else f"{status.signal} %"),
        *((f"SMS store {store.name}", f"{store.used} of {store.capacity} slots used") for store in status.stores),
        ("clock", clock.isoformat() if clock else "not set by the network"),
    ]


def _http(address: str, order: dict[str, Any] | None = None) -> Any:
    data = json.dumps(order).encode() if order is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        _fail(_detail(error))
    except (OSError, ValueError) as error:
        _fail(f"the phone page does not answer: {getattr(error, 'reason', error)}")


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the phone page answers {error.code}"


def _fail(reason: str, code: int = 1) -> NoReturn:
    click.echo(f"error: {reason}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
