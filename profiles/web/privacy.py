"""Data protection on a customer's page: his copy, his erasure, what he asked for."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.timezone import localdate, make_aware, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.extensions.privacy import Fate, personal, processings
from profiles.models import PrivacyRequest
from profiles.queries import privacy
from profiles.services import erasing, handing_out, privacy_requests
from profiles.web.page import visible_shops

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from company.types import AgentRequest

SOURCE = "agent"
SHOWN = 20


class RequestForm(forms.Form):
    """What the customer asked for, and when."""

    kind = forms.ChoiceField(
        label=gettext_lazy("The customer asks for"), choices=PrivacyRequest.Kind.choices
    )
    received_on = forms.DateField(
        label=gettext_lazy("Received on"),
        initial=localdate,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("The month to answer begins here (art. 12(3) GDPR)."),
    )

    def received_at(self) -> datetime:
        """The day as a moment that is not in the future."""
        day = self.cleaned_data["received_on"]
        return now() if day == localdate() else make_aware(datetime.combine(day, time(12)))


class EraseForm(forms.Form):
    """The customer's number, typed by hand."""

    number = forms.CharField(
        label=gettext_lazy("Type the customer's number to erase him"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, profile_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expected = str(profile_id)

    def clean_number(self) -> str:
        number: str = self.cleaned_data["number"].strip().lstrip("#")
        if number != self._expected:
            raise forms.ValidationError(_("This is not the number of this customer."))
        return number


@require_safe
@access.permission(permissions.EXPORT)
def profile_privacy(request: AgentRequest, profile_id: int) -> HttpResponse:
    """What we have of the customer, what an erasure would do, and what he asked for."""
    return _page(request, profile_id)


@require_POST
@access.permission(permissions.EXPORT)
def privacy_copy(request: AgentRequest, profile_id: int) -> HttpResponse | StreamingHttpResponse:
    """The customer's copy as an archive; written down before the first byte leaves."""
    _reachable(request, profile_id)
    try:
        copy = handing_out.prepare(profile_id, by=request.user, source=SOURCE)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("profiles:profile-privacy", profile_id)
    response = StreamingHttpResponse(handing_out.as_zip(copy), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="customer-{profile_id}.zip"'
    return response


@require_POST
@access.permission(permissions.ERASE)
def privacy_erase(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Decide the erasure; a worker carries it out within seconds."""
    _reachable(request, profile_id)
    form = EraseForm(request.POST, profile_id=profile_id)
    if not form.is_valid():
        return _page(request, profile_id, erase_form=form)
    try:
        erasing.ask_erasure(profile_id, by=request.user, source=SOURCE, is_decided=True)
    except DomainError as refusal:
        form.add_error(None, refusal.message)
        return _page(request, profile_id, erase_form=form)
    messages.success(request, _("The customer is being erased. The proof stands below."))
    return redirect("profiles:privacy-requests")


@require_POST
@access.permission(permissions.EXPORT)
def privacy_ask(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Write down what the customer asked for."""
    _reachable(request, profile_id)
    form = RequestForm(request.POST)
    if form.is_valid():
        try:
            privacy_requests.note_request(
                profile_id,
                kind=form.cleaned_data["kind"],
                received_at=form.received_at(),
                by=request.user,
            )
        except DomainError as refusal:
            for name, text in (refusal.fields or {"": refusal.message}).items():
                form.add_error(name or None, text)
        else:
            messages.success(request, _("Written down. It is to be answered within a month."))
            return redirect("profiles:profile-privacy", profile_id)
    return _page(request, profile_id, ask_form=form)


def _reachable(request: AgentRequest, profile_id: int) -> frozenset[int]:
    """The customer's shops in which the agent may export; none is not found."""
    visible = visible_shops(request.user, profile_id)
    shop_ids = visible & company.shop_ids(request.user, permissions.EXPORT)
    if not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    return frozenset(shop_ids)


def _page(
    request: AgentRequest,
    profile_id: int,
    *,
    erase_form: EraseForm | None = None,
    ask_form: RequestForm | None = None,
) -> HttpResponse:
    shop_ids = _reachable(request, profile_id)
    theirs = set(queries.shops_of(profile_id))
    may_export = theirs <= company.shop_ids(request.user, permissions.EXPORT)
    may_erase = theirs <= company.shop_ids(request.user, permissions.ERASE)
    lines = [
        line for line in privacy.foresee(privacy.subject_of(profile_id, at=now())) if line.count
    ]
    asked = PrivacyRequest.objects.filter(profile_id=profile_id).select_related("agent")
    forms_ = [form for form in (erase_form, ask_form) if form is not None]
    context = {
        "customer": queries.card(profile_id, shop_ids=shop_ids),
        "groups": grouped(lines),
        "requests": list(asked.order_by("-id")[:SHOWN]),
        "may_export": may_export,
        "may_erase": may_erase,
        "erase_form": erase_form or EraseForm(profile_id=profile_id),
        "ask_form": ask_form or RequestForm(),
        "is_erasing": privacy.open_erasure(profile_id),
    }
    status = 422 if any(form.errors for form in forms_) else 200
    return render_page(request, "profiles/privacy/customer.html", context, status=status)


def grouped(lines: Iterable[privacy.Line]) -> list[dict[str, Any]]:
    """The lines of a report under the purposes they belong to."""
    words = {
        Fate.ERASED: (_("Erased"), "bad"),
        Fate.EMPTIED: (_("Emptied"), "warn"),
        Fate.KEPT: (_("Kept"), "good"),
    }
    by_key: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        item = personal.get(line.key)
        if item is not None:
            label, tone = words[Fate(line.fate)]
            row = {"line": line, "fate": label, "tone": tone}
            by_key.setdefault(item.processing, []).append(row)
    ordered = sorted(processings.all(), key=lambda processing: processing.order)
    return [
        {"processing": processing, "rows": by_key[processing.key]}
        for processing in ordered
        if processing.key in by_key
    ]
