"""The USB side of a modem: under which name its device is now, and switching its port off and on.

The only file that imports pyserial, and only for its list of ports.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from serial.tools import list_ports

_BY_SERIAL = re.compile(r"serial:(.+?)(?:-if([0-9A-Fa-f]{2}))?")
_OFF_SECONDS = 2.0  # long enough for the modem's capacitors and for udev


def locate(device: str, ports: Callable[[], Iterable[Any]] = list_ports.comports) -> str | None:
    """The path of the device that a setting means; None when that is not plugged in.

    A setting is a path, or `serial:XXXX` for the USB device with that serial number: its first port, or with
    `serial:XXXX-if02` the one of that interface, as /dev/serial/by-id names them.
    """
    meant = _BY_SERIAL.fullmatch(device)
    if meant is None:
        return device
    try:
        found = [port for port in ports() if port.serial_number == meant[1]]
    except (OSError, TypeError, ValueError):  # a device went while pyserial looked at it
        return None
    wanted = int(meant[2], 16) if meant[2] else None
    named = sorted((_interface(port), str(port.device)) for port in found)
    return next((path for interface, path in named if wanted in (None, interface)), None)


def _interface(port: Any) -> int:
    """The number at the end of a location such as 1-1.2:1.3; 0 of a device that has only one."""
    location = re.search(r":\d+\.([0-9a-f]+)$", port.location or "")
    return int(location[1], 16) if location else 0


def replug(device: str, sysfs: Path = Path("/sys"), off_seconds: float = _OFF_SECONDS) -> bool:
    """Take the USB device behind `device` away from the kernel and give it back, as pulling the plug would.

    False when it is no USB device, or when this may not be done here.
    """
    switch = _switch(device, sysfs)
    if switch is None:
        return False
    try:
        switch.write_text("0")
    except OSError:
        return False
    try:
        time.sleep(off_seconds)
    finally:
        switch.write_text("1")
    return True


def _switch(device: str, sysfs: Path) -> Path | None:
    """The file `authorized` of the USB device; interfaces and hubs above it have one as well."""
    port = sysfs / "class" / "tty" / Path(device).resolve().name / "device"
    if not port.exists():
        return None
    place = port.resolve()
    devices = (folder for folder in (place, *place.parents) if (folder / "idVendor").is_file())
    switch = next(devices, place) / "authorized"
    return switch if switch.is_file() else None
