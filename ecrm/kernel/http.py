"""The one way out to addresses that customers or settings name: HTTP guarded against SSRF.

http(s) on ports 80 and 443 only; the name is resolved once, every address must be public, and the
connection goes to the address that was checked, so that a second DNS answer changes nothing. At most
three redirects, each checked again; no proxies or cookies of the environment; small and quick answers.
Inside the operator's own network only the `host:port` pairs of ECRM_PRIVATE_HOSTS are called.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urljoin

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from ecrm.kernel.errors import DomainError

MAX_REDIRECTS = 3
MAX_ANSWER_BYTES = 5 * 1024 * 1024
PORTS = {"http": 80, "https": 443}
REDIRECTS = {301, 302, 303, 307, 308}
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddress(DomainError):
    """The URL leads to a place that we never call."""

    code = "forbidden_address"
    status = 422


class AnswerTooLarge(DomainError):
    """The answer is longer than MAX_ANSWER_BYTES."""

    code = "answer_too_large"
    status = 422


class _Egress:
    """A guarded client; stateless, safe to use from any thread."""

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
        follows: bool = True,
    ) -> httpx.Response:
        """The answer, read in whole. `timeout` is in seconds and counts for each step.

        `follows` False hands redirects back: what was sent is for this address alone.

        Raises ForbiddenAddress, AnswerTooLarge and httpx.HTTPError.
        """
        for _hop in range(MAX_REDIRECTS + 1):
            response = _one_request(method, url, content, headers or {}, timeout)
            location = response.headers.get("location")
            if not follows or response.status_code not in REDIRECTS or not location:
                return response
            url = urljoin(url, location)
            if response.status_code == HTTPStatus.SEE_OTHER:
                method, content = "GET", None
        raise ForbiddenAddress(_("The address redirects too often."))


egress = _Egress()


def _one_request(
    method: str, url: str, content: bytes | None, headers: Mapping[str, str], timeout: float
) -> httpx.Response:
    parsed = _parse(url)
    port = parsed.port or PORTS[parsed.scheme]
    is_own = is_private_host(parsed.host, port)
    address = _resolve(parsed.host, port)[0] if is_own else resolve_public(parsed.host, port)
    host = f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)
    with (
        httpx.Client(trust_env=False, timeout=timeout, follow_redirects=False) as client,
        client.stream(
            method,
            parsed.copy_with(host=host),
            content=content,
            headers={**headers, "Host": parsed.netloc.decode("ascii")},
            extensions={"sni_hostname": parsed.host},
        ) as response,
    ):
        body = b""
        for block in response.iter_bytes():
            body += block
            if len(body) > MAX_ANSWER_BYTES:
                raise AnswerTooLarge(_("The answer is too large."))
        return httpx.Response(
            response.status_code,
            headers=[(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"],
            content=body,
            request=response.request,
        )


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ForbiddenAddress(_("This is not a web address.")) from error
    if parsed.scheme not in PORTS or not parsed.host or parsed.userinfo:
        raise ForbiddenAddress(_("Only plain http and https addresses are called."))
    is_usual = parsed.port in {None, PORTS[parsed.scheme]}
    if not is_usual and not is_private_host(parsed.host, parsed.port or 0):
        raise ForbiddenAddress(_("Only the standard ports are called."))
    return parsed


def is_private_host(host: str, port: int) -> bool:
    """Whether the operator named this place of his own network as one to call."""
    return f"{host}:{port}" in settings.ECRM_PRIVATE_HOSTS


def resolve_public(host: str, port: int) -> Address:
    """One public address of the host. Raises ForbiddenAddress when any of its addresses is not public."""
    addresses = _resolve(host, port)
    if not all(is_public(address) for address in addresses):
        raise ForbiddenAddress(_("The address lies in a private network."))
    return addresses[0]


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ForbiddenAddress(_("The host name is unknown.")) from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    if not addresses:
        raise ForbiddenAddress(_("The host name is unknown."))
    return addresses


def is_public(address: Address) -> bool:
    """True for an address of the public Internet, also when IPv4 hides inside IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
