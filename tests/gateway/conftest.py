from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modem.worker import ModemWorker
from tests.simulated import Simulator

from .office import Office, an_office, hurried


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator"), "--capacity", "10") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def modem(simulator: Simulator) -> Iterator[ModemWorker]:
    worker = hurried(simulator)
    yield worker
    worker.close()


@pytest.fixture
def office(tmp_path: Path, simulator: Simulator, modem: ModemWorker) -> Iterator[Office]:
    with an_office(tmp_path, simulator, modem) as office:
        yield office
