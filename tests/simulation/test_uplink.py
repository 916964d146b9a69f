"""The power fails at any call of a port, at the office or at the city, while records go by SMS."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from central.uplink import Uplink
from gateway.core import Core
from mqtt_bridge.records import UplinkTerms
from mqtt_bridge.uplink_keys import uplink_keys
from tests.uplinked import (
    CITY_KEY,
    CITY_NUMBER,
    GATEWAY,
    OFFICE_KEY,
    OFFICE_NUMBER,
    WIB,
    DeadLink,
    OfficeKey,
    Uplinked,
)

from .fate import Fate, Fragile, PowerCut
from .test_simulation import MEMORY, SEEDS

PEOPLE = 150
TERMS = UplinkTerms(number=CITY_NUMBER, after_minutes=1, hold_minutes=0)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="gardu-", dir=MEMORY))
    yield made
    shutil.rmtree(made)


class Shaky(Uplinked):
    """Both sides behind ports at which the power may fail; what was in memory is gone then."""

    def __init__(self, folder: Path, fate: Fate) -> None:
        self.fate = fate
        self.cuts = 0
        fate.calm = True
        super().__init__(folder, people=PEOPLE, terms=TERMS)
        self.check_in(PEOPLE)
        fate.calm = False

    def boot_office(self) -> None:
        super().boot_office()
        journal, modem = Fragile(self.journal, self.fate, "journal"), Fragile(self.office_sim, self.fate, "modem")
        self.core = Core(modem, journal, self.clock, self.folder)  # type: ignore[arg-type]
        keys = uplink_keys(OFFICE_KEY, CITY_KEY.public_key(), GATEWAY)
        self.link = DeadLink()
        self.core.connect(self.link, OFFICE_KEY, CITY_KEY.public_key(), uplink=keys)

    def boot_city(self) -> None:
        super().boot_city()
        ports: list[object] = [
            Fragile(self.city_sim, self.fate, "city modem"),
            Fragile(self.database, self.fate, "db"),
        ]
        self.city = Uplink(*ports, OfficeKey(), CITY_KEY, WIB, answers_per_day=50)  # type: ignore[arg-type]

    def step_office(self) -> None:
        self._survive(super().step_office, self._power_office)

    def step_city(self) -> None:
        self._survive(super().step_city, self.boot_city)

    def _power_office(self) -> None:
        self.journal.close()
        self.boot_office()

    def _survive(self, step: Callable[[], None], boot: Callable[[], None]) -> None:
        try:
            step()
        except PowerCut:
            self.cuts += 1
            boot()


def live(folder: Path, fate: Fate) -> Shaky:
    """Until the office has heard that the city holds everything, and then until all is final."""
    folder.mkdir()
    office = Shaky(folder, fate)
    for _ in range(60):
        office.pass_time(1)
        if office.journal.uplink().held == ((1, PEOPLE),):
            break
    assert office.provisional() == list(range(1, PEOPLE + 1))
    assert office.journal.uplink().held == ((1, PEOPLE),)
    assert office.journal.position().delivered == 0
    counters = {sms.data[5:9] for sms in office.mail.to(CITY_NUMBER) if sms.data}
    assert len(counters) == len(office.mail.to(CITY_NUMBER)), "a counter was used twice"
    assert len(counters) + len(office.mail.to(OFFICE_NUMBER)) <= 9, "SMS without end"
    fate.calm = True
    office.heal()
    assert office.final() == list(range(1, PEOPLE + 1))
    assert office.provisional() == []
    assert office.aside() == []
    office.close()
    return office


def test_the_power_may_fail_at_any_call_while_records_go_by_sms(folder: Path) -> None:
    calls = live(folder / "whole", Fate(1)).fate.points
    assert calls > 100
    for cut_at in range(1, calls + 1, 20 if SEEDS <= 500 else 1):
        office = live(folder / str(cut_at), Fate(1, cut_at=cut_at))
        assert office.cuts == 1, cut_at
        shutil.rmtree(folder / str(cut_at))
