"""The SMS gateway of the demo: it takes everything and tells nobody."""

from __future__ import annotations

from uuid import uuid4

from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from demo.services.texting import SECRET
from demo.web.guard import demo_only


@csrf_exempt
@demo_only
@require_POST
def take(request: HttpRequest) -> JsonResponse:
    """Say yes to an SMS, as the how-to about gateways describes."""
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {SECRET}"):
        return JsonResponse({}, status=401)
    return JsonResponse({"id": uuid4().hex, "status": "taken"}, status=202)
