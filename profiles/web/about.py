"""What agents know of a customer beside his name: attributes, tags, stage and owner, on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.queries import attributes as attribute_queries
from profiles.queries import care as care_queries
from profiles.queries import tags as tag_queries
from profiles.rules import tags as tag_rules
from profiles.services import attributes, care, tags
from profiles.web import attribute_words as words

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import Agent, AgentRequest

SOURCE = "agent"
LONGEST_LIST = 2_500


class AboutForm(forms.Form):
    """Tags, then stage and owner in each shop, then a field for each attribute."""

    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=LONGEST_LIST,
        help_text=gettext_lazy("Divide several by commas."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "list": "known-tags", "spellcheck": "false"}
        ),
    )

    def __init__(
        self,
        *args: Any,
        cares: Sequence[care_queries.Care],
        lines: Sequence[attribute_queries.AttributeLine],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.cares, self.lines = cares, lines
        for known in cares:
            self._add_care(known, names_shop=len(cares) > 1)
        for line in lines:
            field = words.field_of(line.attribute)
            field.initial = words.typed(line.value)
            self.fields[f"attribute-{line.attribute.key}"] = field

    def _add_care(self, known: care_queries.Care, *, names_shop: bool) -> None:
        shop = company.shop(known.shop_id)
        suffix = f" · {shop.name}" if names_shop else ""
        by_rule = _("As the orders say")
        self.fields[f"stage-{known.shop_id}"] = forms.ChoiceField(
            label=_("Stage") + suffix,
            required=False,
            choices=[("", by_rule), *((code, label) for code, label in words.STAGES.items())],
            initial=known.stage if known.is_fixed else "",
        )
        agents = company.agents_with(permissions.VIEW, shop_id=known.shop_id)
        self.fields[f"owner-{known.shop_id}"] = forms.TypedChoiceField(
            label=_("Cared for by") + suffix,
            required=False,
            coerce=int,
            empty_value=None,
            choices=[("", _("Nobody")), *((agent.id, agent.name) for agent in agents)],
            initial=known.owner_id or "",
        )

    @property
    def care_fields(self) -> list[forms.BoundField]:
        """Stage and owner, shop by shop."""
        return [
            self[f"{name}-{known.shop_id}"] for known in self.cares for name in ("stage", "owner")
        ]

    @property
    def attribute_fields(self) -> list[forms.BoundField]:
        """One for each attribute in use."""
        return [self[f"attribute-{line.attribute.key}"] for line in self.lines]

    def attributes(self) -> dict[str, str]:
        """What was typed, by key."""
        return {
            line.attribute.key: self.cleaned_data[f"attribute-{line.attribute.key}"]
            for line in self.lines
        }


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.CHANGE)
def profile_about(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Everything at once; a POST saves all of it or, with a fault, nothing."""
    shop_ids = company.shop_ids(request.user, permissions.CHANGE)
    if profile_id >= 2**63 or not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    carried = [tag.name for tag in tag_queries.tags_of(profile_id)]
    form = AboutForm(
        request.POST or None,
        initial={"tags": ", ".join(carried)},
        cares=care_queries.care_of(profile_id, shop_ids=shop_ids, at=now()),
        lines=attribute_queries.lines(profile_id),
    )
    if request.method == "POST" and form.is_valid() and _save(request, profile_id, form, carried):
        messages.success(request, _("The customer was changed."))
        return redirect("profiles:profile-page", profile_id)
    context = {
        "form": form,
        "customer": queries.card(profile_id, shop_ids=shop_ids),
        "known_tags": tag_queries.all_names(),
        "may_define": request.user.has_perm("company.manage_settings"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "profiles/profile_about.html", context, status=status)


def _save(request: AgentRequest, profile_id: int, form: AboutForm, carried: Sequence[str]) -> bool:
    try:
        with transaction.atomic():
            _save_all(request.user, profile_id, form, carried)
    except attributes.UnusableValues as refusal:
        _mark(form, {f"attribute-{key}": text for key, text in refusal.fields.items()})
    except DomainError as refusal:
        form.add_error(None, refusal.message)
    return form.is_valid()


def _save_all(agent: Agent, profile_id: int, form: AboutForm, carried: Sequence[str]) -> None:
    wanted = tag_rules.names_in(form.cleaned_data["tags"])
    kept = {tag_rules.key_of(name) for name in wanted}
    gone = [name for name in carried if tag_rules.key_of(name) not in kept]
    attributes.set_attributes(profile_id, values=form.attributes(), source=SOURCE, by=agent)
    tags.change_tags(profile_id, add=wanted, remove=gone, by=agent)
    for known in form.cares:
        _save_care(agent, profile_id, form.cleaned_data, known)


def _save_care(
    agent: Agent, profile_id: int, values: Mapping[str, Any], known: care_queries.Care
) -> None:
    """Stage and owner in one shop, where they differ."""
    stage, owner_id = values[f"stage-{known.shop_id}"], values[f"owner-{known.shop_id}"]
    steps: list[tuple[bool, Callable[[], None]]] = [
        (
            stage != (known.stage if known.is_fixed else ""),
            lambda: care.fix_stage(profile_id, shop_id=known.shop_id, stage=stage, by=agent),
        ),
        (
            owner_id != known.owner_id,
            lambda: care.set_owner(profile_id, shop_id=known.shop_id, owner_id=owner_id, by=agent),
        ),
    ]
    for is_needed, step in steps:
        if is_needed:
            step()


def _mark(form: forms.Form, faults: Mapping[str, str]) -> None:
    for name, text in faults.items():
        form.add_error(name if name in form.fields else None, text)
