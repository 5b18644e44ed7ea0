"""What the post office of the demo has to show: a mailbox to sign in to, spared addresses, checked domains.

And calls of mail providers that nobody understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from company.types import Agent
from messaging import services as messaging
from messaging.services import provider_calls, sending_domains
from messaging.services.mailboxes import ImapAccount
from messaging.services.sign_ins import OAuthClient
from messaging.types import SuppressionScope

OWNER: Final = "alba@maison-alba.example"
SPARED: Final[tuple[tuple[str, SuppressionScope, str, int], ...]] = (
    ("ancienne.adresse@example.net", "everything", "hard_bounce", 41),
    ("plus.de.pub@example.org", "marketing", "unsubscribed", 23),
    ("spam@example.com", "marketing", "complaint", 9),
    ("boite.fermee@example.net", "everything", "hard_bounce", 4),
    ("merci.non@example.org", "marketing", "requested", 1),
)
CALLS: Final = (
    ("postmark", "tracking", b'{"RecordType": "Delivery"'),
    ("mailgun", "tracking", b'{"event-data": 1}'),
    ("sendgrid", "tracking", b'{"event": "delivered"'),
)
_RELAY: Final = "include:spf.relay.example"


def write_post_office(
    shop_ids: Mapping[str, int], *, agents: Mapping[str, Agent], today: datetime
) -> None:
    """Spared addresses, a mailbox of Google, and domains that were checked."""
    by = agents[OWNER]
    shops = list(shop_ids.values())
    for place, (address, scope, reason, days) in enumerate(SPARED):
        messaging.suppress(
            address,
            scope=scope,
            reason=reason,
            shop_id=shops[place % len(shops)],
            at=today - timedelta(days=days),
        )
    messaging.create_mailbox(
        shop_id=shops[0],
        address="service@maison-alba.example",
        account=ImapAccount(
            host="imap.gmail.com",
            username="service@maison-alba.example",
            takes_plus=True,
            oauth=OAuthClient(provider="google", client_id="maison-alba", client_secret="demo"),  # noqa: S106 - of nobody
        ),
        by=by,
    )
    for domain in sending_domains.domains_in(shops):
        sending_domains.keep_result(domain, findings=_found(domain), at=today)


def write_calls(*, today: datetime) -> None:
    """Calls of mail providers that nobody understood. Writing them again changes nothing.

    Must not run inside a transaction: a call is committed before anybody looks at it.
    """
    for provider, kind, body in CALLS:
        provider_calls.keep(
            body, provider=provider, kind=kind, content_type="application/json", at=today
        )
    while provider_calls.settle_next(at=today):
        pass


def _found(domain: str) -> list[dict[str, str]]:
    """What a check finds where the mail server was changed and the SPF record was not."""
    blank = {"found": "", "name": "", "kind": "", "publish": ""}
    return [
        blank
        | {
            "check": "spf",
            "verdict": "bad",
            "code": "spf_without_us",
            "found": "v=spf1 mx ~all",
            "name": domain,
            "kind": "TXT",
            "publish": f"v=spf1 mx {_RELAY} ~all",
        },
        blank
        | {
            "check": "dkim",
            "verdict": "good",
            "code": "dkim_good",
            "found": f"s1._domainkey.{domain}",
        },
        blank
        | {
            "check": "dmarc",
            "verdict": "warn",
            "code": "dmarc_watches",
            "found": f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}",
            "name": f"_dmarc.{domain}",
            "kind": "TXT",
            "publish": f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}",
        },
        blank | {"check": "mx", "verdict": "good", "code": "mx_good", "found": f"mx.{domain}"},
    ]
