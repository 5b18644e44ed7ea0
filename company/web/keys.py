"""API keys: made, shown once, revoked."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries
from company.extensions import api_scopes
from company.services import keys
from company.web import access as reach
from company.web.forms import KeyForm, refuse
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page


@require_safe
@access.permission(reach.SETTINGS)
def key_list(request: HttpRequest) -> HttpResponse:
    """The keys of the shops whose settings this agent may change."""
    found = queries.api_keys(queries.shop_ids(reach.me(request), reach.SETTINGS))
    return render_page(request, "company/key_list.html", {"keys": found, "now": now()})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.SETTINGS)
def key_create(request: HttpRequest) -> HttpResponse:
    """Make a key; the answer to the form is the only page that ever shows it."""
    me = reach.me(request)
    mine = queries.shop_ids(me, reach.SETTINGS)
    form = KeyForm(
        request.POST or None,
        shops=[(str(shop.id), shop.name) for shop in queries.all_shops() if shop.id in mine],
        scopes=[(scope.code, f"{_(scope.label)} ({scope.code})") for scope in api_scopes.all()],
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            key, plain = keys.issue_api_key(
                shop_id=given["shop"],
                name=given["name"],
                scopes=given["scopes"],
                expires_at=given["expires_at"],
                by=me,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            context = {"key": key, "plain": plain}
            return render_page(request, "company/key_created.html", context)
    status = 422 if form.errors else 200
    return render_page(request, "company/key_create.html", {"form": form}, status=status)


@require_POST
@access.permission(reach.SETTINGS)
def key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a key at once."""
    key = reach.key(request, pk)
    keys.revoke_api_key(key.pk, by=reach.me(request))
    messages.success(request, _("The key “%(name)s” no longer works.") % {"name": key.name})
    return redirect("company:key-list")
