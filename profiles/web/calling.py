"""Which colleagues a note or a comment may call by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, JsonResponse
from django.views.decorators.http import require_safe

from company import queries as company
from ecrm.kernel import access
from profiles import permissions, queries
from profiles.web import comparing

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.WRITE_NOTE)
def colleagues(request: AgentRequest) -> JsonResponse:
    """The names of those who may read about a customer (`profile`), or about a shop's (`shop`)."""
    writable = company.shop_ids(request.user, permissions.WRITE_NOTE)
    shop_id = comparing.number(request.GET.get("shop", ""))
    profile_id = comparing.number(request.GET.get("profile", ""))
    if shop_id is None and profile_id is None:
        return JsonResponse({"names": []})
    if shop_id is None and profile_id is not None:
        known = queries.shops_of(profile_id)
        shop_id = next((known_id for known_id in known if known_id in writable), None)
    if shop_id not in writable or shop_id is None:
        raise Http404
    others = company.agents_with(queries.VIEW, shop_id=shop_id)
    names = sorted(agent.name for agent in others if agent.id != request.user.pk)
    return JsonResponse({"names": names})
