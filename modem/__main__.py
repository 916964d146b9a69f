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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from . import operators, probing
from .messages import ModemError
from .ussd import read
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


class _Code(click.ParamType[str]):
    """A USSD code or a choice in a menu."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[0-9*#+]{1,160}", str(value)):
            self.fail(f"{value!r} is no code; write digits, * and #, in quotes: '*888#'")
        return str(value)


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
    "--by-id",
    type=click.Path(path_type=Path),
    help="Folder for a link that stays when the device's name changes, as in /dev/serial/by-id.",
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
    by_id: Path | None,
    verbose: bool,
) -> None:
    """Run an AT modem with SIM, SMS centre and phones until it is stopped."""
    from .simulator.service import Settings, run  # the other commands need no web server

    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(Settings(device, state, *phone, contacts, number, capacity, utc_offset, by_id, dict(peers)))
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
@click.argument("kind", required=False)
@click.argument("parameters", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--for", "seconds", type=_Span(), help="How long it holds, such as 90, 10m or 6h; else until cleared.")
@click.option("--times", type=click.IntRange(1, 10_000), help="How many commands or messages it spoils.")
@click.option("--list", "listing", is_flag=True, help="Show what holds, and every kind with its parameters.")
@click.option("--clear", is_flag=True, help="End all faults, or with KIND those of that kind.")
@click.option("--phone", default=_PHONE, show_default=True, help="Address of the simulator's phone page.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def fault(
    kind: str | None,
    parameters: tuple[str, ...],
    seconds: int | None,
    times: int | None,
    listing: bool,
    clear: bool,
    phone: str,
    as_json: bool,
) -> None:
    """Let something be wrong with the simulated modem, its SIM or its network, such as `silent --for 90`."""
    if listing + clear + (kind is not None and not clear) != 1:
        raise click.UsageError("name a KIND of fault, or one of --list and --clear")
    if (listing or clear) and (parameters or seconds or times):
        raise click.UsageError("--list and --clear take no parameters, --for or --times")
    address = f"{phone}/api/faults"
    if listing:
        answer = _http(address)
        lines = [*_active_lines(answer["active"]), "", *_kind_lines(answer["kinds"])]
    elif clear:
        answer = _clear(address, kind)
        lines = [f"{answer['cleared']} cleared"]
    else:
        answer = _http(address, _fault_order(str(kind), parameters, seconds, times))
        lines = [f"{kind} holds, number {answer['id']}" if answer["id"] else f"{kind} sent"]
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else "\n".join(lines))


def _fault_order(kind: str, parameters: tuple[str, ...], seconds: int | None, times: int | None) -> dict[str, Any]:
    if wrong := [each for each in parameters if "=" not in each]:
        raise click.UsageError(f"{wrong[0]!r} is no NAME=VALUE")
    given = dict(each.split("=", 1) for each in parameters)
    return {"kind": kind, "parameters": given, "seconds": seconds, "times": times}


def _clear(address: str, kind: str | None) -> dict[str, int]:
    """End all faults, or those of a kind; says how many there were."""
    if kind is None:
        return dict(_http(address, method="DELETE"))
    known = _http(address)
    if kind not in known["kinds"]:
        _fail(f"there is no fault {kind!r}; there are {', '.join(known['kinds'])}")
    doomed = [each["id"] for each in known["active"] if each["kind"] == kind]
    for identity in doomed:
        _http(f"{address}/{identity}", method="DELETE")
    return {"cleared": len(doomed)}


def _active_lines(active: list[dict[str, Any]]) -> list[str]:
    return [f"{each['id']:>3} {each['kind']} {_values(each)}" for each in active] or ["Nothing is wrong."]


def _kind_lines(kinds: dict[str, dict[str, Any]]) -> list[str]:
    return ["Kinds:", *(f"  {name:<13}{_values(kind)}".rstrip() for name, kind in kinds.items())]


def _values(fault: dict[str, Any]) -> str:
    """Parameters, and what is left of it when it has an end."""
    words = [f"{name}={value}" for name, value in fault["parameters"].items()]
    if fault.get("seconds_left") is not None:
        words.append(f"for {fault['seconds_left']:g} s")
    if fault.get("times_left") is not None:
        words.append(f"{fault['times_left']} times")
    return " ".join(words)


_connection = click.option(
    "--connection", default="at", show_default=True, help="Connection string of libgammu, such as at115200."
)
_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
_device = click.option("--device", required=True, help="The modem, such as /dev/serial/by-id/…")


@main.command()
@click.argument("device")
@_connection
@_json
def probe(device: str, connection: str, as_json: bool) -> None:
    """Say which functions of the modem at DEVICE work, and fail when one does not that a gateway needs.

    Changes nothing.
    """
    logging.basicConfig(level=logging.WARNING)
    try:
        findings = probing.probe(device, connection)
    except ModemError as error:
        _fail(str(error))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.works, finding.needed]:<9}{finding.function:<15}{finding.detail}")
    if any(finding.needed and not finding.works for finding in findings):
        sys.exit(1)


_MARKS = {(True, True): "works", (True, False): "works", (False, True): "MISSING", (False, False): "without"}


@main.command()
@click.argument("code", type=_Code())
@click.argument("choices", type=_Code(), nargs=-1)
@_device
@_connection
@_json
def ussd(code: str, choices: tuple[str, ...], device: str, connection: str, as_json: bool) -> None:
    """Dial the USSD CODE such as *888#, make CHOICES in its menus, and show the last answer."""
    with _opened(device, connection) as modem:
        answer, imsi = modem.dial(code, *choices), modem.status().imsi
    known = operators.load()
    account = read(answer.text, operators.of_sim(known, imsi) or known[0], datetime.now().astimezone().date())
    if as_json:
        until = account.valid_until.isoformat() if account.valid_until else None
        click.echo(json.dumps({**asdict(answer), "balance": account.balance, "valid_until": until}))
    else:
        click.echo(answer.text or f"no text: {answer.status}")
        if account:
            click.echo(f"understood: balance {account.balance}, valid until {account.valid_until}")
    if not answer.text:
        sys.exit(1)


@main.command("signal")
@_device
@_connection
@click.option("--watch", is_flag=True, help="Again and again, to find the antenna's best place.")
@_json
def signal_(device: str, connection: str, watch: bool, as_json: bool) -> None:
    """Show how well the modem hears the network."""
    with _opened(device, connection) as modem:
        while True:
            status = modem.status()
            if as_json:
                click.echo(
                    json.dumps({name: getattr(status, name) for name in ("signal", "registration", "operator")})
                )
            else:
                level = "unknown" if status.signal is None else f"{status.signal} %"
                operator = f", {status.operator}" if status.operator else ""
                click.echo(f"{level:<9}{status.registration}{operator}")
            if not watch:
                return
            time.sleep(1)


@main.command()
@_device
@_connection
@_json
def inbox(device: str, connection: str, as_json: bool) -> None:
    """List the SMS that lie in the modem. Nothing is deleted."""
    with _opened(device, connection) as modem:
        found = modem.receive()
    if as_json:
        click.echo(json.dumps([asdict(sms) for sms in found], ensure_ascii=False, default=datetime.isoformat))
        return
    for sms in found:
        sent = f"{sms.sent:%Y-%m-%d %H:%M:%S %z}" if sms.sent else "no time stamp"
        click.echo(f"{sms.location:>6}  {sent:<26}{sms.number:<16}{' '.join(sms.text.split())}")
    if not found:
        click.echo("no SMS")


@contextmanager
def _opened(device: str, connection: str) -> Iterator[ModemWorker]:
    """The modem for one command; what goes wrong with it ends the command in one line."""
    logging.basicConfig(level=logging.WARNING)
    modem = ModemWorker(device, connection)
    try:
        yield modem
    except ModemError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(0)
    finally:
        modem.close()


def _http(address: str, order: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = json.dumps(order).encode() if order is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
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
