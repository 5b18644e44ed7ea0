"""What a customer allowed: where he stands, the whole history, and the proof of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, JsonResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.models.consents import Answer, Channel, Purpose
from profiles.queries import consents as consent_queries
from profiles.services import consents
from profiles.web import attribute_words as words
from profiles.web.page import visible_shops

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest, ShopInfo
    from profiles.models import Consent

TONES = {Answer.GRANTED: "good", Answer.PENDING: "warn", Answer.WITHDRAWN: "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where he stands in one matter, in words."""

    shop: ShopInfo
    matter: str
    answer: str
    tone: str
    standing: consent_queries.Standing
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the ledger in words."""

    shop: ShopInfo
    matter: str
    answer: str
    tone: str
    source: str
    row: Consent


class ConsentForm(forms.Form):
    """What an agent was told; he says how he knows."""

    shop = forms.TypedChoiceField(label=gettext_lazy("Shop"), coerce=int)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=Channel.choices)
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Purpose.choices)
    answer = forms.ChoiceField(
        label=gettext_lazy("The customer"),
        choices=[
            (Answer.WITHDRAWN, gettext_lazy("withdraws it")),
            (Answer.GRANTED, gettext_lazy("allows it")),
            (Answer.PENDING, gettext_lazy("shall be asked by mail")),
        ],
    )
    reason = forms.CharField(
        label=gettext_lazy("How do you know?"),
        max_length=500,
        help_text=gettext_lazy("The call, the mail, the form: what proves it later."),
    )

    def __init__(self, *args: Any, shops: Sequence[ShopInfo], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(shop.id, shop.name) for shop in shops]
        self.fields["shop"].choices = choices  # type: ignore[attr-defined] # it is a choice field


@require_safe
@access.permission(permissions.VIEW)
def consent_list(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Where the customer stands and how it came; who may change him finds a form."""
    visible_shops(request.user, profile_id)
    shops = _changeable(request, profile_id)
    return _page(request, profile_id, ConsentForm(shops=shops) if shops else None)


@require_POST
@access.permission(permissions.CHANGE)
def consent_record(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Add what an agent was told to the ledger."""
    visible_shops(request.user, profile_id)
    shops = _changeable(request, profile_id)
    if not shops:
        raise Http404
    form = ConsentForm(request.POST, shops=shops)
    if form.is_valid() and _save(request, profile_id, form):
        return redirect("profiles:consent-list", profile_id)
    return _page(request, profile_id, form)


def _page(request: AgentRequest, profile_id: int, form: ConsentForm | None) -> HttpResponse:
    shop_ids = visible_shops(request.user, profile_id)
    context = {
        "customer": queries.card(profile_id, shop_ids=shop_ids),
        "standings": standings(profile_id, shop_ids),
        "entries": _entries(consent_queries.ledger(profile_id, shop_ids=shop_ids)),
        "form": form,
        "may_export": request.user.has_perm(permissions.EXPORT),
    }
    status = 422 if form and form.errors else 200
    return render_page(request, "profiles/consent_list.html", context, status=status)


@require_POST
@access.permission(permissions.EXPORT)
def consent_proof(request: AgentRequest, profile_id: int) -> HttpResponse:
    """The ledger about a customer as a file; the audit log keeps that it was taken."""
    visible = visible_shops(request.user, profile_id)
    shop_ids = visible & company.shop_ids(request.user, permissions.EXPORT)
    if not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    entries = consent_queries.proof(profile_id, shop_ids=shop_ids)
    consents.record_export(profile_id, entries=len(entries), by=request.user)
    return JsonResponse(
        {"profile": str(profile_id), "exported_at": now().isoformat(), "consents": entries},
        json_dumps_params={"ensure_ascii": False, "indent": 2},
        headers={"Content-Disposition": f'attachment; filename="consents-{profile_id}.json"'},
    )


def standings(profile_id: int, shop_ids: Iterable[int]) -> list[Standing]:
    """Where a customer stands with these shops, in words."""
    return [
        Standing(
            shop=company.shop(found.shop_id),
            matter=_matter(found.channel, found.purpose),
            answer=str(Answer(found.answer).label),
            tone=TONES[Answer(found.answer)],
            standing=found,
            source=words.source(found.source),
        )
        for found in consent_queries.standings(profile_id, shop_ids=shop_ids)
    ]


def _entries(rows: Sequence[Consent]) -> list[Entry]:
    return [
        Entry(
            shop=company.shop(row.shop_id),
            matter=_matter(row.channel, row.purpose),
            answer=str(Answer(row.answer).label),
            tone=TONES[Answer(row.answer)],
            source=words.source(row.source),
            row=row,
        )
        for row in rows
    ]


def _matter(channel: str, purpose: str) -> str:
    by, why = consent_queries.matter(channel, purpose)
    return f"{why} · {by}"


def _changeable(request: AgentRequest, profile_id: int) -> list[ShopInfo]:
    """The customer's shops in which the agent may change customers."""
    shop_ids = company.shop_ids(request.user, permissions.CHANGE)
    known = set(queries.shops_of(profile_id))
    return [company.shop(shop_id) for shop_id in sorted(shop_ids & known)]


def _save(request: AgentRequest, profile_id: int, form: ConsentForm) -> bool:
    values = form.cleaned_data
    try:
        consents.record(
            profile_id,
            shop_id=values["shop"],
            channel=values["channel"],
            purpose=values["purpose"],
            answer=values["answer"],
            evidence=consents.Evidence(source="agent", reason=values["reason"]),
            by=request.user,
        )
    except DomainError as refusal:
        for name, text in (refusal.fields or {"": refusal.message}).items():
            form.add_error(name if name in form.fields else None, text)
        return False
    messages.success(request, _("The ledger has a new entry."))
    return True
