"""The API's common ground: problem+json, strict JSON, scopes, cursors, money, rate limits."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from ecrm.kernel import cache
from ecrm.kernel.errors import DomainError
from ecrm.kernel.money import Money, is_currency, minor_units

TITLES = {
    400: "Bad request",
    401: "Authentication required",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Refused",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid document",
    429: "Too many requests",
    503: "Temporarily unavailable",
}

LARGEST_SHARE = 50  # requests that a process counts ahead

# A cheap look for what may be unstorable; only then the document is walked.
UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class JsonRenderer(JSONRenderer):
    """Compact JSON in UTF-8."""

    ensure_ascii = False


class QuickNegotiation(DefaultContentNegotiation):
    """The first renderer at once for who takes anything or just that; HTTP's rules for everybody else."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Who writes the answer, and its media type. Raises NotAcceptable."""
        first: BaseRenderer = renderers[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in {"*/*", first.media_type}:
            return first, str(first.media_type)
        chosen: tuple[BaseRenderer, str] = super().select_renderer(
            request, renderers, format_suffix
        )
        return chosen


class StrictJsonParser(JSONParser):
    """JSON without duplicate keys, NaN or Infinity; numbers with a fraction stay exact decimals."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The document. Raises ParseError with the position of the fault."""
        try:
            return strict_json(stream.read())
        except (ValueError, RecursionError) as error:
            raise MalformedJson(f"The body is not valid JSON: {error}") from error


class MalformedJson(exceptions.ParseError):
    """The body is no JSON document that we can keep."""

    default_code = "malformed_json"


def strict_json(body: bytes) -> Any:
    """A JSON document from UTF-8 bytes; numbers with a fraction become exact decimals.

    Raises ValueError for duplicate keys, NaN, Infinity and text that PostgreSQL can't keep (U+0000, lone
    surrogates), RecursionError for absurd nesting.
    """
    text = body.decode("utf-8")
    document = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
    )
    if UNSTORABLE.search(text):
        _refuse_unstorable(document)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key “{twice}” stands twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> Decimal:
    if not math.isfinite(float(text)):
        raise ValueError(f"the number {text[:40]} is too large")
    return Decimal(text)


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_unstorable(item)
    elif isinstance(value, str) and (
        "\0" in value or any("\ud800" <= c <= "\udfff" for c in value)
    ):
        raise ValueError("U+0000 and lone surrogates can't be stored")


def key_of(request: Request) -> Any:
    """The API key that signed the request (with `id`, `shop_id`, `scopes`), or None."""
    return request.auth


class HasScope(BasePermission):
    """The API key carries the scope that the view names for the method.

    Views declare `required_scopes = {"GET": "orders:read", "PUT": "orders:write"}`; a method without an
    entry is refused.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """True when the key's scopes contain the one required."""
        key = key_of(request)
        if key is None:
            return False
        scopes: Mapping[str, str] = getattr(view, "required_scopes", {})
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        required = scopes.get(method)
        if required is None:
            if method not in view.allowed_methods:
                raise exceptions.MethodNotAllowed(method)
            return False
        if required not in key.scopes:
            raise MissingScope(required)
        return True


class MissingScope(exceptions.PermissionDenied):
    """The key is valid but lacks the scope."""

    default_code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The API key lacks the scope {scope}.")


class KeyThrottle(SimpleRateThrottle):
    """So many requests per API key and minute (ECRM_API_RATE). Without Redis nobody is refused.

    A process takes a hundredth of the rate from the common counter at once, at most LARGEST_SHARE, and asks
    Redis again when that is used up. What it does not use within the minute is lost to the key.
    """

    scope = "key"
    _minute = 0
    _shares: ClassVar[dict[str, int]] = {}

    def get_rate(self) -> str:
        """The configured rate."""
        return f"{settings.ECRM_API_RATE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """One counter per key; unauthenticated requests fail before they cost anything."""
        key = key_of(request)
        return f"api-rate:{key.id}" if key else None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request in the current minute."""
        key = self.get_cache_key(request, view)
        if key is None:
            return True
        self.now = self.timer()
        shares = self._shares_of_minute()
        # Threads may count one request for two: a share is small enough not to need a lock.
        if (left := shares.get(key, 0)) > 0:
            shares[key] = left - 1
            return True
        share = max(1, min(settings.ECRM_API_RATE // 100, LARGEST_SHARE))
        count = cache.count(key, by=share, seconds=60, at=self.now)
        if count - share >= settings.ECRM_API_RATE:
            return False
        shares[key] = share - 1
        return True

    def _shares_of_minute(self) -> dict[str, int]:
        """What this process has taken for each key and not used yet."""
        minute = int(self.now // 60)
        if KeyThrottle._minute != minute:
            KeyThrottle._minute = minute
            self._shares.clear()
        return self._shares

    def wait(self) -> float:
        """Seconds until the next minute."""
        return 60 - self.now % 60


class CursorPage(CursorPagination):
    """`?cursor=&limit=`: at most 100 rows, stable while rows arrive."""

    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = "-id"

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """The rows of the page. Raises NotFound for a cursor that we never gave out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError) as error:
            raise exceptions.NotFound("This cursor is not one of ours.") from error

    def get_paginated_response(self, data: Any) -> Response:
        """{"results": […], "next": cursor or null}."""
        return Response({"results": data, "next": self._next_cursor()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What the schema says of a page."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "description": "Cursor of the next page."},
            },
        }

    def _next_cursor(self) -> str | None:
        link = self.get_next_link()
        if link is None:
            return None
        return parse_qs(urlsplit(link).query)[self.cursor_query_param][0]


class MoneyField(serializers.Field[Money, Any, Any, Any]):
    """Money as {"amount": "12.90", "currency": "EUR"}."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "shape": "Money is an object with amount (a decimal string) and currency (ISO 4217).",
        "scale": "The currency has fewer decimal places.",
    }

    def to_representation(self, value: Money) -> dict[str, str]:
        """The API's form."""
        return value.as_json()

    def to_internal_value(self, data: Any) -> Money:
        """Exact money. Raises ValidationError."""
        if not isinstance(data, Mapping) or not is_currency(str(data.get("currency"))):
            self.fail("shape")
        try:
            amount = Decimal(str(data.get("amount")))
        except InvalidOperation:
            self.fail("shape")
        if not amount.is_finite():
            self.fail("shape")
        if -int(amount.as_tuple().exponent) > minor_units(data["currency"]):
            self.fail("scale")
        return Money(amount, data["currency"])


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    errors: Iterable[Mapping[str, str]] = (),
    request_id: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An application/problem+json answer (RFC 9457) with a stable code and pointers to the faults."""
    body: dict[str, Any] = {
        "type": f"urn:ecrm:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if found := list(errors):
        body["errors"] = found
    if request_id:
        body["request_id"] = request_id
    return Response(
        body, status=status, headers=dict(headers or {}), content_type="application/problem+json"
    )


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal as problem+json; anything else is a bug and stays one."""
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, DomainError):
        return problem(
            error.status,
            code=error.code,
            detail=error.message,
            errors=[
                {"pointer": pointer, "code": error.codes.get(pointer, "invalid"), "detail": text}
                for pointer, text in error.fields.items()
            ],
            request_id=request_id,
        )
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    return _problem_of(error, request_id)


def _problem_of(error: exceptions.APIException, request_id: str) -> Response:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if isinstance(error, exceptions.ValidationError):
        return problem(
            422,
            code="invalid_document",
            detail="The document has faults; each is listed with a pointer.",
            errors=list(_faults(error.detail)),
            request_id=request_id,
        )
    code = error.get_codes()
    return problem(
        error.status_code,
        code=code if isinstance(code, str) else error.default_code,
        detail=str(error.detail),
        request_id=request_id,
        headers=headers,
    )


def _faults(detail: Any, pointer: str = "") -> Iterable[dict[str, str]]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            part = (
                ""
                if key == "non_field_errors"
                else "/" + str(key).replace("~", "~0").replace("/", "~1")
            )
            yield from _faults(value, pointer + part)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            is_leaf = isinstance(value, exceptions.ErrorDetail)
            yield from _faults(value, pointer if is_leaf else f"{pointer}/{index}")
    elif detail:
        yield {
            "pointer": pointer,
            "code": getattr(detail, "code", "invalid"),
            "detail": str(detail),
        }
