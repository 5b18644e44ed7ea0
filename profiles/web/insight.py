"""Settings: what the predictions of each shop rest on, and whether the figures were right last night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from profiles.models import LifetimeModel
from profiles.queries import predictions as queries

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest

SETTINGS = "company.manage_settings"
TONES = {LifetimeModel.State.FITTED: "good", LifetimeModel.State.FAILED: "bad"}


@require_safe
@access.permission(SETTINGS)
def insight(request: AgentRequest) -> HttpResponse:
    """One row per shop of the agent with its model, one per kind of figures with its last check."""
    shop_ids = sorted(company.shop_ids(request.user, SETTINGS))
    models = queries.models_of(shop_ids)
    context = {
        "rows": [
            {"shop": company.shop(shop_id), "model": model, "tone": _tone(model)}
            for shop_id in shop_ids
            for model in [models.get(shop_id)]
        ],
        "checks": queries.latest_checks(),
        "least_customers": queries.LEAST_CUSTOMERS,
        "least_repeaters": queries.LEAST_REPEATERS,
        "least_weeks": queries.LEAST_WEEKS,
    }
    return render_page(request, "profiles/insight.html", context)


def _tone(model: LifetimeModel | None) -> str:
    return TONES.get(LifetimeModel.State(model.state), "") if model else ""
