from __future__ import annotations

from gateway.receipts import ALPHABET, COUNT, receipt


def test_no_two_records_of_a_journal_share_a_receipt() -> None:
    journal = "4d1c9f00a1b2c3d4"
    sample = {receipt(journal, seq) for seq in range(1, 50_001)}
    assert len(sample) == 50_000
    assert receipt(journal, 1) == receipt(journal, 1 + COUNT)


def test_receipts_are_short_readable_and_not_in_a_row() -> None:
    first, second = receipt("a", 1), receipt("a", 2)
    assert len(first) == 4
    assert set(first) <= set(ALPHABET)
    assert sum(a != b for a, b in zip(first, second, strict=True)) >= 2
    assert receipt("a", 1) != receipt("b", 1)
