"""Building a segment: the form, and what the builder asks the server while somebody works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.models import Segment
from profiles.queries import segments as reading
from profiles.queries import segments_checking as checking
from profiles.queries import segments_counting as counting
from profiles.services import segments as editing
from profiles.web import segments_words as words
from profiles.web.segments import managed_or_404

if TYPE_CHECKING:
    from company.types import Agent, AgentRequest

LONGEST_RULES = 100_000
PAGE = "profiles/segment_edit.html"
EMPTY: dict[str, Any] = {"and": []}


class SegmentForm(forms.Form):
    """Name and description; a shop for a new one; the rules as JSON, which the builder writes."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=editing.LONGEST_NAME)
    description = forms.CharField(
        label=gettext_lazy("What it is for"),
        required=False,
        max_length=editing.LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    shop = forms.ChoiceField(label=gettext_lazy("Customers of"), required=False)
    rules = forms.CharField(
        label=gettext_lazy("Rules as JSON"),
        required=False,
        max_length=LONGEST_RULES,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "ec-mono"}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, agent: Agent, row: Segment | None, is_list: bool
    ) -> None:
        super().__init__(data, initial=_initial(row))
        self.row = row
        choices = shop_choices(agent)
        if row is not None or len(choices) < 2:  # noqa: PLR2004 - no choice
            del self.fields["shop"]
        else:
            self.fields["shop"].choices = choices  # type: ignore[attr-defined] # a ChoiceField
        if is_list:
            del self.fields["rules"]

    def clean_rules(self) -> Any:
        """The document; what is wrong inside is told by the service."""
        try:
            return json.loads(self.cleaned_data["rules"] or "null")
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is not JSON.")) from error


def _initial(row: Segment | None) -> dict[str, Any]:
    if row is None:
        return {"rules": json.dumps(EMPTY)}
    return {
        "name": row.name,
        "description": row.description,
        "rules": json.dumps(row.rules, indent=2, ensure_ascii=False),
        "version": row.version,
    }


def shop_choices(agent: Agent) -> list[tuple[str, str]]:
    """The shops for which the agent may make segments, and all of them when he may everywhere."""
    shop_ids = company.shop_ids(agent, permissions.MANAGE_SEGMENT)
    shops = [(str(shop.id), shop.name) for shop in company.all_shops() if shop.id in shop_ids]
    if company.may(agent, permissions.MANAGE_SEGMENT, shop_id=None):
        return [("", _("All shops")), *shops]
    return shops


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE_SEGMENT)
def segment_new(request: AgentRequest) -> HttpResponse:
    """An empty form; with `?kind=list` for a list."""
    return _edit(request, None, is_list=request.GET.get("kind") == "list")


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE_SEGMENT)
def segment_edit(request: AgentRequest, segment_id: int) -> HttpResponse:
    """The form of a segment or list."""
    row = managed_or_404(request.user, segment_id)
    return _edit(request, row, is_list=not row.is_dynamic)


def _edit(request: AgentRequest, row: Segment | None, *, is_list: bool) -> HttpResponse:
    form = SegmentForm(request.POST or None, agent=request.user, row=row, is_list=is_list)
    faults: dict[str, str] = {}
    if request.method == "POST" and form.is_valid():
        try:
            saved = _saved(request.user, row, form, is_list=is_list)
        except checking.FaultyRules as refusal:
            faults = refusal.fields
            form.add_error("rules", refusal.message)
        except DomainError as refusal:
            for name, text in (refusal.fields or {"": refusal.message}).items():
                form.add_error(name or None, text)
        else:
            messages.success(request, _("Saved."))
            return redirect("profiles:segment-page", saved.pk)
    context = {
        "form": form,
        "segment": row,
        "is_list": is_list,
        "faults": faults,
        "shop": str(row.shop_id or "") if row else _only_shop(request.user),
        "schema": {} if is_list else _schema(request.user, row),
    }
    return render_page(request, PAGE, context, status=422 if form.errors else 200)


def _saved(agent: Agent, row: Segment | None, form: SegmentForm, *, is_list: bool) -> Segment:
    values = form.cleaned_data
    document = None if is_list else values["rules"] or EMPTY
    if row is not None:
        return editing.change_segment(
            row.pk,
            name=values["name"],
            description=values["description"],
            rules=document,
            version=values["version"],
            by=agent,
        )
    return editing.create_segment(
        values["name"],
        rules=document,
        shop_id=_shop_or_404(agent, values.get("shop", _only_shop(agent))),
        description=values["description"],
        by=agent,
    )


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_count(request: AgentRequest) -> JsonResponse:
    """How many fulfil the rules that are sent: the planner's guess, or with `exact` the truth and who.

    Nothing is saved. Faults come back by JSON pointer with 422.
    """
    chosen = request.POST.get("shop", "")
    if chosen not in dict(shop_choices(request.user)):
        return JsonResponse({"refusal": _("Choose a shop.")}, status=422)
    shop_id = int(chosen) if chosen else None
    try:
        document = json.loads(request.POST.get("rules", "")[:LONGEST_RULES])
        found = checking.checked(
            document, shop_id=shop_id, segment_id=_segment_id(request.POST.get("segment", ""))
        )
        if "exact" not in request.POST:
            about = counting.estimate(found.tree, at=now(), shop_id=shop_id)
            return JsonResponse({"estimate": about})
        counted = counting.count(found.tree, at=now(), shop_id=shop_id)
        ids = counting.sample(found.tree, at=now(), shop_id=shop_id)
    except checking.FaultyRules as refusal:
        return JsonResponse({"faults": refusal.fields}, status=422)
    except DomainError as refusal:
        return JsonResponse({"refusal": refusal.message}, status=422)
    except (ValueError, RecursionError):
        return JsonResponse({"faults": {"": _("This is not JSON.")}}, status=422)
    return JsonResponse(
        {
            "count": counted.number,
            "milliseconds": counted.milliseconds,
            "members": _members(request.user, ids),
        }
    )


def _members(agent: Agent, profile_ids: list[int]) -> list[dict[str, str]]:
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    visible = [pk for pk in profile_ids if queries.is_known_to(pk, shop_ids)]
    cards = queries.cards(visible, shop_ids=shop_ids)
    return [
        {"name": cards[pk].name, "about": cards[pk].email or cards[pk].city, "id": str(pk)}
        for pk in visible
        if pk in cards
    ]


def _schema(agent: Agent, row: Segment | None) -> dict[str, Any]:
    rows = reading.visible_segments(agent, code=permissions.MANAGE_SEGMENT)
    return words.schema(list(rows.order_by("name")), besides=row.pk if row else None)


def _only_shop(agent: Agent) -> str:
    """The choice of who has none."""
    choices = shop_choices(agent)
    return choices[0][0] if choices else ""


def _shop_or_404(agent: Agent, text: str) -> int | None:
    """The shop which was chosen, or None for all of them; 404 when it is not for this agent."""
    if text not in {key for key, _label in shop_choices(agent)}:
        raise Http404
    return int(text) if text else None


def _segment_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004
