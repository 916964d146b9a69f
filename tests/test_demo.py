"""`make demo` as a newcomer runs it, over the whole of its life."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from .system import ENVIRONMENT, fetch, receipt_in
from .waiting import eventually

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The demo's own files at another place, so that a demo of the developer's is left alone."""
    shutil.copytree(ROOT / "deploy" / "demo", tmp_path / "deploy" / "demo")
    return tmp_path


def start(checkout: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(checkout / "deploy" / "demo" / "demo.py")]
    environment = {**ENVIRONMENT, "GARDU_DEMO_PORT": str(port)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stop(demo: subprocess.Popen[str]) -> str:
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=30)
    assert demo.returncode == 0, said
    return said


def test_the_demo_answers_survives_kills_and_goes_on_with_what_it_had(checkout: Path) -> None:
    port = four_in_a_row()
    demo = start(checkout, port)
    try:
        credentials = checkout / "var" / "demo" / "credentials.json"
        eventually(lambda: fetch(f"http://127.0.0.1:{port + 1}/readyz"), 60, "the gateway being ready")
        known = json.loads(credentials.read_text())
        assert set(known) == {"user", "password", "api_token", "central_url", "phone_url", "gateway_url"}
        first, second = (
            line.split(",")[2] for line in (checkout / "var/demo/roster.csv").read_text().splitlines()[1:3]
        )
        check_in(known, first)
        for name in ("gardu-gateway", "gardu-central", "gardu-modem"):
            os.kill(process(checkout, name), signal.SIGKILL)
        check_in(known, second)
        taken = subprocess.run([sys.executable, str(checkout / "deploy/demo/demo.py")], env={**ENVIRONMENT,
            "GARDU_DEMO_PORT": str(port)}, capture_output=True, text=True, timeout=30, check=False)  # fmt: skip
        assert taken.returncode == 1
        assert f"Port {port} (central) is taken" in taken.stderr
    finally:
        said = stop(demo)
    assert known["central_url"] in said
    assert known["password"] in said

    demo = start(checkout, port)
    try:
        found = eventually(lambda: fetch(f"{known['central_url']}/api/v1/records", token=known["api_token"]), 60)
        assert len(found["items"]) == 2
    finally:
        stop(demo)


def four_in_a_row() -> int:
    """The first of four free ports, from below those that the system hands out to everybody else."""
    while True:
        first = random.randrange(20_000, 30_000)
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + 4):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def check_in(known: dict[str, str], phone: str) -> None:
    """Text, hear the answer, see the record by its receipt."""
    order = {"from": phone, "text": "HADIR"}
    eventually(lambda: fetch(f"{known['phone_url']}/api/sms", order), what="the phone")

    def answers() -> list[str]:
        chat = fetch(f"{known['phone_url']}/api/phones/{phone}") or {"messages": []}
        return [each["text"] for each in chat["messages"] if each["direction"] == "from-gateway"]

    receipt = receipt_in(eventually(answers, what="an answer")[0])

    def records() -> list[str]:
        found = fetch(f"{known['central_url']}/api/v1/records", token=known["api_token"]) or {"items": []}
        return [each["receipt"] for each in found["items"]]

    eventually(lambda: receipt in records(), what="the record")


def process(checkout: Path, name: str) -> int:
    """The process of that name which this demo started."""
    listed = subprocess.run(["pgrep", "-f", f"{name} .*{checkout}"], capture_output=True, text=True, check=True)
    return int(listed.stdout.split()[0])
