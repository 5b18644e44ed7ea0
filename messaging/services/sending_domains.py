"""The domains we write from: checked on demand and once a day, the last result kept."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company_queries
from company import services as company
from ecrm.kernel.errors import DomainError
from messaging.models import SendingDomain
from messaging.services import domain_checks
from messaging.services.domain_checks import Server
from messaging.transports.dns import DnsUnavailable, Resolver
from messaging.transports.smtp import SmtpServer

if TYPE_CHECKING:
    from company.types import Agent

EVERY: Final = timedelta(days=1)
MOST_SELECTORS: Final = 10
_SELECTOR: Final = re.compile(r"\A[a-z0-9](?:[a-z0-9_.-]{0,61}[a-z0-9])?\Z")


class InvalidSelector(DomainError):
    """The text is no DKIM selector, or there are too many of them."""

    code = "invalid_selector"


def domain_of(address: str) -> str:
    """The domain of an address, as it is written in the DNS; "" when it has none."""
    try:
        return address.rpartition("@")[2].strip().lower().encode("idna").decode()
    except UnicodeError:
        return ""


def domains_in(shop_ids: Iterable[int]) -> dict[str, list[str]]:
    """The domains from which these shops write, each with the names of the shops."""
    found: dict[str, list[str]] = {}
    for shop in (company_queries.shop(shop_id) for shop_id in sorted(shop_ids)):
        if "." in (domain := domain_of(shop.support_email)):
            found.setdefault(domain, []).append(shop.name)
    return found


@transaction.atomic
def set_selectors(
    domain: str, *, selectors: Iterable[str], by: Agent | None, at: datetime | None = None
) -> None:
    """Say which DKIM selectors sign for a domain. Raises InvalidSelector."""
    wanted = list(dict.fromkeys(word.strip().lower() for word in selectors if word.strip()))
    if len(wanted) > MOST_SELECTORS or not all(map(_SELECTOR.match, wanted)):
        message = _("A selector consists of letters, digits, hyphens and dots; ten at most.")
        raise InvalidSelector(message, fields={"selectors": message})
    row, _made = SendingDomain.objects.select_for_update().get_or_create(domain=domain)
    row.selectors = wanted
    row.save(update_fields=["selectors"])
    company.record_audit(
        action="messaging.selectors-changed", target=f"sending-domain:{row.pk}", by=by, at=at
    )


def check(domain: str, *, at: datetime | None = None) -> SendingDomain:
    """Ask the DNS about a domain and keep what it says. Must not run inside a transaction."""
    row, _made = SendingDomain.objects.get_or_create(domain=domain)
    resolver = Resolver(settings.ECRM_DNS_SERVER)
    found = domain_checks.findings(
        domain,
        selectors=row.selectors or settings.ECRM_DKIM_SELECTORS,
        server=_server(resolver),
        resolver=resolver,
    )
    return keep_result(domain, findings=found, at=at)


def keep_result(
    domain: str, *, findings: list[dict[str, str]], at: datetime | None = None
) -> SendingDomain:
    """Write down what a check of a domain found."""
    row, _made = SendingDomain.objects.get_or_create(domain=domain)
    row.findings, row.verdict = findings, domain_checks.worst(findings)
    row.checked_at = at or now()
    row.save(update_fields=["findings", "verdict", "checked_at"])
    return row


def check_all(*, at: datetime | None = None) -> int:
    """Check every domain of a shop that was not checked today. Returns how many."""
    moment = at or now()
    domains = domains_in(shop.id for shop in company_queries.all_shops())
    fresh = SendingDomain.objects.filter(checked_at__gt=moment - EVERY / 2, domain__in=domains)
    stale = set(domains) - set(fresh.values_list("domain", flat=True))
    for domain in sorted(stale):
        check(domain, at=moment)
    return len(stale)


def _server(resolver: Resolver) -> Server:
    """The server that hands our mail to the world, as far as the settings tell."""
    term = settings.ECRM_SPF_TERM.strip()
    if settings.ECRM_ESP_URL or not settings.ECRM_SMTP_URL or term:
        return Server(term)
    host = SmtpServer.from_url(settings.ECRM_SMTP_URL).host
    try:
        found = resolver.addresses(host)
    except DnsUnavailable:
        found = []
    return Server("", tuple(one for one in found if ipaddress.ip_address(one).is_global))
