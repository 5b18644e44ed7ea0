"""What load balancers and Prometheus ask."""

from __future__ import annotations

import hmac
import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ecrm.kernel import access, metrics

READY_SECONDS = 2.0

_ready_until = 0.0


@require_safe
@access.public
def live(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked, so that a database outage restarts nobody."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@access.public
def ready(request: HttpRequest) -> HttpResponse:
    """The database answers and its migrations are applied; Redis may be away."""
    global _ready_until  # noqa: PLW0603 - one cached answer per process
    if time.monotonic() < _ready_until:
        return JsonResponse({"status": "ready"})
    try:
        executor = MigrationExecutor(connection)
        has_pending = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return _unready("database")
    if has_pending:
        return _unready("migrations")
    _ready_until = time.monotonic() + READY_SECONDS
    return JsonResponse({"status": "ready"})


def _unready(cause: str) -> JsonResponse:
    return JsonResponse(
        {"status": "unready", "cause": cause}, status=503, headers={"Retry-After": "5"}
    )


@require_safe
@access.public
def prometheus(request: HttpRequest) -> HttpResponse:
    """Metrics for who holds ECRM_METRICS_TOKEN; for everybody else the page does not exist."""
    given = request.headers.get("Authorization", "")
    expected = f"Bearer {settings.ECRM_METRICS_TOKEN}"
    if not settings.ECRM_METRICS_TOKEN or not hmac.compare_digest(
        given.encode(), expected.encode()
    ):
        return HttpResponse(status=404)
    return HttpResponse(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)
