"""The company's rules for identifiers: look, try, save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import queries, rules, services
from profiles.models import Identifier
from profiles.rules.policies import MOST, Policy

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest

SETTINGS = "company.manage_settings"


class RulesForm(forms.Form):
    """Four fields for each kind; `try` shows what would change, `save` puts it in force."""

    def __init__(self, *args: Any, policies: Sequence[Policy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = [policy.kind for policy in policies]
        for policy in policies:
            self._add(policy)

    def _add(self, policy: Policy) -> None:
        kind = policy.kind
        self.fields[f"{kind}-priority"] = forms.IntegerField(
            label=gettext_lazy("Rank"), min_value=1, max_value=99, initial=policy.priority
        )
        self.fields[f"{kind}-limit"] = forms.IntegerField(
            label=gettext_lazy("At most per customer"),
            min_value=1,
            max_value=MOST,
            initial=policy.limit,
        )
        self.fields[f"{kind}-blocked"] = forms.CharField(
            label=gettext_lazy("Values that identify nobody"),
            required=False,
            max_length=10_000,
            initial="\n".join(sorted(policy.blocked)),
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        )
        if kind in rules.OF_MACHINES:
            self.fields[f"{kind}-joins"] = forms.BooleanField(
                label=gettext_lazy("Join a visitor to the person he turns out to be"),
                required=False,
                initial=policy.joins_visitors,
            )

    def rows(self) -> list[dict[str, Any]]:
        """The fields by kind, for the page."""
        return [
            {
                "label": Identifier.Kind(kind).label,
                "fields": [self[name] for name in self.fields if name.startswith(f"{kind}-")],
            }
            for kind in self.kinds
        ]

    def wanted(self) -> list[Policy]:
        """The rules as they were typed."""
        values = self.cleaned_data
        return [
            Policy(
                kind=kind,
                limit=values[f"{kind}-limit"],
                priority=values[f"{kind}-priority"],
                blocked=frozenset(_entries(values[f"{kind}-blocked"])),
                joins_visitors=values.get(f"{kind}-joins", False),
            )
            for kind in self.kinds
        ]


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(SETTINGS)
def identity_rules(request: AgentRequest) -> HttpResponse:
    """The rules of each kind; a POST tries them, or saves them once somebody saw what they do."""
    form = RulesForm(request.POST or None, policies=queries.policies().all())
    dry_run = None
    if request.method == "POST" and form.is_valid():
        try:
            services.check_policies(form.wanted())
            if "save" in request.POST:
                services.save_policies(form.wanted(), by=request.user)
                messages.success(request, _("The rules are in force."))
                return redirect("profiles:identity-rules")
            dry_run = queries.dry_run(form.wanted())
        except DomainError as refusal:
            for name, text in (refusal.fields or {"": refusal.message}).items():
                form.add_error(name or None, text)
    context = {
        "form": form,
        "effects": _in_words(dry_run) if dry_run else [],
        "is_tried": dry_run is not None,
    }
    status = 422 if form.errors else 200
    return render_page(request, "profiles/identity_rules.html", context, status=status)


def _in_words(found: queries.DryRun) -> list[dict[str, Any]]:
    sentences = (
        (
            found.blocked,
            _("would split: their next contact by a blocked value makes a new customer"),
        ),
        (found.over_limit, _("hold more than the limit; they keep what they have and get no more")),
        (found.joined, _("would merge: visitors joined to the person they are known to be")),
        (found.reordered, _("share a value with somebody; another kind would decide between them")),
    )
    return [
        {
            "label": Identifier.Kind(effect.kind).label,
            "count": effect.count,
            "text": text,
            "examples": effect.examples,
        }
        for effects, text in sentences
        for effect in effects
    ]


def _entries(text: str) -> list[str]:
    return [entry for line in text.splitlines() if (entry := line.strip().casefold())]
