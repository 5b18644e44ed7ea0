"""What receivers will think of mail from a domain: SPF, DKIM, DMARC and MX, each with a verdict.

A finding says in a stable code what was found, and which record makes it right.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from messaging.rules import spf
from messaging.transports.dns import DnsUnavailable, Resolver

GOOD: Final = "good"
WARN: Final = "warn"
BAD: Final = "bad"
UNKNOWN: Final = "unknown"
_ORDER: Final = (BAD, UNKNOWN, WARN, GOOD)
_WEAK_BITS, _USUAL_BITS = 1024, 2048
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class Server:
    """Who sends for us: the term that SPF records name us by, and our addresses; either may be unknown."""

    term: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """What following an SPF record found so far."""

    lookups: int = 0
    names_us: bool = False
    is_broken: bool = False
    seen: set[str] = field(default_factory=set)


def _finding(check: str, verdict: str, code: str, found: str = "", **record: str) -> dict[str, str]:
    """One finding as it is kept."""
    return {
        "check": check,
        "verdict": verdict,
        "code": code,
        "found": found[:2000],
        "name": record.get("name", ""),
        "kind": record.get("kind", "TXT" if record.get("publish") else ""),
        "publish": record.get("publish", ""),
    }


def findings(
    domain: str, *, selectors: list[str], server: Server, resolver: Resolver
) -> list[dict[str, str]]:
    """Everything there is to say about a domain. A name server that is silent makes a check unknown."""
    found = [_asked("spf", partial(_spf, domain, server, resolver))]
    if not selectors:
        found.append(_finding("dkim", UNKNOWN, "dkim_not_asked"))
    found += [_asked("dkim", partial(_dkim, domain, name, resolver)) for name in selectors]
    aligned = any(
        row["verdict"] in {GOOD, WARN} for row in found if row["check"] in {"spf", "dkim"}
    )
    found.append(_asked("dmarc", partial(_dmarc, domain, resolver, is_aligned=aligned)))
    found.append(_asked("mx", partial(_mx, domain, resolver)))
    return found


def worst(found: list[dict[str, str]]) -> str:
    """The verdict of a whole domain. One DKIM key is enough, whatever the other selectors say."""
    keys = [row["verdict"] for row in found if row["check"] == "dkim"]
    best = max(keys, key=_ORDER.index, default=UNKNOWN)
    verdicts = [best, *(row["verdict"] for row in found if row["check"] != "dkim")]
    return min(verdicts, key=_ORDER.index)


def _asked(check: str, look: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return look()
    except DnsUnavailable:
        return _finding(check, UNKNOWN, "dns_away")


# --- SPF (RFC 7208) ---


def _spf(domain: str, server: Server, resolver: Resolver) -> dict[str, str]:
    records = [text for text in resolver.texts(domain) if spf.is_record(text)]
    term = server.term or (f"ip4:{server.addresses[0]}" if server.addresses else "")
    record = records[0] if records else ""
    right = spf.with_term(record, term) if term else ""
    if not records:
        return _finding("spf", BAD, "spf_missing", name=domain, publish=right)
    if len(records) > 1:
        return _finding("spf", BAD, "spf_several", "\n".join(records), name=domain)
    walk = _Walk()
    _follow(record, domain, walk, server=server, resolver=resolver, depth=0)
    verdict, code = _spf_verdict(record, walk, is_known=bool(term))
    found = f"{walk.lookups}\n{record}" if code == "spf_too_many_lookups" else record
    publish = right if code == "spf_without_us" else ""
    return _finding("spf", verdict, code, found, name=domain, publish=publish)


def _spf_verdict(record: str, walk: _Walk, *, is_known: bool) -> tuple[str, str]:
    if walk.is_broken:
        return BAD, "spf_broken"
    if walk.lookups > spf.MOST_LOOKUPS:
        return BAD, "spf_too_many_lookups"
    if any(part.kind == "all" and part.sign == "+" for part in spf.terms(record) or ()):
        return BAD, "spf_open_to_all"
    if walk.names_us:
        return GOOD, "spf_good"
    return (BAD, "spf_without_us") if is_known else (UNKNOWN, "spf_server_unknown")


def _follow(
    record: str, domain: str, walk: _Walk, *, server: Server, resolver: Resolver, depth: int
) -> None:
    """Count what a receiver would ask, and look for us on the way."""
    parts = spf.terms(record)
    if parts is None:
        walk.is_broken = True
        return
    for part in parts:
        word = f"{part.kind}:{part.value}" if part.value else part.kind
        if part.sign == "+" and (
            word == server.term.lower() or any(spf.covers(part, one) for one in server.addresses)
        ):
            walk.names_us = True
        if part.kind in spf.ASKING:
            walk.lookups += 1
        if part.kind in {"a", "mx"} and part.sign == "+" and server.addresses:
            hosts = [part.value or domain]
            if part.kind == "mx":
                hosts = resolver.exchanges(hosts[0])[: spf.MOST_LOOKUPS]
            known = {one for host in hosts if host for one in resolver.addresses(host)}
            walk.names_us = walk.names_us or not known.isdisjoint(server.addresses)
        if part.kind in {"include", "redirect"} and "%" not in part.value:
            _include(part.value, walk, server=server, resolver=resolver, depth=depth)


def _include(name: str, walk: _Walk, *, server: Server, resolver: Resolver, depth: int) -> None:
    if name in walk.seen or depth >= _DEEPEST or walk.lookups > spf.MOST_LOOKUPS * 3:
        return
    walk.seen.add(name)
    inner = next((text for text in resolver.texts(name) if spf.is_record(text)), None)
    if inner is None:
        walk.is_broken = True  # the whole record counts as an error then (section 5.2)
        return
    _follow(inner, name, walk, server=server, resolver=resolver, depth=depth + 1)


# --- DKIM (RFC 6376) ---


def _dkim(domain: str, selector: str, resolver: Resolver) -> dict[str, str]:
    name = f"{selector}._domainkey.{domain}"
    records = [text for text in resolver.texts(name) if "p=" in text]
    if not records:
        return _finding("dkim", BAD, "dkim_missing", name, name=name)
    if len(records) > 1:
        return _finding("dkim", BAD, "dkim_several", name, name=name)
    tags = spf.tags(records[0])
    bits = _bits(tags.get("p", ""), kind=tags.get("k", "rsa"))
    verdict, code = _key_verdict(tags, bits)
    found = f"{name}\n{bits}" if code in {"dkim_weak", "dkim_short"} else name
    return _finding("dkim", verdict, code, found, name=name)


def _key_verdict(tags: dict[str, str], bits: int | None) -> tuple[str, str]:
    if not tags.get("p"):
        return BAD, "dkim_revoked"
    if bits is None:
        return BAD, "dkim_broken"
    if bits < _WEAK_BITS:
        return BAD, "dkim_weak"
    if "y" in tags.get("t", "").split(":"):
        return WARN, "dkim_testing"
    return (WARN, "dkim_short") if bits < _USUAL_BITS else (GOOD, "dkim_good")


def _bits(text: str, *, kind: str) -> int | None:
    """The length of a key as RSA measures it; None for what is no key."""
    try:
        raw = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            return _USUAL_BITS if len(raw) == 32 else None  # noqa: PLR2004 - RFC 8463
        key = load_der_public_key(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


# --- DMARC (RFC 7489) and MX ---


def _dmarc(domain: str, resolver: Resolver, *, is_aligned: bool) -> dict[str, str]:
    name = f"_dmarc.{domain}"
    right = f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}"
    place, records = _policies(domain, resolver)
    if not records:
        return _finding("dmarc", BAD, "dmarc_missing", name=name, publish=right)
    if len(records) > 1:
        return _finding("dmarc", BAD, "dmarc_several", "\n".join(records), name=f"_dmarc.{place}")
    tags = spf.tags(records[0])
    policy = tags.get("sp", tags.get("p", "")) if place != domain else tags.get("p", "")
    if policy not in {"none", "quarantine", "reject"}:
        return _finding("dmarc", BAD, "dmarc_broken", records[0], name=name, publish=right)
    if not is_aligned:
        return _finding("dmarc", BAD, "dmarc_unaligned", records[0])
    if policy == "none":
        return _finding("dmarc", WARN, "dmarc_watches", records[0], name=name, publish=right)
    return _finding("dmarc", GOOD, "dmarc_good", records[0])


def _policies(domain: str, resolver: Resolver) -> tuple[str, list[str]]:
    """The policies that hold for a domain: its own, or those of the nearest domain above it."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        place = ".".join(labels[start:])
        records = [
            text
            for text in resolver.texts(f"_dmarc.{place}")
            if text.replace(" ", "").lower().startswith("v=dmarc1")
        ]
        if records:
            return place, records
    return domain, []


def _mx(domain: str, resolver: Resolver) -> dict[str, str]:
    hosts = resolver.exchanges(domain)
    if hosts == [""]:
        return _finding("mx", BAD, "mx_null", name=domain, kind="MX")
    if not hosts:
        return _finding("mx", BAD, "mx_missing", name=domain, kind="MX")
    return _finding("mx", GOOD, "mx_good", "\n".join(sorted(hosts)))
