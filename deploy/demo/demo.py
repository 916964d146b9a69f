"""`make demo`: a whole Gardu on this machine, by the same commands that run in production.

Writes configuration, made-up employees and credentials under var/demo/ once, keeps the state there, and runs modem
simulator, gateway and central under supervisor, which starts each again when it dies.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "var" / "demo"
BIN = Path(sys.executable).parent
GATEWAY = "dinkes-01"
EMPLOYEES = 40
PORTS = ("central", "gateway", "phone", "broker")

CENTRAL_TOML = """\
[central]
data_dir = "{folder}/central"
[broker]
host = "127.0.0.1"
port = {broker}
embedded = true
[web]
listen = "127.0.0.1:{central}"
"""

GATEWAY_TOML = """\
[gateway]
id = "{gateway_id}"
data_dir = "{folder}/gateway"
[modem]
device = "{folder}/modem/device"
[screen]
number = "+6281100001"
[web]
listen = "127.0.0.1:{gateway}"
"""


def main() -> int:
    ports = choose_ports()
    for part in ("", "central", "gateway", "modem", "log"):
        (FOLDER / part).mkdir(parents=True, exist_ok=True)
    configure(ports)
    fill(ports)
    enrol(ports)
    return supervise(ports)


def choose_ports() -> dict[str, int]:
    """One port for each part, in a row from GARDU_DEMO_PORT. Ends the program with one line when one is taken."""
    text = os.environ.get("GARDU_DEMO_PORT", "8800")
    if not text.isdigit() or not 1 <= int(text) <= 65535 - len(PORTS):
        sys.exit(f"GARDU_DEMO_PORT: {text!r} is no port to start from")
    ports = {name: int(text) + step for step, name in enumerate(PORTS)}
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                sys.exit(
                    f"Port {port} ({name}) is taken; is a demo running? Choose others: GARDU_DEMO_PORT=9000 make demo"
                )
    return ports


def configure(ports: dict[str, int]) -> None:
    values = {"folder": FOLDER, "gateway_id": GATEWAY, **ports}
    (FOLDER / "central.toml").write_text(CENTRAL_TOML.format(**values))
    (FOLDER / "gateway.toml").write_text(GATEWAY_TOML.format(**values))


def fill(ports: dict[str, int]) -> None:
    """Employees, a user and a token, once; the rest of the state is kept from run to run."""
    roster = FOLDER / "roster.csv"
    credentials = FOLDER / "credentials.json"
    if not credentials.exists():
        roster.write_text(make_roster())
        central("gateway", "add", GATEWAY)
        central("roster", "import", str(roster))
        password = secrets.token_urlsafe(9)
        secret = FOLDER / "password"
        secret.write_text(password)
        secret.chmod(0o600)
        central("user", "add", "admin", "--role", "it", "--role", "personnel", "--password-file", str(secret))
        secret.unlink()
        token = json.loads(central("token", "add", "demo", "--json"))["token"]
        write_private(credentials, {"user": "admin", "password": password, "api_token": token})
    known = json.loads(credentials.read_text())
    urls = {f"{name}_url": f"http://127.0.0.1:{ports[name]}" for name in ("central", "phone", "gateway")}
    write_private(credentials, {**known, **urls})


def enrol(ports: dict[str, int]) -> None:
    """As a technician without a network does it, by files; again where the broker has another port by now."""
    told = FOLDER / "gateway" / "enrolled" / "broker.json"
    if told.exists() and json.loads(told.read_text())["port"] == ports["broker"]:
        return
    request, answer = (str(FOLDER / "gateway" / name) for name in ("request", "answer"))
    gateway("enrol", "--request", request)
    central("gateway", "sign", request, "--out", answer, "--replace")
    gateway("enrol", "--answer", answer)


def central(*arguments: str) -> str:
    return run("gardu-central", *arguments, "--config", str(FOLDER / "central.toml"))


def gateway(*arguments: str) -> str:
    return run("gardu-gateway", *arguments, "--config", str(FOLDER / "gateway.toml"))


def run(*command_line: str) -> str:
    """A production command; its error ends the demo with its own one line."""
    command = [str(BIN / command_line[0]), *command_line[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def write_private(path: Path, content: dict[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2) + "\n")


def make_roster() -> str:
    """A CSV of made-up employees of one office, the same on every machine."""
    from faker import Faker

    fake = Faker("id_ID")
    fake.seed_instance(2026)
    lines = ["nip,name,phone,gateway"]
    for number in range(EMPLOYEES):
        born = fake.date_of_birth(minimum_age=24, maximum_age=57)
        sex = fake.random_int(1, 2)
        nip = f"{born:%Y%m%d}{min(born.year + 25, 2026)}{fake.random_int(1, 12):02}{sex}{number + 1:03}"
        name = f"{fake.first_name_male() if sex == 1 else fake.first_name_female()} {fake.last_name()}"
        lines.append(f"{nip},{name},+62812{fake.random_int(1000, 9999)}{number:04},{GATEWAY}")
    return "\n".join(lines) + "\n"


def supervise(ports: dict[str, int]) -> int:
    """Run everything until Ctrl-C or SIGTERM; returns supervisor's exit code."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "GARDU_DEMO_DIR": str(FOLDER),
        "GARDU_DEMO_USER": pwd.getpwuid(os.getuid()).pw_name,
        "GARDU_DEMO_PHONE_PORT": str(ports["phone"]),
    }
    for setting in [name for name in environment if name.startswith("GARDU_") and "__" in name]:
        del environment[setting]  # the demo's own configuration stands
    print("Starting Gardu …", flush=True)
    supervisor = subprocess.Popen(
        [str(BIN / "supervisord"), "-c", str(HERE / "supervisord.conf")], env=environment, start_new_session=True
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.terminate())
    announce(ports, supervisor)
    code = supervisor.wait()
    print("Stopped. The state is kept in var/demo; `make demo` goes on with it.")
    return 0 if code in (0, -signal.SIGTERM) else code


def announce(ports: dict[str, int], supervisor: subprocess.Popen[Any]) -> None:
    """Say where everything is, as soon as it works."""
    waiting = {name: f"http://127.0.0.1:{ports[name]}/{path}" for name, path in
               (("central", "readyz"), ("gateway", "readyz"), ("phone", "healthz"))}  # fmt: skip
    deadline = time.monotonic() + 60
    while waiting and supervisor.poll() is None and time.monotonic() < deadline:
        waiting = {name: url for name, url in waiting.items() if not answers(url)}
        time.sleep(0.2)
    if supervisor.poll() is not None:
        return
    if waiting:
        print(f"Not ready after a minute: {', '.join(waiting)}. The logs are in var/demo/log.", flush=True)
    known = json.loads((FOLDER / "credentials.json").read_text())
    print(
        f"""
  Phone    {known["phone_url"]}    pick an employee, text HADIR, see the answer
  Central  {known["central_url"]}    user {known["user"]}, password {known["password"]}
  Gateway  {known["gateway_url"]}    status and message log of {GATEWAY}

  Credentials and API token: var/demo/credentials.json · logs: var/demo/log · stop with Ctrl-C
""",
        flush=True,
    )


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
