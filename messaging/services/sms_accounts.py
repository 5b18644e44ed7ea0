"""The accounts by which shops send SMS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import crypto
from ecrm.kernel.errors import DomainError
from messaging.models import SmsAccount
from messaging.services.keys import hook_keys
from messaging.transports.sms.parts import Account

if TYPE_CHECKING:
    from company.types import Agent

_NAMES: Final = ("secret", "consumer_key")


class AnotherAccountActive(DomainError):
    """The shop sends its SMS by another account already."""

    code = "another_sms_account_active"


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How a provider is reached and with what. A secret of None keeps the stored one."""

    provider: str
    sender: str
    url: str = ""
    username: str = ""
    service: str = ""
    stop_note: str = ""
    secret: str | None = None
    consumer_key: str | None = None


@transaction.atomic
def create_account(
    *, shop_id: int, access: Access, by: Agent | None, at: datetime | None = None
) -> int:
    """The id of the account by which this shop sends SMS from now on. Raises AnotherAccountActive."""
    _refuse_second(shop_id, but=None)
    account = SmsAccount(shop_id=shop_id, created_at=at or now())
    _apply(account, access)
    account.save(force_insert=True)
    _audit("messaging.sms-account-created", account, by=by, at=at)
    return account.pk


@transaction.atomic
def change_account(
    account_id: int,
    *,
    access: Access,
    is_active: bool,
    by: Agent | None,
    at: datetime | None = None,
) -> None:
    """Give an account another provider, sender or secret, or switch it off. Raises AnotherAccountActive."""
    account = SmsAccount.objects.select_for_update(of=("self",)).get(pk=account_id)
    if is_active:
        _refuse_second(account.shop_id, but=account_id)
    account.is_active = is_active
    _apply(account, access)
    account.save()
    _audit("messaging.sms-account-changed", account, by=by, at=at)


def prepared(account: SmsAccount) -> Account:
    """The account as adapters want it. Raises crypto.Undecipherable."""
    stored = secrets(account)
    path = reverse("messaging-sms-hooks:provider-call", args=[account.provider])
    return Account(
        sender=account.sender,
        url=account.url,
        username=account.username,
        service=account.service,
        secret=stored.get("secret", ""),
        consumer_key=stored.get("consumer_key", ""),
        hook_url=f"{settings.ECRM_BASE_URL}{path}",
        hook_keys=hook_keys(f"sms-account:{account.pk}"),
    )


def secrets(account: SmsAccount) -> dict[str, str]:
    """The stored secrets by name. Raises crypto.Undecipherable."""
    if not account.secrets_encrypted:
        return {}
    found: dict[str, str] = json.loads(crypto.decrypt(account.secrets_encrypted))
    return found


def _apply(account: SmsAccount, access: Access) -> None:
    account.provider = access.provider
    account.sender = access.sender.strip()
    account.url = access.url.strip()
    if account.provider != SmsAccount.Provider.GENERIC:
        account.url = account.url.rstrip("/")
    account.username = access.username.strip()
    account.service = access.service.strip()
    account.stop_note = " ".join(access.stop_note.split())
    given = {name: getattr(access, name) for name in _NAMES}
    if all(value is None for value in given.values()):
        return
    try:
        stored = secrets(account)
    except crypto.Undecipherable:
        stored = {}
    stored |= {name: value for name, value in given.items() if value is not None}
    account.secrets_encrypted = crypto.encrypt(json.dumps(stored))


def _refuse_second(shop_id: int, *, but: int | None) -> None:
    others = SmsAccount.objects.filter(shop_id=shop_id, is_active=True)
    if but is not None:
        others = others.exclude(pk=but)
    if others.select_for_update().exists():
        message = _("Another account sends the SMS of this shop. Switch it off first.")
        raise AnotherAccountActive(message)


def _audit(action: str, account: SmsAccount, *, by: Agent | None, at: datetime | None) -> None:
    company.record_audit(
        action=action,
        target=f"sms-account:{account.pk}",
        by=by,
        shop_id=account.shop_id,
        at=at,
    )
