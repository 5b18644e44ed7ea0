"""SPF records taken apart (RFC 7208), without asking anybody."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

MOST_LOOKUPS: Final = 10
ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
"""Terms that cost the receiver a DNS query (section 4.6.4)."""
_VERSION: Final = re.compile(r"\Av=spf1(?= |\Z)", re.IGNORECASE)
_TERM: Final = re.compile(r"\A([+?~-]?)([A-Za-z][\w.-]*)(?:[:=]([^\s/]*))?((?:/\S*)?)\Z")
_ADDRESS: Final = re.compile(r"\A([+?~-]?)(ip4|ip6):(\S+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a record: its sign (+ when it has none), its kind and what stands behind the colon."""

    sign: str
    kind: str
    value: str


def is_record(text: str) -> bool:
    """Whether a TXT record is an SPF record."""
    return bool(_VERSION.match(text))


def terms(record: str) -> list[Term] | None:
    """The terms of a record in order; None when one of them cannot be understood."""
    found: list[Term] = []
    for word in record.split()[1:]:
        match = _ADDRESS.match(word) or _TERM.match(word)
        if match is None:
            return None
        found.append(Term(match[1] or "+", match[2].lower(), (match[3] or "").lower()))
    return found


def covers(term: Term, address: str) -> bool:
    """Whether an ip4 or ip6 term lets this address send."""
    if term.kind not in {"ip4", "ip6"} or term.sign != "+":
        return False
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(term.value, strict=False)
    except ValueError:
        return False


def with_term(record: str, term: str) -> str:
    """The record with one more term in front of its end; a new one when there is none."""
    if not record:
        return f"v=spf1 {term} ~all"
    words = record.split()
    tail = [word for word in words if word.lower().lstrip("+?~-") == "all"]
    rest = [word for word in words if word not in tail]
    return " ".join([*rest, term, *(tail or ["~all"])])


def tags(record: str) -> dict[str, str]:
    """The tag=value pairs of a DKIM or DMARC record (RFC 6376 section 3.2)."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}
