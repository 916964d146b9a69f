"""Many short lives of the production code, each with its own crashes and mishaps, and what must hold after each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_bridge.client import Inbound
from mqtt_bridge.records import Policy
from mqtt_bridge.topics import parse

from ..memory import in_memory
from .fate import Fate
from .world import World

SEEDS = int(os.environ.get("GARDU_SEEDS", "20"))
PORTION = 5
# The files need not outlive the test: where there is a file system in memory, a seed takes a fraction of the time.
MEMORY = in_memory()


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="gardu-", dir=MEMORY))
    yield made
    shutil.rmtree(made)


def live(folder: Path, fate: Fate, steps: int) -> World:
    world = World(folder, fate)
    world.live(steps)
    world.heal()
    world.check()
    world.close()
    return world


@pytest.mark.parametrize("first", range(0, SEEDS, PORTION))
def test_nothing_is_lost_or_doubled_whatever_happens(folder: Path, first: int) -> None:
    for seed in range(first, min(first + PORTION, SEEDS)):
        place = folder / str(seed)
        place.mkdir()
        rates = Fate(seed).random
        fate = Fate(seed, cuts=rates.choice((0.0, 0.005, 0.03)), mishaps=rates.choice((0.0, 0.05, 0.3)))
        try:
            live(place, fate, steps=rates.randint(40, 160))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        shutil.rmtree(place)


def test_the_power_may_fail_at_any_call_of_a_port(folder: Path) -> None:
    """One life without mishaps, again and again: cut at its first port call, at its second, and so on."""
    calls = live(folder, Fate(1), steps=80).fate.points
    assert calls > 300
    for cut_at in range(1, calls + 1, 30 if SEEDS <= 500 else 1):
        place = folder / str(cut_at)
        place.mkdir()
        world = live(place, Fate(1, cut_at=cut_at), steps=80)
        assert world.cuts == 1
        shutil.rmtree(place)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_whole_day_of_traffic_played_again_changes_nothing(folder: Path, shuffled: bool) -> None:
    """By somebody who may write what they like: to the city as the gateway, to the gateway as the city."""
    world = World(folder, Fate(7))
    captured: list[Inbound] = []
    world.broker.on_publish = lambda topic, payload: captured.append(Inbound(topic, payload))
    world.live(200)
    world.city.decree(Policy(answers_per_day=50), world.clock.wall)
    world.live(200)
    world.heal()
    before = all_of(world)
    assert len(world.city.records()) > 10
    assert world.journal
    held = world.journal.desired()
    assert held
    assert held.policy.answers_per_day == 50
    assert len({parse(each.topic) for each in captured}) >= 5, "records, acks, what is desired, states"
    if shuffled:
        world.fate.random.shuffle(captured)
    world.broker.on_publish = lambda _topic, _payload: None
    for message in captured:
        world.broker.route(message, retain=message.topic.endswith("desired"))
        for step in (world.central, world.gateway_collector):
            step()
    world.heal()  # an old ack has the gateway send again what the city then takes for known
    assert all_of(world) == before
    world.text()
    world.heal()
    world.check()
    world.close()


def all_of(world: World) -> object:
    """What either side holds and what the gateway goes by."""
    journal, core = world.journal, world.core
    assert journal
    assert core
    rules = core.rulebook.rules
    return journal.id, journal.records(0, 10_000), journal.position(), journal.desired(), rules, world.city.records()
