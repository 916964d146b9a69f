"""Operators' answers: what they say of the account, and what they say of something else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modem import operators
from modem.operators import BadOperators, of_number, of_sim
from modem.ussd import Account, Forecast, Reading, forecast, read

OPERATORS = operators.load()
TELKOMSEL = OPERATORS[0]
TODAY = date(2026, 3, 5)
END = date(2026, 12, 31)


@pytest.mark.parametrize(
    ("text", "balance", "until"),
    [
        ("Pulsa Rp15.250 s.d. 31/12/2026", 15_250, END),
        ("Sisa Pulsa Anda Rp 5.000,00. Aktif sd 2026-01-31", 5_000, date(2026, 1, 31)),
        ("Pulsa Rp 15.250. Masa aktif s/d 05 Mar 27", 15_250, date(2027, 3, 5)),
        ("Sisa pulsa Anda Rp. 5.678. Aktif s.d 31-12-2026.\n1 Paket Internet\n2 Promo Rp 1.000", 5_678, END),
        ("PulsaUTAMA Rp.6195.Aktif s/d 31.12.26.", 6_195, END),
        ("Pulsa 19350 s/d 31Dec26.", 19_350, END),
        ("Pulsa anda sisa Rp 1234 berlaku s/d 31-DES-26. ", 1_234, END),
        ("Pulsa: Rp 5000, Masa Aktif: 31-12-2026 23:59:59", 5_000, END),
        ("Sisa pulsa: Rp 10.000 berlaku hingga 2026-12-31", 10_000, END),
        ("Sisa Pulsa Anda Rp.120.000.00 sd\n31/12/2026", 120_000, END),
        ("Saldo Anda IDR 15,250.00 valid until 31 December 2026", 15_250, END),
        ("Saldo 15.250 rupiah, aktif sampai 31 Desember 2026", 15_250, END),
        ("Pulsa Rp15.250,- aktif sampai dengan 12/31/2026", 15_250, END),
        ("Rp15.250. Aktif s.d. 31.12.2026", 15_250, END),
        ("Pulsa Rp 0. Masa aktif habis 31/12/2026", 0, END),
        ("Pulsa Rp15rb, aktif sd 20261231", 15_000, END),
        ("Pulsa Rp1,5jt sd 31122026", 1_500_000, END),
        ("Pulsa Rp 1.234.567 sd 31 Agt 2026", 1_234_567, date(2026, 8, 31)),
        ("Masa aktif kartu Anda 12 hari lagi", None, date(2026, 3, 17)),
        ("Kartu Anda aktif s.d. 31 Mei 2026", None, date(2026, 5, 31)),
        ("Sisa Pulsa Anda Rp 5.000 pada 05/03/2026", 5_000, None),
        ("Pulsa Rp5.000,31/12/2026", 5_000, END),
        # Bonuses, quotas and offers, before and after.
        ("Bonus Rp 1.000 s.d. 01/04/2026. Pulsa Rp 5.000 s.d. 31/12/2026", 5_000, END),
        ("Kuota 5GB Rp50.000 berlaku s/d 01/04/2026. Pulsa Rp 5.000. Masa aktif s.d 31/12/2026", 5_000, END),
        ("Pulsa Utama Rp 5.000, Bonus Pulsa Rp 1.000, masa aktif 31/12/2026", 5_000, END),
        ("Bonus Pulsa Rp 1.000", None, None),
        ("Pulsa Rp 5.000. Masa tenggang s.d. 30/01/2027", 5_000, None),
        ("Pulsa Rp 5.000 aktif s.d. 31/12/2026, masa tenggang s.d. 30/01/2027", 5_000, END),
        # Nothing of the account.
        ("Pulsa 2x lipat, pulsa 1.500/hari, pulsa 5GB", None, None),
        ("Nonton film cuma Rp5.000/hari", None, None),
        ("Pulsa Anda tidak cukup, harga paket Rp 1.000", None, None),
        ("1. Cek Pulsa\n2. Isi Pulsa 10.000\n3. Paket Rp 25.000", None, None),
        ("Tagihan Anda Rp 150.000 s.d. 31/12/2026", None, None),
        ("Sistem sedang sibuk, silakan coba lagi", None, None),
        ("Aktif s.d. 31/31/2026", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_what_an_answer_says(text: str, balance: int | None, until: date | None) -> None:
    assert read(text, TELKOMSEL, TODAY) == Account(balance, until)
    assert bool(read(text, TELKOMSEL, TODAY)) is (balance is not None or until is not None)


def test_a_profile_may_bring_patterns_of_its_own() -> None:
    odd = replace(TELKOMSEL, patterns=(r"REG#(?P<balance>[\d.]+)#(?P<until>\S+)",))
    assert read("REG#7.500#31/12/2026 Rp 1", odd, TODAY) == Account(7_500, END)
    assert read("Pulsa Rp 1", odd, TODAY) == Account(1)


@given(st.text(alphabet="Rp0123456789.,/- abdefghijklmnostu\nMGB%", max_size=80))
def test_no_answer_breaks_it(text: str) -> None:
    read(text, TELKOMSEL, TODAY)


@given(st.integers(0, 99_999_999), st.dates(date(2024, 1, 1), date(2069, 12, 31)))
def test_every_amount_and_day_in_the_usual_forms(balance: int, until: date) -> None:
    dotted, plain = f"{balance:,}".replace(",", "."), str(balance)
    for amount in (f"Rp{dotted}", f"Rp {dotted},00", f"Rp. {plain}", f"IDR {balance:,}.00"):
        for day in (f"{until:%d/%m/%Y}", f"{until:%d-%m-%y}", f"{until:%Y-%m-%d}", f"{until:%d.%m.%Y}"):
            assert read(f"Pulsa {amount} s.d. {day}", TELKOMSEL, TODAY) == Account(balance, until)


def readings(*balances: int | None, days: float = 1.0, until: date | None = None) -> list[Reading]:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return [Reading(start + timedelta(days=days * place), each, until) for place, each in enumerate(balances)]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], Forecast(None, None)),
        (readings(10_000), Forecast(None, None)),
        (readings(10_000, 9_000, 8_000), Forecast(8, None)),
        (readings(10_000, 9_000, 59_000, 58_000), Forecast(87, None)),  # a top-up is no spending
        (readings(10_000, None, 8_000), Forecast(8, None)),
        (readings(10_000, 10_000), Forecast(None, None)),
        (readings(10_000, 9_000, days=0.1), Forecast(None, None)),
        (readings(90_000, *[50_000] * 40, 49_000), Forecast(1470, None)),  # long ago does not count
        (readings(500, 0, until=date(2026, 3, 4)), Forecast(0, -1)),
        (readings(None, until=END), Forecast(None, 301)),
    ],
)
def test_how_long_it_lasts(history: list[Reading], expected: Forecast) -> None:
    assert forecast(history, TODAY) == expected
    known = [days for days in (expected.balance_days, expected.validity_days) if days is not None]
    assert expected.days_left == min(known, default=None)


@pytest.mark.parametrize(
    ("imsi", "name"),
    [("510101234567890", "Telkomsel"), ("510011234567890", "Indosat Ooredoo"), ("510111234567890", "XL"),
     ("510891234567890", "Tri"), ("310260000000000", None), ("", None)],
)  # fmt: skip
def test_whose_sim_it_is(imsi: str, name: str | None) -> None:
    found = of_sim(OPERATORS, imsi)
    assert (found.name if found else None) == name


def test_whose_customer_has_a_number() -> None:
    owners = [of_number(OPERATORS, number) for number in ("+6281234567890", "+6289512345678", "+6285612345678")]
    assert [owner.name for owner in owners if owner] == ["Telkomsel", "Tri", "Indosat Ooredoo"]
    assert of_number(OPERATORS, "+441234567890") is None


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("code =", "kode =", "unknown field `kode`"),
        ('code = "*888#"', 'code = "halo"', r"operator\[0\]\.code"),
        ('code = "*888#"', 'code = "*888#"\npatterns = ["("]', "is no regular expression"),
        ("[words]", "[words", "operators.toml: "),
    ],
)
def test_a_file_that_can_not_be_used(tmp_path: Path, good: str, bad: str, problem: str) -> None:
    path = tmp_path / "operators.toml"
    path.write_text(f"\n{operators.SHIPPED.read_text()}".replace(f"\n{good}", f"\n{bad}", 1))
    with pytest.raises(BadOperators, match=problem) as caught:
        operators.load(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadOperators, match="No such file"):
        operators.load(tmp_path / "nothing")
