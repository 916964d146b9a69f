"""A simulated modem as a process of its own, for tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .waiting import eventually, free_ports


class Simulator:
    """`gardu-modem simulate` in `folder`; the modem is at `device`, the phone page at `url`.

    The device path, the page's port and every SMS stay the same over `kill` and `start`.
    """

    def __init__(self, folder: Path, *options: str, number: str = "+6281100001") -> None:
        folder.mkdir(exist_ok=True)
        self.number = number
        self.device = folder / "modem"
        self.by_id = folder / "by-id" / "usb-Gardu_Simulator_350000000000006-if00-port0"
        self._state = folder / "simulator.db"
        (self._port,) = free_ports(1)
        self._options = ("--number", number, *options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> Self:
        command = [sys.executable, "-m", "modem", "simulate", "--device", str(self.device)]
        command += ["--state", str(self._state), "--phone", f"127.0.0.1:{self._port}"]
        command += ["--by-id", str(self.by_id.parent), *self._options]
        self._process = subprocess.Popen(command)
        eventually(self._serves)
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def join(self, other: Simulator) -> None:
        """Let SMS between the two modems' numbers arrive; before either starts."""
        self._options += ("--peer", f"{other.number}={other.url}")
        other._options += ("--peer", f"{self.number}={self.url}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def text(self, number: str, text: str = "", **more: Any) -> dict[str, Any]:
        """Send an SMS; `more` as `POST /api/sms` takes it: delay_seconds, repeat, scts, binary, parts, pdu."""
        return dict(self._json("/api/sms", {"from": number, "text": text, **more}))

    def fault(
        self, kind: str, *, seconds: float | None = None, times: int | None = None, **parameters: Any
    ) -> int | None:
        """Let something be wrong from now on; the id by which it is cleared, None when it is a message."""
        order = {"kind": kind, "parameters": parameters, "seconds": seconds, "times": times}
        identity: int | None = self._json("/api/faults", order)["id"]
        return identity

    def faults(self) -> list[dict[str, Any]]:
        active: list[dict[str, Any]] = self._json("/api/faults")["active"]
        return active

    def mend(self) -> None:
        """End all faults."""
        request = urllib.request.Request(f"{self.url}/api/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=10).close()

    def messages(self, number: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self._json(f"/api/phones/{urllib.parse.quote(number)}")["messages"]
        return messages

    def answers(self, number: str) -> list[str]:
        """The texts that this phone got from the modem, oldest first."""
        return [message["text"] for message in self.messages(number) if message["direction"] == "from-gateway"]

    def sim(self, **values: Any) -> dict[str, Any]:
        """Change the SIM's account and the network's manners, as `POST /api/sim` takes it."""
        account: dict[str, Any] = self._json("/api/sim", values)
        return account

    def push(self, text: str) -> None:
        """The network sends a USSD text that nobody asked for."""
        self._json("/api/ussd", {"text": text})

    def call(self, number: str, rings: int = 5, pause_seconds: float = 0.2) -> None:
        self._json("/api/calls", {"from": number, "rings": rings, "pause_seconds": pause_seconds})

    def calls(self) -> list[tuple[str, str]]:
        """Who called, and how it ended."""
        return [(call["from"], call["fate"]) for call in self._json("/api/calls")["calls"]]

    def state(self) -> dict[str, int]:
        state: dict[str, int] = self._json("/api/state")
        return state

    def taken(self) -> bool:
        """Whether no SMS waits: none in a slot, none on its way there."""
        state = self.state()
        return state["used"] + state["queued"] == 0

    def _serves(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "the simulator ended"
        try:
            return bool(self._json("/healthz")) and self.device.exists()
        except urllib.error.URLError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(timeout=10)
            self._process = None

    def _json(self, path: str, order: dict[str, Any] | None = None) -> Any:
        data = json.dumps(order).encode() if order is not None else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
