from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mqtt_bridge.sealing import NotForUs, public_text, seal_for, unseal_with

KEY, OTHER = X25519PrivateKey.generate(), X25519PrivateKey.generate()


def test_only_the_reader_opens_it() -> None:
    sealed = seal_for(public_text(KEY), "199001012020121001")
    assert "1990" not in sealed
    assert len(sealed) <= 200, "it has to fit into a record's note"
    assert unseal_with(KEY, sealed) == "199001012020121001"
    with pytest.raises(NotForUs):
        unseal_with(OTHER, sealed)


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "!" * 88, "A" * 88])
def test_what_was_not_sealed(sealed: str) -> None:
    with pytest.raises(NotForUs):
        unseal_with(KEY, sealed)
