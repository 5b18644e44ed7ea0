"""Signing in to mailboxes by OAuth 2: tokens are asked for, kept encrypted, and renewed in time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import crypto, http
from ecrm.kernel.errors import DomainError
from messaging.models import Mailbox, MailboxSignIn
from messaging.rules import sign_in as rules

if TYPE_CHECKING:
    from company.types import Agent

log = logging.getLogger(__name__)

STATE_SECONDS: Final = 3600
SPARE: Final = timedelta(minutes=2)
"""An access token that ends sooner is renewed first."""
USUAL_SECONDS: Final = 3600
LONGEST_SECONDS: Final = 86400
SECONDS: Final = 10.0
_SALT: Final = "messaging:sign-in"
_FINAL: Final = frozenset({"invalid_grant", "interaction_required", "consent_required"})


class SignInFailed(DomainError):
    """The provider gave no token; the message says what to do."""

    code = "sign_in_failed"


class StaleSignIn(DomainError):
    """The answer belongs to no sign-in that this agent began in the last hour."""

    code = "stale_sign_in"


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuthClient:
    """Who we are at a provider. A secret or refresh token of None keeps the stored one."""

    provider: str
    client_id: str
    client_secret: str | None = None
    tenant: str = ""
    authorize_url: str = ""
    token_url: str = ""
    scope: str = ""
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class _Tokens:
    access: str
    refresh: str
    until: datetime


def redirect_uri() -> str:
    """Where providers send people back to; the provider has to know it beforehand."""
    return f"{settings.ECRM_BASE_URL.rstrip('/')}/mail/mailboxes/sign-in/"


def is_safe(url: str) -> bool:
    """Whether secrets may be sent there: encrypted, or to a place which the operator named."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if parsed.scheme == "https":
        return bool(parsed.host)
    return parsed.scheme == "http" and http.is_private_host(parsed.host, parsed.port or 80)


def keep(mailbox: Mailbox, *, client: OAuthClient | None, at: datetime, moved: bool) -> None:
    """Write down how a mailbox is opened; None for by password. Runs in the caller's transaction.

    `moved` says that the mailbox is somewhere else now: the tokens were not given for that place.
    """
    row = MailboxSignIn.objects.select_for_update(of=("self",)).filter(mailbox=mailbox).first()
    if client is None:
        if row is not None:
            row.delete()
        return
    row = row or MailboxSignIn(mailbox=mailbox)
    before = _identity(row)
    row.provider, row.client_id, row.tenant = client.provider, client.client_id, client.tenant
    row.authorize_url, row.token_url = client.authorize_url, client.token_url
    row.scope = client.scope
    if client.client_secret is not None:
        row.client_secret_encrypted = crypto.encrypt(client.client_secret)
    if moved or before != _identity(row):
        _forget(row)
    if client.refresh_token:
        _forget(row)
        row.refresh_token_encrypted = crypto.encrypt(client.refresh_token)
        row.signed_in_at = at
    row.save()


def address(mailbox: Mailbox, *, by: Agent) -> str:
    """The page of the provider on which this agent signs in; "" when it has none. Runs one query."""
    row = MailboxSignIn.objects.filter(mailbox=mailbox).first()
    place = _shape(row) if row else None
    if row is None or place is None or not place.authorize_url:
        return ""
    words = {"mailbox": mailbox.pk, "agent": by.pk, "nonce": secrets.token_urlsafe(12)}
    state = signing.dumps(words, salt=_SALT)
    return rules.authorization_url(
        place,
        client_id=row.client_id,
        redirect_uri=redirect_uri(),
        state=state,
        verifier=_verifier(state),
        login_hint=mailbox.username,
    )


def mailbox_of(state: str, *, by: Agent) -> int:
    """The mailbox whose sign-in this agent began. Raises StaleSignIn."""
    try:
        words: dict[str, Any] = signing.loads(state, salt=_SALT, max_age=STATE_SECONDS)
    except signing.BadSignature as error:
        raise StaleSignIn(
            _("This sign-in is too old or was not begun here. Begin again.")
        ) from error
    if words.get("agent") != by.pk:
        raise StaleSignIn(_("Somebody else began this sign-in. Begin again."))
    return int(words["mailbox"])


def redeem(state: str, *, code: str, by: Agent, at: datetime | None = None) -> int:
    """Turn the provider's answer into tokens. Returns the mailbox.

    Raises StaleSignIn and SignInFailed. Must not run inside a transaction: it calls the provider.
    """
    mailbox_id = mailbox_of(state, by=by)
    row = MailboxSignIn.objects.filter(mailbox_id=mailbox_id).first()
    if row is None:
        raise StaleSignIn(_("This mailbox is opened by a password now."))
    body = rules.code_request(
        code=code,
        verifier=_verifier(state),
        redirect_uri=redirect_uri(),
        client_id=row.client_id,
        client_secret=_secret(row.client_secret_encrypted),
    )
    tokens = _asked(row, body, at=at or now())
    if not tokens.refresh:
        raise SignInFailed(
            _("The provider gave no lasting token. Allow offline access and sign in again.")
        )
    _signed_in(row, tokens, by=by, at=at or now())
    return mailbox_id


def access_token(mailbox_id: int, *, at: datetime | None = None) -> str:
    """A token that opens the mailbox now, renewed when the stored one ends soon.

    Raises SignInFailed. Must not run inside a transaction: it may call the provider.
    """
    moment = at or now()
    row = MailboxSignIn.objects.get(mailbox_id=mailbox_id)
    if row.refused_at is not None:
        raise _sign_in_again()
    if not row.refresh_token_encrypted:
        raise SignInFailed(_("Nobody has signed in to this mailbox yet. Open it and sign in."))
    if row.may_use_access(moment + SPARE):
        return _secret(row.access_token_encrypted)
    body = rules.refresh_request(
        refresh_token=_secret(row.refresh_token_encrypted),
        scope=_shape(row).scope,
        client_id=row.client_id,
        client_secret=_secret(row.client_secret_encrypted),
    )
    tokens = _asked(row, body, at=moment)
    _renewed(row, tokens)
    return tokens.access


def forget_access(mailbox_id: int) -> None:
    """Have the next access token asked for anew: the mail server did not take this one."""
    MailboxSignIn.objects.filter(mailbox_id=mailbox_id).update(
        access_token_encrypted="", access_until=None
    )


def _asked(row: MailboxSignIn, body: bytes, *, at: datetime) -> _Tokens:
    place = _shape(row)
    if not is_safe(place.token_url):
        raise SignInFailed(_("The token address must begin with https://."))
    try:
        response = http.egress.request(
            "POST",
            place.token_url,
            content=body,
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            timeout=SECONDS,
            follows=False,
        )
        answer = json.loads(response.content)
    except DomainError as error:
        raise SignInFailed(error.message) from error
    except httpx.HTTPError as error:
        raise SignInFailed(_("The provider could not be reached. It is tried again.")) from error
    except ValueError as error:
        raise SignInFailed(_("The provider's answer was not understood.")) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
        raise _refusal(row, answer, at=at)
    return _tokens(answer, at=at)


def _tokens(answer: dict[str, Any], *, at: datetime) -> _Tokens:
    lasts = str(answer.get("expires_in"))
    seconds = int(lasts) if lasts.isascii() and lasts.isdigit() else USUAL_SECONDS
    refresh = answer.get("refresh_token")
    return _Tokens(
        access=answer["access_token"],
        refresh=refresh if isinstance(refresh, str) else "",
        until=at + timedelta(seconds=min(seconds, LONGEST_SECONDS)),
    )


def _refusal(row: MailboxSignIn, answer: object, *, at: datetime) -> SignInFailed:
    """What to do about an answer without a token."""
    given = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    code = re.sub(r"[^a-z_]", "", given.lower())[:40]
    log.warning("sign_in_refused", extra={"mailbox_id": row.mailbox_id, "oauth_error": code})
    if code in _FINAL:
        MailboxSignIn.objects.filter(
            pk=row.pk, refresh_token_encrypted=row.refresh_token_encrypted
        ).update(refused_at=at, access_token_encrypted="", access_until=None)
        return _sign_in_again()
    if code in {"invalid_client", "unauthorized_client"}:
        return SignInFailed(
            _("The provider does not know this client or its secret. Enter them again.")
        )
    return SignInFailed(
        _("The provider gave no token ({code}).").format(code=code or _("no reason given"))
    )


def _sign_in_again() -> SignInFailed:
    return SignInFailed(
        _("The provider does not accept our sign-in any more. Please sign in again.")
    )


@transaction.atomic
def _signed_in(row: MailboxSignIn, tokens: _Tokens, *, by: Agent, at: datetime) -> None:
    mailbox = Mailbox.objects.select_for_update(of=("self",)).get(pk=row.mailbox_id)
    MailboxSignIn.objects.filter(pk=row.pk).update(
        refresh_token_encrypted=crypto.encrypt(tokens.refresh),
        access_token_encrypted=crypto.encrypt(tokens.access),
        access_until=tokens.until,
        signed_in_at=at,
        refused_at=None,
    )
    mailbox.failures, mailbox.failing_since, mailbox.last_error = 0, None, ""
    mailbox.save(update_fields=["failures", "failing_since", "last_error"])
    company.record_audit(
        action="messaging.mailbox-signed-in",
        target=f"mailbox:{mailbox.pk}",
        by=by,
        shop_id=mailbox.shop_id,
        at=at,
    )


def _renewed(row: MailboxSignIn, tokens: _Tokens) -> None:
    """Keep the new tokens, unless somebody signed in anew meanwhile."""
    changes = {
        "access_token_encrypted": crypto.encrypt(tokens.access),
        "access_until": tokens.until,
    }
    if tokens.refresh:  # some providers give a new one each time
        changes["refresh_token_encrypted"] = crypto.encrypt(tokens.refresh)
    MailboxSignIn.objects.filter(pk=row.pk, signed_in_at=row.signed_in_at).update(**changes)


def _forget(row: MailboxSignIn) -> None:
    row.refresh_token_encrypted = row.access_token_encrypted = ""
    row.access_until = row.signed_in_at = row.refused_at = None


def _identity(row: MailboxSignIn) -> tuple[str, ...]:
    """A token belongs to one client at one place."""
    return (row.provider, row.client_id, row.tenant, row.token_url, row.scope)


def _shape(row: MailboxSignIn) -> rules.Shape:
    return rules.shape(
        row.provider,
        tenant=row.tenant,
        authorize_url=row.authorize_url,
        token_url=row.token_url,
        scope=row.scope,
    )


def _secret(token: str) -> str:
    try:
        return crypto.decrypt(token) if token else ""
    except crypto.Undecipherable as error:
        raise SignInFailed(
            _("What was stored cannot be read any more. Enter the client secret and sign in again.")
        ) from error


def _verifier(state: str) -> str:
    """The PKCE verifier of a sign-in: never leaves us before the code came back, never stored."""
    key = hashlib.sha256(b"messaging.sign-in:" + settings.SECRET_KEY.encode()).digest()
    digest = hmac.digest(key, state.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
