from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway import core
from gateway.health import Machine


@pytest.fixture(autouse=True, scope="package")
def box() -> Iterator[None]:
    """How this machine's disk and heat are belongs in nobody's life."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "machine", lambda folder: Machine(disk_free=10**10, heat=45.0))
        yield


@pytest.fixture(autouse=True, scope="package")
def quiet() -> Iterator[None]:
    """Thousands of crashes would say a great deal."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
