"""What keeps a link from working, by kind and in the broker's words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """What kind of thing keeps a link from working."""

    STARTING = "not connected yet"
    UNREACHABLE = "the broker can not be reached"
    REJECTED = "the broker refused the connection"
    ENDED = "the connection to the broker ended"
    DENIED = "the broker refused a message"
    UNHEARD = "the broker refused a subscription"
    TAKEN = "another device connected under our name"
    FILES = "a certificate file can not be used"
    TLS = "no TLS connection to the broker"
    OURS_EXPIRED = "our certificate has expired"
    OURS_EARLY = "our certificate is not valid yet"
    OURS_REVOKED = "our certificate was revoked"
    OURS_FOREIGN = "the broker does not know the authority of our certificate"
    OURS_REFUSED = "the broker does not accept our certificate"
    THEIRS_EXPIRED = "the broker's certificate has expired, by our clock"
    THEIRS_EARLY = "the broker's certificate is not valid yet, by our clock"
    THEIRS_FOREIGN = "the broker's certificate is from an authority that we do not know"
    THEIRS_NAME = "the broker's certificate is for another name"
    THEIRS_REFUSED = "the broker's certificate can not be trusted"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a link does not work; `detail` is the broker's own word, if it gave one."""

    trouble: Trouble
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.trouble}: {self.detail}" if self.detail else str(self.trouble)
