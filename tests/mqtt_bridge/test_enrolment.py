from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.enrolment import (
    Application,
    BadToken,
    Enrol,
    Token,
    digest,
    open_request,
    parse_token,
    readable,
    token_signed,
)
from mqtt_bridge.envelope import BadEnvelope, seal
from mqtt_bridge.keys import BadKey, public_pem
from mqtt_bridge.records import BadPayload

HALVES = st.binary(min_size=16, max_size=16)
TOKEN = Token(b"s" * 16, b"f" * 16)
PEM = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"


@given(HALVES, HALVES)
def test_a_token_is_read_as_it_was_written_however_it_is_typed(secret: bytes, mark: bytes) -> None:
    token = Token(secret, mark)
    text = str(token)
    assert parse_token(text) == parse_token(f"  {text.upper().replace('-', ' ')}\n") == token
    assert parse_token(text.replace("o", "0").replace("l", "1").replace("b", "8")) == token


@given(st.data())
def test_a_typing_error_is_noticed(data: st.DataObject) -> None:
    """By its last byte, in all but one of 256 cases; these are not among them."""
    text = str(TOKEN).replace("-", "")
    place = data.draw(st.integers(0, 9))
    letter = data.draw(st.sampled_from([each for each in "acdefghijkmnpqrstuvwxyz234567" if each != text[place]]))
    changed = text[:place] + letter + text[place + 1 :]
    try:
        assert parse_token(changed).key.public_key() != TOKEN.key.public_key()
    except BadToken:
        return


@pytest.mark.parametrize("text", ["", "abc", str(TOKEN)[:-1], str(TOKEN) + "a", "ü" * 53, str(TOKEN)[:-2] + "77"])
def test_what_is_no_token_is_said(text: str) -> None:
    with pytest.raises(BadToken, match="no token"):
        parse_token(text)


def application(token: Token, request: bytes) -> Application:
    return Application(token=token.public, request=request.decode(), signature=token.sign(request))


def test_only_who_holds_the_token_can_sign_with_it() -> None:
    good, other = application(TOKEN, b"request"), Token(b"t" * 16, TOKEN.fingerprint)
    assert token_signed(good)
    forgeries = [{"request": "another"}, {"token": other.public}, {"token": "00" * 32}]
    forgeries += [{"signature": each} for each in ("", "!", "AAAA", other.sign(b"request"))]
    for forgery in forgeries:
        assert not token_signed(msgspec.structs.replace(good, **forgery)), forgery


def test_the_line_never_sees_the_secret() -> None:
    seen = msgspec.json.encode(application(TOKEN, b"request")).decode()
    assert TOKEN.secret.hex() not in seen
    assert TOKEN.key.private_bytes_raw().hex() not in seen
    assert TOKEN.public != Token(b"t" * 16, TOKEN.fingerprint).public


def test_a_request_is_what_its_own_key_signed() -> None:
    mine, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    asked = Enrol(
        gateway="dinkes-01", csr=PEM, signing_key=public_pem(mine.public_key()).decode(), at=datetime.now(UTC)
    )
    assert open_request(seal(asked, mine)) == asked
    assert digest(seal(asked, mine)) != digest(seal(asked, other))
    with pytest.raises(BadEnvelope):
        open_request(seal(asked, other))
    with pytest.raises(BadKey):
        open_request(seal(msgspec.structs.replace(asked, signing_key=PEM), mine))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises((BadEnvelope, BadPayload, BadKey)):
        open_request(data)


def test_a_fingerprint_can_be_read_out() -> None:
    assert readable(bytes(range(8))) == "0001 0203 0405 0607"
