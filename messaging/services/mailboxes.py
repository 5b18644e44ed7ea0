"""The addresses at which customers write to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import crypto
from ecrm.kernel.errors import DomainError
from messaging.mime import addresses
from messaging.models import Mailbox
from messaging.services import sign_ins
from messaging.services.sign_ins import OAuthClient

if TYPE_CHECKING:
    from company.types import Agent


class InvalidMailboxAddress(DomainError):
    """The text is not an e-mail address."""

    code = "invalid_mailbox_address"


class MailboxAddressTaken(DomainError):
    """Another mailbox has this address."""

    code = "mailbox_address_taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImapAccount:
    """Where a mailbox is fetched from. An empty host means that nothing is fetched.

    `password` None keeps the stored one; with an `oauth` client there is none. `takes_plus` None leaves
    it as it is.
    """

    host: str = ""
    port: int = 993
    security: str = Mailbox.Security.TLS
    username: str = ""
    password: str | None = None
    folder: str = "INBOX"
    takes_plus: bool | None = None
    oauth: OAuthClient | None = None


@transaction.atomic
def create_mailbox(
    *,
    shop_id: int,
    address: str,
    account: ImapAccount | None = None,
    by: Agent | None,
    at: datetime | None = None,
) -> int:
    """The id of a mailbox of this shop; one with the same address in the same shop is kept as it is.

    Raises InvalidMailboxAddress and MailboxAddressTaken (by another shop).
    """
    plain = _address(address)
    known = Mailbox.objects.filter(address=plain).first()
    if known is not None:
        if known.shop_id != shop_id:
            raise _taken()
        return known.pk
    mailbox = Mailbox(shop_id=shop_id, address=plain, created_at=at or now())
    given = account or ImapAccount()
    _apply(mailbox, given)
    mailbox.save(force_insert=True)
    sign_ins.keep(mailbox, client=given.oauth, at=at or now(), moved=False)
    company.record_audit(
        action="messaging.mailbox-created",
        target=f"mailbox:{mailbox.pk}",
        by=by,
        shop_id=shop_id,
        at=at,
    )
    return mailbox.pk


@transaction.atomic
def change_mailbox(
    mailbox_id: int,
    *,
    address: str,
    account: ImapAccount,
    is_active: bool,
    by: Agent | None,
    at: datetime | None = None,
) -> None:
    """Give a mailbox another address or server, or switch it off.

    Raises InvalidMailboxAddress and MailboxAddressTaken.
    """
    mailbox = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox_id)
    plain = _address(address)
    if Mailbox.objects.filter(address=plain).exclude(pk=mailbox_id).exists():
        raise _taken()
    mailbox.address, mailbox.is_active = plain, is_active
    before = mailbox.place
    _apply(mailbox, account)
    mailbox.failures, mailbox.failing_since, mailbox.last_error = 0, None, ""
    mailbox.save()
    sign_ins.keep(mailbox, client=account.oauth, at=at or now(), moved=mailbox.place != before)
    company.record_audit(
        action="messaging.mailbox-changed",
        target=f"mailbox:{mailbox.pk}",
        by=by,
        shop_id=mailbox.shop_id,
        at=at,
    )


def _apply(mailbox: Mailbox, account: ImapAccount) -> None:
    mailbox.host = account.host.strip().lower()
    mailbox.port = account.port
    mailbox.security = account.security
    mailbox.username = account.username.strip()
    mailbox.folder = account.folder.strip() or "INBOX"
    if account.takes_plus is not None:
        mailbox.takes_plus = account.takes_plus
    if account.oauth is not None:
        mailbox.secret_encrypted = ""
    elif account.password is not None:
        mailbox.secret_encrypted = crypto.encrypt(account.password) if account.password else ""


def _address(text: str) -> str:
    plain = addresses.single(text)
    if plain is None:
        message = _("This is not an e-mail address.")
        raise InvalidMailboxAddress(message, fields={"address": message})
    return plain


def _taken() -> MailboxAddressTaken:
    message = _("Another mailbox has this address.")
    return MailboxAddressTaken(message, fields={"address": message})
