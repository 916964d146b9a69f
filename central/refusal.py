"""What somebody wants and can not have, as a code with details: in English here, in Indonesian on the pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class Refusal(ValueError):
    """The message is that of the code in `texts`, with the details in it."""

    texts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(self.texts[code].format(**details))
        self.code = code
        self.details = details
