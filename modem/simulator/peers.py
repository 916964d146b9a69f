"""Another simulated modem of the same network: an SMS to its number comes to it through its phone page's API."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from .at import Refused
from .pdu import Body

_OUT_OF_ORDER = 38  # 3GPP TS 24.011, annex E-2: the network is; trying again later helps
_SECONDS = 5.0


def carrier(own_number: str, page: str) -> Callable[[Body], None]:
    """What hands an SMS of the modem `own_number` to the one whose phone page is at `page`. Raises `Refused`."""

    def carry(body: Body) -> None:
        order = json.dumps({"from": own_number, **_content(body)}).encode()
        request = urllib.request.Request(f"{page}/api/sms", order, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=_SECONDS).close()
        except OSError:
            raise Refused(_OUT_OF_ORDER) from None

    return carry


def _content(body: Body) -> dict[str, Any]:
    if isinstance(body.content, bytes):
        return {"binary": body.content.hex()}
    if body.part is None:
        return {"text": body.content}
    part = {"reference": body.part.reference, "number": body.part.number, "total": body.part.total}
    return {"parts": [{"text": body.content, **part}]}
