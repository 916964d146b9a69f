"""Codes that a phone's camera reads. The only file of central that imports segno."""

from __future__ import annotations

import segno


def picture(text: str) -> str:
    """As an image that stands in a page by itself."""
    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=4, light="#fff"))


def show(text: str) -> None:
    """On the terminal."""
    segno.make(text).terminal(compact=True)
