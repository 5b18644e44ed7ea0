"""What every list remembers for its agent: named filters and chosen columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from backoffice import queries, services
from backoffice.web.forms import ColumnsToShow, ViewToSave
from backoffice.web.returning import back_from
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest


@require_POST
@access.signed_in
def view_save(request: AgentRequest) -> HttpResponse:
    """Remember the filters of a list under a name."""
    form = ViewToSave(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the view a name of at most 60 characters."))
        return redirect("backoffice:home")
    try:
        view = services.save_view(**form.cleaned_data, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(form.cleaned_data["list_path"])
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
    return redirect(view.url)


@require_POST
@access.signed_in
def view_delete(request: AgentRequest, pk: int) -> HttpResponse:
    """Forget a saved view."""
    view = get_object_or_404(queries.saved_view_of(request.user.pk, pk))
    services.delete_view(pk, by=request.user)
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect(view.list_path)


@require_POST
@access.signed_in
def columns_choose(request: AgentRequest) -> HttpResponse:
    """Remember which columns of a list the agent wants to see."""
    form = ColumnsToShow(request.POST)
    if form.is_valid():
        keys = None if form.cleaned_data["usual"] else form.cleaned_data["columns"]
        services.choose_columns(form.cleaned_data["list_path"], keys=keys, by=request.user)
    return back_from(request)
