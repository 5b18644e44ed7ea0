"""The imports an agent may see, and whom they brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet

from company import queries as company
from profiles.models import Import, ImportedCustomer, ImportFault, ProfileQuerySet, Segment
from profiles.queries import listing
from profiles.queries.segments import MANAGE_SEGMENT, visible_segments

if TYPE_CHECKING:
    from company.types import Agent

IMPORT = "profiles.import_profile"
VIEW = "profiles.view_profile"
FAULTS_SHOWN = 10


def visible(agent: Agent) -> QuerySet[Import]:
    """The imports of shops whose customers the agent may import."""
    return Import.objects.filter(shop__in=company.shop_ids(agent, IMPORT))


def for_list(agent: Agent, *, limit: int = 50) -> QuerySet[Import]:
    """The latest imports, with what a line says. One query."""
    rows = visible(agent).select_related("shop", "created_by", "file")
    return rows.order_by("-created_at", "-pk")[:limit]


def first_faults(row: Import) -> list[ImportFault]:
    """The first rows which can't be imported. One query."""
    return list(ImportFault.objects.filter(of=row).order_by("row")[:FAULTS_SHOWN])


def lists_for(agent: Agent, shop_id: int) -> list[Segment]:
    """The lists into which the agent may put customers of the shop. One query."""
    rows = visible_segments(agent, code=MANAGE_SEGMENT).filter(kind=Segment.Kind.STATIC)
    return [row for row in rows.order_by("name") if row.shop_id in {None, shop_id}]


def brought(row: Import, agent: Agent) -> ProfileQuerySet:
    """Those whom an import brought, as far as the agent may see them, the first rows first."""
    mine = ImportedCustomer.objects.filter(of=row, profile=OuterRef("pk"))
    in_sight = company.shop_ids(agent, VIEW) & {row.shop_id}
    return listing.customers(in_sight).filter(Exists(mine)).order_by("pk")
