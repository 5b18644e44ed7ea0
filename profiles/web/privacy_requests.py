"""Settings, privacy: what customers asked for until when, and how long data is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.extensions.privacy import Ageing
from profiles.models import PrivacyRequest, Profile, RetentionRule, RetentionRun
from profiles.queries import privacy
from profiles.queries import retention as retention_queries
from profiles.services import privacy_requests, retention
from profiles.web.privacy import grouped

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest, ShopInfo

SETTINGS = "company.manage_settings"
TOO_BIG = 2**31
DAYS_A_YEAR, DAYS_A_MONTH = 365, 30
TONES = {"waiting": "warn", "running": "new", "done": "good", "refused": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What is kept how long, in words: the company's rule, and those of shops."""

    subject: Ageing
    row: RetentionRule | None
    others: Sequence[RetentionRule]
    run: RetentionRun | None
    period: str


class RuleForm(forms.Form):
    """How many days, for the company or one shop."""

    days = forms.IntegerField(
        label=gettext_lazy("Days"), min_value=1, max_value=retention.MOST_DAYS
    )
    shop = forms.TypedChoiceField(
        label=gettext_lazy("For"), coerce=int, required=False, empty_value=None
    )

    def __init__(
        self, *args: Any, subject: Ageing, shops: Iterable[ShopInfo], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("All shops")), *((shop.id, shop.name) for shop in shops)]
        self.fields["shop"].choices = choices if subject.shop else choices[:1]  # type: ignore[attr-defined] # it is a choice field


@require_safe
@access.permission(permissions.EXPORT)
def requests(request: AgentRequest) -> HttpResponse:
    """What customers asked for, the most urgent first."""
    shop_ids = company.shop_ids(request.user, permissions.EXPORT)
    everywhere = company.may(request.user, permissions.EXPORT, shop_id=None)
    rows = privacy.requests_in(shop_ids, is_everywhere=everywhere)
    names = _names(request, [row.profile_id for row in rows])
    context = {
        "rows": [
            {
                "row": row,
                "name": names.get(row.profile_id, ""),
                "tone": TONES[row.state],
                "is_late": not row.answered_at and row.due_at < now(),
            }
            for row in rows
        ],
        "may_keep": request.user.has_perm(SETTINGS),
        "is_busy": any(row.is_decided and row.answered_at is None for row in rows),
    }
    return render_page(
        request, "profiles/privacy/requests.html", context, partials={"privacy-requests": "list"}
    )


@require_safe
@access.permission(permissions.EXPORT)
def request_report(request: AgentRequest, request_id: int) -> HttpResponse:
    """The proof: what was handed out, erased and kept, in numbers."""
    row = _visible(request, request_id)
    context = {
        "row": row,
        "tone": TONES[row.state],
        "name": _names(request, [row.profile_id]).get(row.profile_id, ""),
        "groups": grouped(line for line in privacy.report_of(row) if line.count),
    }
    return render_page(request, "profiles/privacy/report.html", context)


@require_POST
@access.permission(permissions.EXPORT)
def request_extend(request: AgentRequest, request_id: int) -> HttpResponse:
    """Take two further months."""
    row = _visible(request, request_id)
    return _done(
        request,
        lambda: privacy_requests.extend(row.pk, by=request.user),
        _("The request may be answered two months later. Tell the customer why."),
    )


@require_POST
@access.permission(permissions.EXPORT)
def request_refuse(request: AgentRequest, request_id: int) -> HttpResponse:
    """Close a request without doing what it asks."""
    row = _visible(request, request_id)
    return _done(
        request,
        lambda: privacy_requests.refuse(row.pk, by=request.user),
        _("The request is closed. Tell the customer why, and to whom he may complain."),
    )


@require_safe
@access.permission(SETTINGS)
def rules(request: AgentRequest) -> HttpResponse:
    """How long what is kept, with what the law or the authority says."""
    return render_page(request, "profiles/privacy/rules.html", {"rules": _rules()})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(SETTINGS)
def rule(request: AgentRequest, subject: str) -> HttpResponse:
    """One subject: days, the report of what would go, and the switch; a POST sets the days."""
    found = next((item for item in retention_queries.subjects() if item.key == subject), None)
    if found is None:
        raise Http404
    shops = [company.shop(pk) for pk in sorted(company.shop_ids(request.user, SETTINGS))]
    rows = list(
        RetentionRule.objects.filter(subject=subject).select_related("shop").order_by("shop")
    )
    first = next((row.days for row in rows if row.shop_id is None), found.days)
    form = RuleForm(request.POST or None, subject=found, shops=shops, initial={"days": first})
    if request.method == "POST" and form.is_valid():
        try:
            retention.set_rule(
                subject,
                shop_id=form.cleaned_data["shop"],
                days=form.cleaned_data["days"],
                by=request.user,
            )
        except DomainError as refusal:
            for name, text in (refusal.fields or {"": refusal.message}).items():
                form.add_error(name if name in form.fields else None, text)
        else:
            messages.success(request, _("The report of what this would forget is being made."))
            return redirect("profiles:retention-rule", subject)
    context = {
        "subject": found,
        "suggested": in_words(found.days),
        "form": form,
        "rows": [_rule_row(row, found) for row in rows],
        "is_busy": any(row.asked_at for row in rows) or _running(rows),
    }
    return render_page(
        request,
        "profiles/privacy/rule.html",
        context,
        partials={"retention-rows": "list"},
        status=422 if form.errors else 200,
    )


@require_POST
@access.permission(SETTINGS)
def rule_switch(request: AgentRequest, rule_id: int) -> HttpResponse:
    """Switch a rule on, after its report was read, or off; or ask for a fresh report."""
    row = RetentionRule.objects.filter(pk=min(rule_id, TOO_BIG - 1)).first()
    if row is None or not company.may(request.user, SETTINGS, shop_id=row.shop_id):
        raise Http404
    wish, seen = request.POST.get("to", ""), request.POST.get("seen", "")
    try:
        if wish == "report":
            retention.ask_report(row.pk, by=request.user)
        else:
            count = int(seen) if seen.isascii() and seen.isdigit() else None
            retention.switch(row.pk, is_active=wish == "on", seen_count=count, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("profiles:retention-rule", row.subject)


# --- In words -------------------------------------------------------------------------------------


def in_words(days: int) -> str:
    """Days as people say them: years and months where they fit."""
    for length, one, many in (
        (DAYS_A_YEAR, _("%(n)s year"), _("%(n)s years")),
        (DAYS_A_MONTH, _("%(n)s month"), _("%(n)s months")),
    ):
        count, rest = divmod(days, length)
        if count and rest <= count * 6:
            return (one if count == 1 else many) % {"n": count}
    return _("%(n)s days") % {"n": days}


def _rules() -> list[Rule]:
    rows = list(RetentionRule.objects.select_related("shop"))
    latest = {run.rule_id: run for run in RetentionRun.objects.filter(rule__in=rows).order_by("id")}
    found = []
    for subject in retention_queries.subjects():
        own = [row for row in rows if row.subject == subject.key]
        main = next((row for row in own if row.shop_id is None), None)
        found.append(
            Rule(
                subject=subject,
                row=main,
                others=[row for row in own if row.shop_id is not None],
                run=latest.get(main.pk) if main else None,
                period=in_words(main.days if main else subject.days),
            )
        )
    return found


def _rule_row(row: RetentionRule, subject: Ageing) -> dict[str, Any]:
    link = subject.link
    runs = list(row.runs.order_by("-id")[:3])
    return {
        "row": row,
        # What a later run has forgotten is no longer to be foretold.
        "is_foretold": not any(run.started_at >= (row.foreseen_at or now()) for run in runs),
        "period": in_words(row.days),
        "examples": [
            {"id": pk, "url": reverse(link, args=[pk]) if link else ""} for pk in row.examples
        ],
        "runs": runs,
    }


def _running(rows: Sequence[RetentionRule]) -> bool:
    return RetentionRun.objects.filter(rule__in=rows, finished_at__isnull=True).exists()


def _names(request: AgentRequest, profile_ids: Sequence[int]) -> dict[int, str]:
    """What those of them are called whom the agent may see; of who was erased nothing."""
    shop_ids = company.shop_ids(request.user, permissions.VIEW)
    visible = Profile.objects.known_to(shop_ids).filter(pk__in=profile_ids)
    named = queries.names(visible.values_list("pk", flat=True))
    return {profile_id: found.name for profile_id, found in named.items()}


def _visible(request: AgentRequest, request_id: int) -> PrivacyRequest:
    row = (
        PrivacyRequest.objects.select_related("agent")
        .filter(pk=min(request_id, TOO_BIG - 1))
        .first()
    )
    allowed = company.shop_ids(request.user, permissions.EXPORT)
    if row is None or not (
        allowed.intersection(row.shop_ids)
        or company.may(request.user, permissions.EXPORT, shop_id=None)
    ):
        raise Http404
    return row


def _done(request: AgentRequest, act: Any, text: str) -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, text)
    return redirect("profiles:privacy-requests")
