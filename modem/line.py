"""A few AT commands past libgammu, for what it refuses to do. Nothing else may have the device open meanwhile."""

from __future__ import annotations

import os
import re
import select
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .messages import ModemError

_SECONDS = 4.0  # for each answer
_END = re.compile(rb"\r\n(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n$")


@contextmanager
def opened(device: str) -> Iterator[int]:
    """The device's descriptor, with the line settings that it has. ModemError, gone, when it can not be opened."""
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise ModemError(f"{device}: {error.strerror}", gone=True) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def ask(descriptor: int, command: str) -> str:
    """What the modem answers to the command, without its final OK. ModemError when it says anything else."""
    os.write(descriptor, command.encode("ascii") + b"\r")
    heard = b""
    deadline = time.monotonic() + _SECONDS
    while not (end := _END.search(heard)):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise ModemError(f"{command}: no answer", gone=True)
        heard += os.read(descriptor, 4096)
    if end[1] != b"OK":
        raise ModemError(f"{command}: {end[1].decode('ascii', 'replace')}")
    return heard[: end.start()].decode("ascii", "replace")


def erase(device: str, store: str, indexes: Sequence[int], pdu: str) -> None:
    """Empty the one of these slots that holds exactly that PDU (hexadecimal): modems count from 0 or from 1."""
    with opened(device) as descriptor:
        for command in ("AT+CMGF=0", f'AT+CPMS="{store}"'):
            ask(descriptor, command)
        for index in indexes:
            if _holds(descriptor, index, pdu):
                ask(descriptor, f"AT+CMGD={index}")
                return
    raise ModemError(f"no slot {' or '.join(map(str, indexes))} of {store} holds it")


def _holds(descriptor: int, index: int, pdu: str) -> bool:
    try:
        return pdu.upper() in ask(descriptor, f"AT+CMGR={index}").upper().split()
    except ModemError as error:
        if error.gone:
            raise
        return False  # so do modems speak of an empty slot


def reset(device: str) -> None:
    """Start the modem anew, also one that waits for the end of a PDU. ModemError when it will not."""
    try:
        with opened(device) as descriptor:
            tty.setraw(descriptor)
            os.write(descriptor, b"\x1b\r")
            try:
                ask(descriptor, "AT+CFUN=1,1")
            except ModemError:
                ask(descriptor, "ATZ")
    except OSError as error:
        raise ModemError(f"{device}: {error.strerror}", gone=True) from None
