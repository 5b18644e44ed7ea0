"""Questions to the DNS, with a deadline over all of them."""

from __future__ import annotations

import ipaddress
import time
from contextlib import suppress
from typing import Final

import dns.exception
import dns.resolver

SECONDS_EACH: Final = 4.0
SECONDS_ALL: Final = 25.0


class DnsUnavailable(Exception):
    """No name server answered, or the answer was none; nothing is known then."""


class Resolver:
    """Asks one server (`host:port`), or those of this machine. Answers are kept for its lifetime."""

    def __init__(self, server: str = "") -> None:
        self._resolver = dns.resolver.Resolver(configure=not server)
        if server:
            host, _, port = server.rpartition(":") if ":" in server else (server, "", "53")
            self._resolver.nameservers = [host]
            self._resolver.port = int(port)
        self._ends = time.monotonic() + SECONDS_ALL
        self._known: dict[tuple[str, str], list[str]] = {}

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece. Raises DnsUnavailable."""
        return self._ask(name, "TXT")

    def exchanges(self, name: str) -> list[str]:
        """The servers that take mail for a domain; "" is the null MX (RFC 7505). Raises DnsUnavailable."""
        return self._ask(name, "MX")

    def addresses(self, name: str) -> list[str]:
        """The IPv4 and IPv6 addresses of a host, which may be one itself. Raises DnsUnavailable."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(name))]
        return self._ask(name, "A") + self._ask(name, "AAAA")

    def _ask(self, name: str, kind: str) -> list[str]:
        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            self._known[key] = self._asked(key[0], kind)
        return self._known[key]

    def _asked(self, name: str, kind: str) -> list[str]:
        seconds = min(SECONDS_EACH, self._ends - time.monotonic())
        if seconds <= 0:
            raise DnsUnavailable
        try:
            answer = self._resolver.resolve(f"{name}.", kind, lifetime=seconds)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DnsUnavailable from error
        return [_words(row, kind) for row in answer]


def _words(row: object, kind: str) -> str:
    if kind == "TXT":
        return b"".join(row.strings).decode("utf-8", "replace")  # type: ignore[attr-defined] # a TXT record
    if kind == "MX":
        return str(row.exchange).rstrip(".").lower()  # type: ignore[attr-defined] # an MX record
    return str(row)
