from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.envelope import SIZE_LIMIT, BadEnvelope, body_of, seal, unseal

from .test_records import PAYLOADS, encode

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SEALED = seal(PAYLOADS["ack"], KEY)


def test_what_was_sealed_comes_out_as_it_was() -> None:
    assert unseal(SEALED, KEY.public_key()) == body_of(SEALED) == encode(PAYLOADS["ack"])


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, change: int) -> None:
    forged = bytearray(SEALED)
    forged[place] ^= change
    with pytest.raises(BadEnvelope):
        unseal(bytes(forged), KEY.public_key())


def test_another_key_does_not_do() -> None:
    with pytest.raises(BadEnvelope, match="does not fit"):
        unseal(SEALED, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("sealed", [b"", b"{}", b"{}\n", b"{}\n!!!", b"{}\nAAAA", b"x" * (SIZE_LIMIT + 1)])
def test_what_is_not_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(BadEnvelope):
        unseal(sealed, KEY.public_key())
