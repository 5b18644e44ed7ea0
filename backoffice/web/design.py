"""Every component in every state, for whoever builds a page."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backoffice import queries
from ecrm.kernel import access
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.htmx import render_page
from ecrm.kernel.money import Money

if TYPE_CHECKING:
    from company.types import AgentRequest


class Sample(forms.Form):
    """Fields of every kind."""

    name = forms.CharField(label="Name", help_text="As the customer reads it.")
    email = forms.EmailField(label="E-mail address")
    kind = forms.ChoiceField(label="Kind", choices=[("a", "Order"), ("b", "Return")])
    text = forms.CharField(label="Text", widget=forms.Textarea, required=False)
    colour = forms.CharField(label="Colour", widget=forms.TextInput(attrs={"type": "color"}))
    is_active = forms.BooleanField(label="Active", help_text="Customers see it at once.")


@require_safe
@access.signed_in
def components(request: AgentRequest) -> HttpResponse:
    """Show the components; only where the product is tried out or built."""
    if not (settings.DEBUG or settings.ECRM_DEMO):
        raise Http404
    at = now()
    context = {
        "tones": ["", "good", "bad", "warn", "new", "accent"],
        "levels": ["success", "info", "warning", "error"],
        "people": [
            "Camille Roux",
            "Lukas Meier",
            "Anaïs Fournier",
            "Jean-Luc Favre",
            "Sophie Keller",
        ],
        "moments": [
            at,
            at - timedelta(minutes=4),
            at - timedelta(hours=3),
            at - timedelta(days=1),
            at - timedelta(days=40),
        ],
        "amount": Money(Decimal("1234.50"), "EUR"),
        "saved": queries.saved_views(
            request, list_path=request.path, query=request.GET.urlencode()
        ),
        "sizes": ["xs", "sm", "", "lg"],
        "page": Paginator(range(240), ROWS_PER_PAGE).get_page(request.GET.get("page")),
        "form": Sample(initial={"name": "Maison Lune", "colour": "#14555f"}),
        "faulty": Sample({"name": "", "email": "camille@", "colour": "#14555f"}),
    }
    return render_page(request, "backoffice/design.html", context)
