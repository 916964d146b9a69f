from __future__ import annotations

import pytest

from mqtt_bridge.topics import Leaf, downlink, parse, topic


@pytest.mark.parametrize("leaf", list(Leaf))
def test_there_and_back(leaf: Leaf) -> None:
    assert parse(topic("dinkes-01", leaf)) == ("dinkes-01", leaf)


def test_a_gateway_hears_what_is_said_to_it_alone() -> None:
    assert downlink("dinkes-01") == "gardu/v1/dinkes-01/command/#"


@pytest.mark.parametrize("name", ["", "gardu/v1/x", "gardu/v2/x/event/records", "gardu/v1/x/event/other", "x/event"])
def test_other_topics_are_none_of_ours(name: str) -> None:
    assert parse(name) is None
