"""A few AT commands past libgammu, for what it refuses to do. Nothing else may have the device open meanwhile."""

from __future__ import annotations

import os
import re
import select
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from .messages import ModemError

_SECONDS = 4.0  # for each answer
_PAUSE = 0.05  # seconds of silence after which the modem has said what it had to say
_END = re.compile(rb"\r\n(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n")  # what follows was said unasked


@contextmanager
def opened(device: str) -> Iterator[int]:
    """The device's descriptor, with the line settings that it has. ModemError, gone, when it can not be opened."""
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise ModemError(f"{device}: {error.strerror}", gone=True) from None
    try:
        yield descriptor
        with suppress(ModemError):  # it may be off by now: it was told so
            while select.select([descriptor], [], [], _PAUSE)[0]:  # half a line would be in the way of who comes next
                read(descriptor)
    finally:
        os.close(descriptor)


def ask(descriptor: int, command: str) -> str:
    """What the modem answers to the command, without its final OK. ModemError when it says anything else."""
    os.write(descriptor, command.encode("ascii") + b"\r")
    heard = b""
    deadline = time.monotonic() + _SECONDS
    while not (end := _END.search(heard)):
        left = deadline - time.monotonic()
        if left < 0 or not select.select([descriptor], [], [], left)[0]:
            raise ModemError(f"{command}: no answer", gone=True)
        heard += read(descriptor)
    if end[1] != b"OK":
        raise ModemError(f"{command}: {end[1].decode('ascii', 'replace')}")
    return heard[: end.start()].decode("ascii", "replace")


def read(descriptor: int) -> bytes:
    """What the modem has said by now. ModemError, gone, when there is nobody to say anything."""
    try:
        heard = os.read(descriptor, 4096)
    except OSError as error:
        raise ModemError(f"the line is dead: {error.strerror}", gone=True) from None
    if not heard:
        raise ModemError("the line is dead", gone=True)
    return heard


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
