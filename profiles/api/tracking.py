"""`/v1/…` at the root of the site: what browsers and servers tell, as Segment's libraries send it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from company.types import ApiKeyInfo
from ecrm.kernel.drf import KeyThrottle, MalformedJson, key_of
from profiles.rules import tracking as reading
from profiles.services import tracking
from profiles.services.identities import ResolutionFailed

LARGEST_BODY = 500 * 1024
# A key with this scope is kept secret: what its holder says of people is proven.
SECRET_SCOPE = "profiles:write"  # noqa: S105 - the name of a scope
ONE_DAY = 86_400


class BodyTooLarge(exceptions.APIException):
    """The body is larger than LARGEST_BODY, as it came or unpacked."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "A request holds at most 500 KB."


class Unavailable(exceptions.APIException):
    """Others kept changing the same visitors; the sender tries again."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "resolution_failed"
    default_detail = "Please send this again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What stood in a body; `is_small` says that no call in it can be too large."""

    document: Any
    is_small: bool


class LenientParser(BaseParser):
    """JSON of whatever type the sender says it is (browsers send text/plain), packed or not."""

    media_type = "*/*"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The document as Told. Raises BodyTooLarge, MalformedJson."""
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            raise BodyTooLarge
        body = stream.read(LARGEST_BODY + 1)
        if request.headers.get("Content-Encoding", "").casefold() == "gzip":
            body = _unpacked(body)
        if len(body) > LARGEST_BODY:
            raise BodyTooLarge
        try:
            document = reading.document(body)
        except (ValueError, RecursionError) as error:
            raise MalformedJson("The body is not valid JSON.") from error
        return Told(document=document, is_small=len(body) <= reading.LARGEST_ITEM)


def _unpacked(body: bytes) -> bytes:
    """At most one byte more than LARGEST_BODY: small bodies don't become huge."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body, LARGEST_BODY + 1)
    except zlib.error as error:
        raise MalformedJson("The body is not gzip.") from error


def _told(request: Request) -> Told:
    """What stands in the body; nothing when there is none."""
    data: Any = request.data
    return data if isinstance(data, Told) else Told(document={}, is_small=True)


class SenderThrottle(KeyThrottle):
    """Counts each address that uses a key: one browser can't silence a shop whose key is public."""

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """One counter for each key and address."""
        key = key_of(request)
        return f"track-rate:{key.id}:{get_client_ip(request) or ''}" if key else None


class TrackingView(APIView):
    """One way of telling; `kind` is empty for batches."""

    parser_classes = [LenientParser]
    throttle_classes = [SenderThrottle]
    required_scopes: ClassVar[dict[str, str]] = {"POST": "track:write"}
    kind: str = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer what browsers ask before they send, and let scripts of other sites read the answer.

        Nothing here depends on cookies, so any site may ask; none may send credentials.
        """
        if request.method == "OPTIONS":
            response: HttpResponseBase = HttpResponse(status=HTTPStatus.NO_CONTENT)
            response.headers["Access-Control-Allow-Methods"] = "POST"
            response.headers["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, Content-Encoding, AnonymousId"
            )
            response.headers["Access-Control-Max-Age"] = str(ONE_DAY)
        else:
            response = super().dispatch(request, *args, **kwargs)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    def find_key(self, request: Request) -> str | None:
        """The key in the body, as `writeKey`. Raises BodyTooLarge, MalformedJson."""
        document = _told(request).document
        key = document.get("writeKey") if isinstance(document, dict) else None
        return key if isinstance(key, str) and key else None

    @extend_schema(
        summary="Tell what visitors do",
        description=(
            'Takes what Segment\'s libraries send, one call or `{"batch": […]}` up to 500 KB, also as '
            "text/plain and gzip. What can't be understood is parked for the shop's operators; the "
            "answer is the same."
        ),
        request=OpenApiTypes.OBJECT,
        responses={
            200: inline_serializer("Tracked", {"success": serializers.BooleanField()}),
        },
    )
    def post(self, request: Request) -> Response:
        told = _told(request)
        key: ApiKeyInfo = key_of(request)
        document = told.document
        sent_at = document.get("sentAt") if isinstance(document, dict) else ""
        try:
            tracking.take(
                self._items(document),
                shop_id=key.shop_id,
                is_proven=SECRET_SCOPE in key.scopes and "Origin" not in request.headers,
                kind=self.kind or None,
                sent_at=sent_at if isinstance(sent_at, str) else "",
                may_be_large=not told.is_small,
            )
        except ResolutionFailed as failure:
            raise Unavailable from failure
        return Response({"success": True})

    def _items(self, document: Any) -> list[Any]:
        if self.kind:
            return [_without_key(document)]
        items = reading.calls_in(document)
        return [_without_key(document)] if items is None else items


def _without_key(document: Any) -> Any:
    """The call without the key: it may be parked and shown."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "writeKey"}
