"""A few AT commands past libgammu, for what it refuses to do or does slowly. Nothing else may use the line then."""

from __future__ import annotations

import os
import re
import select
import tty
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby

from .listing import Place
from .messages import ModemError

_SECONDS = 4.0  # of silence where an answer is due; a long list over a slow line takes longer as a whole
_END = re.compile(rb"\r\n(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n")  # what follows was said unasked
_LISTED = re.compile(r"\+CMGL: *(\d+),[^\r\n]*\r\n([0-9A-Fa-f]+)\r\n")
_CHOICES = re.compile(r"\(([^)]*)\)")
PAUSE = 0.05  # seconds of silence after which the modem has said what it had to say
_STORES = re.compile(r'\+CPMS: *("\w+"),\d+,\d+,("\w+"),\d+,\d+,("\w+")')


def open_device(device: str) -> int:
    """A descriptor of the device, with the line settings that it has. ModemError, gone, when it can not be opened."""
    try:
        return os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise ModemError(f"{device}: {error.strerror}", gone=True) from None


@contextmanager
def opened(device: str) -> Iterator[int]:
    """The device for a few commands, where nothing else has it open."""
    descriptor = open_device(device)
    try:
        yield descriptor
        with suppress(ModemError):  # it may be off by now: it was told so
            skip(descriptor, PAUSE)  # half a line would be in the way of who comes next
    finally:
        os.close(descriptor)


def ask(descriptor: int, command: str) -> str:
    """What the modem answers to the command, without its final OK. ModemError when it says anything else."""
    skip(descriptor, 0.0)
    os.write(descriptor, command.encode("ascii") + b"\r")
    heard = b""
    while not (end := _END.search(heard)):
        if not select.select([descriptor], [], [], _SECONDS)[0]:
            raise ModemError(f"{command}: no answer", gone=True)
        heard += read(descriptor)
    if not heard.endswith(b"\r\n"):
        skip(descriptor, PAUSE)  # half a line would be in the way of who comes next
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


def skip(descriptor: int, pause: float) -> None:
    """Pass over what is said unasked, until the modem is silent for so long."""
    while select.select([descriptor], [], [], pause)[0]:
        read(descriptor)


def announce(descriptor: int) -> bool:
    """Have new SMS stored and announced; tells whether the modem does. One that showed them only would lose them."""
    try:
        modes, kinds, _, reports = _CHOICES.findall(ask(descriptor, "AT+CNMI=?"))[:4]
        mode = next(mode for mode in (2, 1) if mode in _choices(modes))
        kind = next(kind for kind in (1, 0) if kind in _choices(kinds))
        ask(descriptor, f"AT+CNMI={mode},{kind}" + (",0,2" if 2 in _choices(reports) else ""))
    except (ValueError, StopIteration):
        return False
    except ModemError as error:
        if error.gone:
            raise
        return False
    return kind == 1


def _choices(text: str) -> set[int]:
    """`0-2` or `0,1,3`, as a modem tells what it knows."""
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen.update(range(int(first), int(last or first) + 1))
    return chosen


def listen(descriptor: int, seconds: float) -> bool:
    """Wait so long for the modem to say anything unasked; tells whether it does. ModemError when it is gone."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    heard = poll.poll(seconds * 1000)
    if heard and heard[0][1] & (select.POLLHUP | select.POLLERR):
        raise ModemError("the line is dead", gone=True)
    return bool(heard)


def empty(descriptor: int, places: Iterable[Place]) -> tuple[set[Place], dict[Place, str]]:
    """Empty the slots that still hold exactly what was listed there, looked at right before.

    A slot gets another message only after it was emptied, and nobody else empties any while this is at work: one list
    tells of all of them. Returns those that were emptied, and those that could not be with the reason. The stores are
    chosen in the end as they were: libgammu, which uses this line as well, takes them for that. ModemError, always
    gone, else.
    """
    emptied: set[Place] = set()
    failed: dict[Place, str] = {}
    chosen = _STORES.search(ask(descriptor, "AT+CPMS?"))
    if not chosen:
        return emptied, failed
    try:
        for store, group in groupby(places, lambda place: place.store):
            ask(descriptor, f'AT+CPMS="{store}"')
            listed = _listed(descriptor)
            for place in group:
                try:
                    if listed.get(place.index) == place.pdu or _holds(descriptor, place):
                        ask(descriptor, f"AT+CMGD={place.index}")
                        emptied.add(place)
                except ModemError as error:
                    if error.gone:
                        raise
                    failed[place] = str(error)
        ask(descriptor, f"AT+CPMS={','.join(chosen.groups())}")
    except (ModemError, OSError) as error:
        raise ModemError(f"erase: {error}", gone=True) from None
    return emptied, failed


def _listed(descriptor: int) -> dict[int, str]:
    """The PDUs in the chosen store by the modem's count, as far as it lists them."""
    try:
        answer = ask(descriptor, "AT+CMGL=4")
    except ModemError as error:
        if error.gone:
            raise
        return {}
    return {int(index): pdu.upper() for index, pdu in _LISTED.findall(answer + "\r\n")}


def _holds(descriptor: int, place: Place) -> bool:
    """Asked of that slot alone: the list need not show it."""
    try:
        return place.pdu in ask(descriptor, f"AT+CMGR={place.index}").upper().split()
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
