"""Sending a request again has no second effect (Idempotency-Key on POST and PATCH).

Same key and same body: the first answer again. Same key and another body: 422. A request with the same
key still running: 409. Key and effect commit in one transaction; an answer of 500 or more is never kept.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ecrm.kernel.drf import key_of
from ecrm.kernel.errors import DomainError
from ecrm.kernel.models import IdempotencyKey

LIFETIME = timedelta(days=7)
KEY_LENGTH = range(8, 256)


class UnusableKey(DomainError):
    """The header is shorter than 8 or longer than 255 characters."""

    code = "idempotency_key_unusable"
    status = 422


class KeyReused(DomainError):
    """The key came before with another body or for another route."""

    code = "idempotency_key_reused"
    status = 422


class StillRunning(DomainError):
    """The first request with this key has not ended yet."""

    code = "idempotency_key_in_use"


class IdempotentMixin:
    """For API views: honours Idempotency-Key on POST and PATCH."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As usual, or the first answer again."""
        if request.method in {"POST", "PATCH"} and request.headers.get("Idempotency-Key"):
            with transaction.atomic():
                response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
                if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    transaction.set_rollback(True)
            return response
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication: remember the key, or refuse it."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        key = request.headers.get("Idempotency-Key")
        if key and request.method in {"POST", "PATCH"}:
            self._claim = _Claim(request, key)
            if first := self._claim.first_answer():
                raise _Replay(first)

    def handle_exception(self, error: Exception) -> Any:
        """A replay is an answer, not an error."""
        if isinstance(error, _Replay):
            return error.response
        return super().handle_exception(error)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep the answer beside its effect."""
        final = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        claim: _Claim | None = getattr(self, "_claim", None)
        if (
            claim
            and final.status_code < HTTPStatus.BAD_REQUEST
            and not final.headers.get("Idempotency-Replayed")
        ):
            claim.keep(final)
        return final


class _Replay(Exception):
    def __init__(self, first: IdempotencyKey) -> None:
        self.response = Response(
            first.body, status=first.status, headers={"Idempotency-Replayed": "true"}
        )


class _Claim:
    """One key of one principal, locked until the transaction ends."""

    def __init__(self, request: Request, key: str) -> None:
        if len(key) not in KEY_LENGTH:
            raise UnusableKey(_("Idempotency-Key has 8 to 255 characters."))
        self._key = key
        self._principal = f"key:{key_of(request).id}"
        self._method = str(request.method)
        self._route = request.path[:200]
        self._digest = hashlib.sha256(
            json.dumps(request.data, sort_keys=True, default=str).encode()
        ).hexdigest()

    def first_answer(self) -> IdempotencyKey | None:
        """The stored answer. Raises StillRunning and KeyReused."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"idempotency:{self._principal}:{self._key}"],
            )
            if not cursor.fetchone()[0]:
                raise StillRunning(_("A request with this key is still running; try again soon."))
        first = IdempotencyKey.objects.filter(principal=self._principal, key=self._key).first()
        if first is None or first.expires_at <= now():
            return None
        if (first.method, first.route, first.body_sha256) != (
            self._method,
            self._route,
            self._digest,
        ):
            raise KeyReused(_("This key was used for another request."))
        return first

    def keep(self, response: Response) -> None:
        """Store the answer for LIFETIME."""
        IdempotencyKey.objects.update_or_create(
            principal=self._principal,
            key=self._key,
            defaults={
                "method": self._method,
                "route": self._route,
                "body_sha256": self._digest,
                "status": response.status_code,
                "body": json.loads(JSONRenderer().render(response.data)),
                "expires_at": now() + LIFETIME,
            },
        )


def purge(*, at: datetime) -> int:
    """Forget expired keys. Returns how many."""
    return IdempotencyKey.objects.filter(expires_at__lt=at).delete()[0]
