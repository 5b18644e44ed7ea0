"""The topics customers of a shop may choose among: added, renamed, put away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import Topic
from messaging.queries import topics as queries
from messaging.services import topics
from messaging.web.forms import TopicForm

if TYPE_CHECKING:
    from company.types import AgentRequest, ShopInfo


@require_safe
@access.permission(permissions.TEMPLATES)
def topic_list(request: AgentRequest) -> HttpResponse:
    """The topics of the agent's shops, and how many customers do without each."""
    shops = _shops(request)
    rows = queries.topic_rows(list(shops))
    groups = [
        {
            "shop": shop,
            "rows": [
                {"row": row, "name": row.topic.name_in(request.user.language, *shop.languages)}
                for row in rows
                if row.topic.shop_id == shop_id
            ],
        }
        for shop_id, shop in shops.items()
    ]
    return render_page(request, "messaging/topic_list.html", {"groups": groups})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.TEMPLATES)
def topic_create(request: AgentRequest, shop_id: int) -> HttpResponse:
    """Offer the customers of a shop another topic."""
    shop = _shops(request).get(shop_id)
    if shop is None:
        raise Http404
    form = TopicForm(request.POST or None, shop=shop)
    if request.method == "POST" and form.is_valid():
        try:
            topics.add_topic(shop_id, names=form.names(), by=request.user)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The topic is offered from now on."))
            return redirect("messaging:topic-list")
    return _form(request, form, shop)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.TEMPLATES)
def topic_edit(request: AgentRequest, topic_id: int) -> HttpResponse:
    """Call a topic something else."""
    topic, shop = _topic(request, topic_id)
    form = TopicForm(request.POST or None, shop=shop, names=topic.names)
    if request.method == "POST" and form.is_valid():
        try:
            topics.rename_topic(topic.pk, names=form.names(), by=request.user)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The topic is renamed."))
            return redirect("messaging:topic-list")
    return _form(request, form, shop, topic=topic)


@require_POST
@access.permission(permissions.TEMPLATES)
def topic_archive(request: AgentRequest, topic_id: int) -> HttpResponse:
    """Put a topic away, or offer it again."""
    topic, _shop = _topic(request, topic_id)
    is_archived = topic.archived_at is None
    topics.archive_topic(topic.pk, is_archived=is_archived, by=request.user)
    done = _("The topic is no longer offered.") if is_archived else _("The topic is offered again.")
    messages.success(request, done)
    return redirect("messaging:topic-list")


def _shops(request: AgentRequest) -> dict[int, ShopInfo]:
    ids = company.shop_ids(request.user, permissions.TEMPLATES)
    return {shop_id: company.shop(shop_id) for shop_id in sorted(ids)}


def _topic(request: AgentRequest, topic_id: int) -> tuple[Topic, ShopInfo]:
    shops = _shops(request)
    found = queries.topic(topic_id, shop_ids=list(shops))
    if found is None:
        raise Http404
    return found, shops[found.shop_id]


def _form(
    request: AgentRequest, form: TopicForm, shop: ShopInfo, *, topic: Topic | None = None
) -> HttpResponse:
    name = topic.name_in(request.user.language, *shop.languages) if topic else ""
    context = {"form": form, "shop": shop, "topic": topic, "name": name}
    status = 422 if form.is_bound and form.errors else 200
    return render_page(request, "messaging/topic_edit.html", context, status=status)
