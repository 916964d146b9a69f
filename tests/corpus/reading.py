"""Files of texts: one a line, with `#` lines for people."""

from __future__ import annotations

from pathlib import Path

from gateway.commands import BareCode, Command, Dispute, Help, Menu, Mistake, Query, Register, Silence, Statement

HERE = Path(__file__).parent


def lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text().splitlines() if line and not line.startswith("#")]


def said(command: Command | None) -> str:
    """A command in the words of the files."""
    match command:
        case Statement(action=action, code=code):
            return f"{action} {code}" if code else str(action)
        case BareCode(code=code):
            return f"code {code}"
        case Query(scope=scope):
            return f"check {scope}"
        case Register(nip=nip):
            return f"register {nip}"
        case Silence(on=on):
            return "stop" if on else "start"
        case Mistake(fault=fault):
            return f"mistake {fault}"
        case Help():
            return "help"
        case Dispute():
            return "dispute"
        case Menu():
            return "menu"
    return "nothing"
