"""The SMS uplink over real libgammu: two modems on one simulated network, an office and the city."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.__main__ import main as central
from gateway.uplink_log import Coding
from modem.worker import ModemWorker
from mqtt_bridge.keys import load_or_make, public_pem
from mqtt_bridge.sms_codec import Frame, Roster, from_text, pack, tag
from mqtt_bridge.uplink_keys import uplink_keys

from .mqtt_bridge.uplinked import JOURNAL, day
from .simulated import Simulator
from .typed import typed
from .uplinked import CITY_NUMBER, GATEWAY, OFFICE_KEY, OFFICE_NUMBER, Uplinked
from .waiting import eventually

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GARDU_")}


@pytest.fixture(scope="module")
def sims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, Simulator]]:
    folder = tmp_path_factory.mktemp("network")
    office = Simulator(folder / "office", number=OFFICE_NUMBER)
    city = Simulator(folder / "city", number=CITY_NUMBER)
    office.join(city)
    with office, city:
        yield office, city


@pytest.fixture(scope="module")
def modems(sims: tuple[Simulator, Simulator]) -> Iterator[tuple[ModemWorker, ModemWorker]]:
    office, city = (ModemWorker(str(sim.device)) for sim in sims)
    opening = [threading.Thread(target=modem.status) for modem in (office, city)]  # each takes libgammu seconds
    for thread in opening:
        thread.start()
    for thread in opening:
        thread.join()
    yield office, city
    office.close()
    city.close()


@pytest.fixture
def office(tmp_path: Path, modems: tuple[ModemWorker, ModemWorker]) -> Iterator[Uplinked]:
    made = Uplinked(tmp_path, modems=modems)
    yield made
    made.close()


def answered(office: Uplinked, sims: tuple[Simulator, Simulator], sent: int) -> str:
    """Let the city take what was sent, and the office take its one answer; returns that."""
    at_office, at_city = sims
    before = len(at_city.answers(OFFICE_NUMBER))
    eventually(lambda: at_city.state()["used"] == sent)
    office.step_city()
    assert at_city.taken()
    office.clock.turn(60)
    office.step_city()
    (answer,) = at_city.answers(OFFICE_NUMBER)[before:]
    eventually(lambda: at_office.state()["used"] == 1)
    office.step_office()
    assert at_office.taken()
    return answer


def test_a_day_without_data_reaches_the_city_by_sms(office: Uplinked, sims: tuple[Simulator, Simulator]) -> None:
    made = office.work()
    office.step_office()
    office.clock.turn(20 * 60)
    office.step_office()
    sent = sims[0].answers(CITY_NUMBER)
    assert len(sent) <= 10
    assert all(len(bytes.fromhex(each)) <= 140 for each in sent)
    answered(office, sims, len(sent))
    assert office.provisional() == list(range(1, made + 1))
    report = office.core.status().uplink
    assert report
    assert (report.held, report.today) == (made, len(sent))
    assert office.journal.position().delivered == 0
    office.heal()
    assert office.final() == list(range(1, made + 1))
    assert office.provisional() == []
    assert office.aside() == []


def test_where_no_octets_go_texts_do(office: Uplinked, sims: tuple[Simulator, Simulator]) -> None:
    office.journal.uplink_coding(Coding.TEXT)
    office.check_in(40)
    office.step_office()
    before = len(sims[0].answers(CITY_NUMBER))
    office.clock.turn(80 * 60)
    office.step_office()
    (text,) = sims[0].answers(CITY_NUMBER)[before:]
    assert from_text(text)
    assert len(text) <= 160
    assert from_text(answered(office, sims, 1))
    assert office.provisional() == list(range(1, 41))
    report = office.core.status().uplink
    assert report
    assert report.held == 40


def test_the_command_takes_what_comes(tmp_path: Path) -> None:
    for name in ("keys", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "keys" / f"{GATEWAY}.pub").write_bytes(public_pem(OFFICE_KEY.public_key()))
    city = load_or_make(tmp_path / "data" / "central.key")
    sim = Simulator(tmp_path / "sim", number=CITY_NUMBER)
    config = tmp_path / "central.toml"
    config.write_text(CONFIG.format(folder=tmp_path, device=sim.device, number=CITY_NUMBER))
    gardu(config, "gateway", "add", GATEWAY, "--key", str(tmp_path / "keys" / f"{GATEWAY}.pub"))
    keys = uplink_keys(OFFICE_KEY, city.public_key(), GATEWAY)
    data, count = pack(day(["e-ani", "e-budi"]), Roster(()), Frame(tag(GATEWAY), tag(JOURNAL), 7), keys.up)
    with sim:
        sim.text(OFFICE_NUMBER, binary=data.hex())
        sim.text("TELKOMSEL", "Masa aktif kartu Anda habis")
        process = subprocess.Popen(command(config, "uplink"), env=ENVIRONMENT)
        try:
            eventually(sim.taken)
        finally:
            process.terminate()
            assert process.wait(10) == 0
    listed = gardu(config, "gateway", "list")
    assert f"{count} provisional" in listed
    assert "none of ours" in gardu(config, "quarantine")


CONFIG = """\
[central]
data_dir = "{folder}/data"
[broker]
host = "127.0.0.1"
[gateways]
keys_dir = "{folder}/keys"
[uplink]
device = "{device}"
number = "{number}"
"""


def command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "central", *arguments, "--config", str(config)]


def gardu(config: Path, *arguments: str) -> str:
    done = typed(central, *arguments, "--config", str(config))
    assert done.returncode == 0, done.stderr
    return done.stdout
