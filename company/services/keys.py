"""API keys: shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company.extensions import api_scopes
from company.models import ApiKey, Shop
from company.services.audit import record_audit
from company.services.power import refuse_escalation
from company.types import Agent as Actor
from company.types import ApiKeyInfo
from ecrm.kernel.errors import DomainError
from ecrm.kernel.prepared import Statement, shared_cursor

LAST_USED_PRECISION = timedelta(minutes=1)
REMEMBERED_SECONDS = 1.0
REMEMBERED_KEYS = 1000
_KEY = re.compile(r"ecrm_([a-z0-9]{8,16})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_MATCHES_NOTHING = "0" * 64
_USABLE = Statement(
    "usable_api_key",
    """
    SELECT key.id, key.shop_id, key.name, key.scopes, key.secret_hash, key.last_used_at
    FROM company_apikey AS key JOIN company_shop AS shop ON shop.id = key.shop_id
    WHERE key.prefix = %(prefix)s AND key.revoked_at IS NULL AND shop.is_active
      AND (key.expires_at IS NULL OR key.expires_at > %(at)s)
    """,
)


class ScopeUnknown(DomainError):
    """No module checks such a scope, or none was given."""

    code = "scope_unknown"


class ExpiryPassed(DomainError):
    """The key would be expired before its first use."""

    code = "expiry_passed"


@transaction.atomic
def issue_api_key(
    *,
    shop_id: int,
    name: str,
    scopes: Collection[str],
    by: Actor | None,
    expires_at: datetime | None = None,
    at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for programs of a shop; the second part is the key itself, never to be seen again.

    Raises ScopeUnknown, ExpiryPassed, PermissionEscalation.
    """
    at = at or now()
    refuse_escalation(by, codes=["company.manage_settings"], shop_id=shop_id)
    if not scopes or not api_scopes.codes().issuperset(scopes):
        text = _("Choose what the key may do.")
        raise ScopeUnknown(text, fields={"scopes": text})
    if expires_at is not None and expires_at <= at:
        text = _("The key would already be expired.")
        raise ExpiryPassed(text, fields={"expires_at": text})
    shop = Shop.objects.get(pk=shop_id)
    prefix = "".join(secrets.choice(_ALPHABET) for _position in range(10))
    plain = f"ecrm_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        shop=shop,
        name=name.strip(),
        prefix=prefix,
        secret_hash=hash_of(plain),
        scopes=sorted(set(scopes)),
        created_by_id=by.pk if by else None,
        created_at=at,
        expires_at=expires_at,
    )
    record_audit(
        action="company.api-key-issued",
        target=f"api-key:{key.pk}",
        by=by,
        shop_id=shop_id,
        changes={"scopes": " ".join(key.scopes)},
        at=at,
    )
    return key, plain


@transaction.atomic
def revoke_api_key(key_id: int, *, by: Actor | None, at: datetime | None = None) -> ApiKey:
    """End a key; a second time changes nothing. Raises PermissionEscalation.

    Another process which has just seen the key takes it for REMEMBERED_SECONDS at most.
    """
    at = at or now()
    key = ApiKey.objects.select_for_update().get(pk=key_id)
    refuse_escalation(by, codes=["company.manage_settings"], shop_id=key.shop_id)
    if key.revoked_at is not None:
        return key
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    _remembered.clear()
    record_audit(
        action="company.api-key-revoked",
        target=f"api-key:{key.pk}",
        by=by,
        shop_id=key.shop_id,
        at=at,
    )
    return key


_remembered: dict[str, tuple[float, ApiKeyInfo]] = {}


def recognise_api_key(plain: str) -> ApiKeyInfo | None:
    """Like use_api_key, without a query for a key that this process looked up within REMEMBERED_SECONDS.

    A shop at work sends many requests a second: looking its key up was a twentieth of what an order costs.
    """
    digest, moment = hash_of(plain), monotonic()
    until, known = _remembered.get(digest, (0.0, None))
    if moment < until:
        return known
    found = use_api_key(plain)
    if found is not None:
        if len(_remembered) >= REMEMBERED_KEYS:
            _remembered.clear()
        _remembered[digest] = (moment + REMEMBERED_SECONDS, found)
    return found


def use_api_key(plain: str, *, at: datetime | None = None) -> ApiKeyInfo | None:
    """The usable key behind these characters, or None. Runs one query, and an update each minute.

    The query is written by hand: every API request passes here, and a model would cost it a tenth of
    its time.
    """
    at = at or now()
    match = _KEY.fullmatch(plain)
    if match is None:
        return None
    cursor = shared_cursor()
    _USABLE.execute(cursor, {"prefix": match[1], "at": at})
    row = cursor.fetchone()
    expected = row[4] if row else _MATCHES_NOTHING
    if not secrets.compare_digest(hash_of(plain), expected) or row is None:
        return None
    key_id, shop_id, name, scopes, _hash, last_used_at = row
    if last_used_at is None or last_used_at <= at - LAST_USED_PRECISION:
        _note_use(key_id, at)
    return ApiKeyInfo(id=key_id, shop_id=shop_id, scopes=frozenset(scopes), name=name)


def hash_of(plain: str) -> str:
    """SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(plain.encode()).hexdigest()


def _note_use(key_id: int, at: datetime) -> None:
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=at)
