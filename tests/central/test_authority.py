from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from central.authority import COLLECTOR, SERVICE_LIFE, Authority, BadRequest, collector_files, key_of
from mqtt_bridge.keys import BadKey

from ..trusted import csr

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", NOW)


def test_it_is_made_once_and_for_its_owner_only(tmp_path: Path, authority: Authority) -> None:
    assert Authority(tmp_path / "ca", NOW + timedelta(days=1)).pem == authority.pem
    for file in ("ca.key", "ca.crt"):
        assert stat.S_IMODE((tmp_path / "ca" / file).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700


def test_processes_that_start_at_the_same_time_have_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: Authority(tmp_path / "ca", NOW).pem, range(8)))
    assert len(set(made)) == 1
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == ["ca.crt", "ca.key"]


def test_a_certificate_of_another_key_is_refused_by_name(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "ca" / "ca.crt").write_text(Authority(tmp_path / "other", NOW).pem)
    with pytest.raises(BadKey, match=r"ca\.crt"):
        Authority(tmp_path / "ca", NOW)


def test_a_gateways_certificate_names_it_whatever_it_asked_for(authority: Authority) -> None:
    made = authority.for_gateway("dinkes-01", csr(KEY, "disdik-01"), NOW)
    certificate = x509.load_pem_x509_certificate(made.pem.encode())
    root = x509.load_pem_x509_certificate(authority.pem.encode())
    certificate.verify_directly_issued_by(root)
    assert certificate.subject.rfc4514_string() == "CN=dinkes-01"
    assert certificate.public_key() == KEY.public_key()
    assert (made.not_after - NOW).days == 365
    assert made.not_before < NOW
    assert made.serial == f"{certificate.serial_number:x}"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ("garbage", "can not be read"),
        (csr(ec.generate_private_key(ec.SECP384R1())), "not for an EC P-256 key"),
        (csr(KEY)[:200] + "AAAA" + csr(KEY)[204:], "not signed|can not be read"),
    ],
)
def test_a_request_that_can_not_be_used_is_said(request_: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        key_of(request_)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(BadRequest):
        key_of(data.decode("latin-1"))


def test_the_list_keeps_what_was_on_it_and_does_not_expire(authority: Authority) -> None:
    first = authority.revocations({"1f": NOW}, None, NOW)
    second = x509.load_pem_x509_crl(authority.revocations({"2a": NOW}, first, NOW))
    assert {each.serial_number for each in second} == {0x1F, 0x2A}
    assert second.next_update_utc
    assert second.next_update_utc - NOW > timedelta(days=7000)
    assert second.is_signature_valid(x509.load_pem_x509_certificate(authority.pem.encode()).public_key())  # type: ignore[arg-type]


def test_the_collector_has_a_certificate_that_is_renewed_in_time(authority: Authority) -> None:
    path, _ = collector_files(authority, NOW)
    first = path.read_text()
    assert f"CN={COLLECTOR}" in x509.load_pem_x509_certificate(first.encode()).subject.rfc4514_string()
    assert collector_files(authority, NOW + SERVICE_LIFE / 2)[0].read_text() == first
    assert collector_files(authority, NOW + SERVICE_LIFE * 0.7)[0].read_text() != first
