from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.keys import BadKey
from mqtt_bridge.uplink_keys import _exchange_private, _exchange_public, uplink_keys

SEEDS = st.binary(min_size=32, max_size=32)


@given(SEEDS, SEEDS)
def test_both_sides_make_the_same_keys(one: bytes, two: bytes) -> None:
    gateway, central = map(Ed25519PrivateKey.from_private_bytes, (one, two))
    keys = uplink_keys(gateway, central.public_key(), "dinkes-01")
    assert keys == uplink_keys(central, gateway.public_key(), "dinkes-01")
    assert keys.up != keys.down
    assert keys.up != uplink_keys(gateway, central.public_key(), "dinkes-02").up


@given(SEEDS)
def test_a_public_key_is_the_same_point_in_other_coordinates(seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert (
        _exchange_public(key.public_key()).public_bytes_raw()
        == _exchange_private(key).public_key().public_bytes_raw()
    )


@pytest.mark.parametrize("point", [b"\x01" + bytes(31), bytes(32)])
def test_a_key_that_no_secret_can_be_agreed_on_with_is_refused(point: bytes) -> None:
    own = Ed25519PrivateKey.from_private_bytes(b"g" * 32)
    with pytest.raises(BadKey):
        uplink_keys(own, Ed25519PublicKey.from_public_bytes(point), "dinkes-01")
