"""Finding a modem's port by the serial number of its USB device, and switching that port off and on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from modem.usb import locate, replug
from tests.waiting import eventually


@dataclass
class Port:
    device: str
    serial_number: str | None
    location: str | None


PORTS = [
    Port("/dev/ttyS0", None, None),
    Port("/dev/ttyUSB10", "AB-12", "1-1.2:1.2"),
    Port("/dev/ttyUSB9", "AB-12", "1-1.2:1.0"),
    Port("/dev/ttyUSB3", "AB-12", "1-1.2:1.b"),
    Port("/dev/ttyACM0", "77", "2-1"),
]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0"),
        ("/dev/serial/by-id/usb-x-if00-port0", "/dev/serial/by-id/usb-x-if00-port0"),
        ("serial:AB-12", "/dev/ttyUSB9"),
        ("serial:AB-12-if02", "/dev/ttyUSB10"),
        ("serial:AB-12-if0b", "/dev/ttyUSB3"),
        ("serial:AB-12-if01", None),
        ("serial:77", "/dev/ttyACM0"),
        ("serial:78", None),
    ],
)
def test_a_setting_means_a_path(setting: str, path: str | None) -> None:
    assert locate(setting, lambda: PORTS) == path


def test_a_device_that_goes_while_it_is_looked_at_is_not_there() -> None:
    def ports() -> list[Port]:
        raise TypeError("int() can't convert non-string with explicit base")

    assert locate("serial:77", ports) is None


def test_this_machine_has_no_such_device() -> None:
    assert locate("serial:no-modem-has-this-number") is None


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """As the kernel shows /dev/ttyUSB7 on a port of a hub, each with a switch of its own."""
    hub = tmp_path / "devices/usb1/1-1"
    port = hub / "1-1.2/1-1.2:1.0/ttyUSB7"
    port.mkdir(parents=True)
    for place in (hub.parent, hub, hub / "1-1.2"):
        (place / "idVendor").write_text("12d1\n")
        (place / "authorized").write_text("1")
    (hub / "1-1.2/1-1.2:1.0/authorized").write_text("1")
    tty = tmp_path / "class/tty/ttyUSB7"
    tty.mkdir(parents=True)
    (tty / "device").symlink_to(port)
    return tmp_path


def switches(sysfs: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in (sysfs / "devices").rglob("authorized")}


def test_the_port_of_the_modem_and_no_other_is_switched_off_and_on(sysfs: Path, tmp_path: Path) -> None:
    link = tmp_path / "usb-Huawei-if00-port0"
    link.symlink_to("/dev/ttyUSB7")
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(replug(str(link), sysfs, off_seconds=0.3)))
    thread.start()
    off = eventually(lambda: [name for name, value in switches(sysfs).items() if value == "0"])
    assert off == ["1-1.2"]
    thread.join()
    assert done == [True]
    assert set(switches(sysfs).values()) == {"1"}


def test_what_is_no_usb_device_or_may_not_be_switched_stays_as_it_is(sysfs: Path) -> None:
    assert not replug("/dev/pts/0", sysfs, off_seconds=0)
    assert not replug("/dev/null")
    (sysfs / "devices/usb1/1-1/1-1.2/authorized").unlink()
    assert not replug("/dev/ttyUSB7", sysfs, off_seconds=0)
    assert set(switches(sysfs).values()) == {"1"}
