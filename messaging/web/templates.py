"""Writing templates: the list, the editor with its live preview, and what becomes of a draft."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions, services
from messaging.extensions import TemplateWording
from messaging.models import MessageTemplate
from messaging.queries import template_screens as screens
from messaging.services import templates as writing
from messaging.web.frames import FRAME_POLICY, in_new_tabs, under
from messaging.web.template_forms import DraftForm, NewTemplateForm

if TYPE_CHECKING:
    from company.types import AgentRequest, ShopInfo

LANGUAGES = ("fr", "en", "de")


@require_safe
@access.permission(permissions.TEMPLATES)
def template_list(request: AgentRequest) -> HttpResponse:
    """The templates of the shops for which the agent may write."""
    shops = _shops(request)
    context = {
        "rows": [_line(row) for row in screens.rows(shops)],
        "has_shops": len(shops) > 1,
        "tab": "templates",
    }
    return render_page(request, "messaging/template_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.TEMPLATES)
def template_create(request: AgentRequest) -> HttpResponse:
    """Begin a template."""
    choices = [(str(shop.id), shop.name) for shop in _shops(request).values()]
    form = NewTemplateForm(request.POST or None, shops=choices)
    if request.method == "POST" and form.is_valid():
        template = writing.create_template(
            shop_id=int(form.cleaned_data["shop"]),
            name=form.cleaned_data["name"],
            purpose=form.cleaned_data["purpose"],
            by=request.user,
        )
        return redirect("messaging:template-edit", template.shop_id, template.key)
    status = 422 if form.errors else 200
    return render_page(request, "messaging/template_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.TEMPLATES)
def template_edit(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """The editor; saving keeps the draft, and may publish it."""
    state = _state(request, shop_id, key)
    language = _language(state, request.POST.get("language") or request.GET.get("lang") or "")
    form = DraftForm(request.POST or None, initial=_initial(state, language))
    faults: tuple[Any, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, state, form.wording())
        except writing.UnusableTemplate as error:
            form.refuse(error)
            faults = error.faults
        except DomainError as error:
            form.refuse(error)
        else:
            return redirect(_address(state, language))
    context = _editor(request, state, language, form) | {"faults": faults}
    status = 422 if form.errors else 200
    return render_page(request, "messaging/template_edit.html", context, status=status)


@require_POST
@access.permission(permissions.TEMPLATES)
@xframe_options_sameorigin
@under(FRAME_POLICY)
def template_preview(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """What the text in the editor looks like to a customer, as a document of its own. Saves nothing."""
    found = _preview(request, shop_id, key)
    if found.mail is None:
        return render(request, "messaging/template_faults.html", {"faults": found.faults})
    return HttpResponse(in_new_tabs(found.mail.html))


@require_POST
@access.permission(permissions.TEMPLATES)
def template_check(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """What is wrong with the text in the editor, and what stands around the mail. Saves nothing."""
    found = _preview(request, shop_id, key)
    context = {"found": found, "size": len(found.mail.html.encode()) if found.mail else 0}
    return render(request, "messaging/_template_check.html", context)


@require_POST
@access.permission(permissions.TEMPLATES)
def template_test(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """Send the text in the editor to the agent himself."""
    state = _state(request, shop_id, key)
    found = _preview(request, shop_id, key)
    if found.mail is None:
        messages.error(request, str(found.faults[0]))
    else:
        services.queue_mail(
            shop_id=state.shop.id,
            to=request.user.email,
            profile_id=None,
            purpose="service",
            language=found.mail.language,
            subject=_("[Test] {subject}").format(subject=found.mail.subject),
            text=found.mail.text,
            html=found.mail.html,
            dedupe_key=f"template-test:{uuid.uuid4()}",
        )
        messages.success(
            request, _("A test is on its way to {address}.").format(address=request.user.email)
        )
    return redirect(_address(state, request.POST.get("language", "")))


@require_POST
@access.permission(permissions.TEMPLATES)
def template_version(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """Go back: to a published version, to the default, or to what stands, without the draft."""
    state = _state(request, shop_id, key)
    if state.row is None:
        raise Http404
    wanted = request.POST.get("use", "")
    try:
        if wanted == "discard":
            writing.discard_draft(state.row.pk, by=request.user)
            messages.success(request, _("The draft is gone."))
        else:
            number = int(wanted) if wanted.isdecimal() else None
            writing.use_version(state.row.pk, number=number, by=request.user)
            messages.success(request, _("From now on this version is sent."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect(_address(state, request.POST.get("language", "")))


@require_POST
@access.permission(permissions.TEMPLATES)
def template_archive(request: AgentRequest, shop_id: int, key: str) -> HttpResponse:
    """Put a template of the shop away, or take it out again."""
    state = _state(request, shop_id, key)
    if state.row is None or state.built_in is not None:
        raise Http404
    is_archived = state.row.archived_at is None
    writing.archive_template(state.row.pk, is_archived=is_archived, by=request.user)
    if is_archived:
        messages.success(request, _("The template is put away."))
        return redirect("messaging:template-list")
    return redirect(_address(state, ""))


# --- Parts ----------------------------------------------------------------------------------------


def _shops(request: AgentRequest) -> dict[int, ShopInfo]:
    ids = company.shop_ids(request.user, permissions.TEMPLATES)
    return {shop_id: company.shop(shop_id) for shop_id in sorted(ids)}


def _state(request: AgentRequest, shop_id: int, key: str) -> screens.TemplateState:
    if not company.may(request.user, permissions.TEMPLATES, shop_id=shop_id):
        raise Http404
    found = screens.state(shop_id, key)
    if found is None:
        raise Http404
    return found


def _language(state: screens.TemplateState, wanted: str) -> str:
    if wanted in _offered(state):
        return wanted
    main = state.shop.default_language
    return main if main in state.wordings or not state.wordings else min(state.wordings)


def _offered(state: screens.TemplateState) -> list[str]:
    """The shop's languages, its main one first, and whatever the template speaks already."""
    names = [state.shop.default_language, *state.shop.languages, *LANGUAGES, *state.wordings]
    return list(dict.fromkeys(names))


def _initial(state: screens.TemplateState, language: str) -> dict[str, Any]:
    known = state.wordings.get(language)
    other = state.wordings.get(state.shop.default_language) or next(
        iter(state.wordings.values()), None
    )
    seen = state.draft.changed_at.isoformat() if state.draft else ""
    return {
        "language": language,
        "seen": seen,
        "format": known.format if known else (other.format if other else "markdown"),
        "subject": known.subject if known else "",
        "preheader": known.preheader if known else "",
        "source": known.source if known else "",
    }


def _save(request: AgentRequest, state: screens.TemplateState, text: TemplateWording) -> None:
    row = state.row or writing.adopt_template(state.shop.id, key=state.key)
    seen = request.POST.get("seen", "")
    writing.save_draft(
        row.pk,
        texts=[text],
        seen=datetime.fromisoformat(seen) if seen else None,
        by=request.user,
    )
    if "publish" in request.POST:
        writing.publish(row.pk, by=request.user)
        messages.success(request, _("Published: this is sent from now on."))
    else:
        messages.success(request, _("The draft is saved. Customers see it once you publish it."))


def _preview(request: AgentRequest, shop_id: int, key: str) -> screens.Preview:
    state = _state(request, shop_id, key)
    form = DraftForm(request.POST)
    form.is_valid()
    number = request.POST.get("customer", "")
    profile_id = int(number) if number.isascii() and number.isdecimal() else None
    return screens.preview(state, form.wording(), profile_id=profile_id)


def _editor(
    request: AgentRequest, state: screens.TemplateState, language: str, form: DraftForm
) -> dict[str, Any]:
    return {
        "state": state,
        "form": form,
        "language": language,
        "tabs": [
            {
                "code": code,
                "name": get_language_info(code)["name_local"].capitalize(),
                "is_written": code in state.wordings,
                "url": _address(state, code),
            }
            for code in _offered(state)
        ],
        "variables": screens.variables(state),
        "blocks": screens.blocks(state),
        "people": screens.people(state.shop.id),
        "address": request.user.email,
        "purpose": MessageTemplate.Purpose(state.purpose).label,
        "may_revert": state.built_in is not None and state.published is not None,
    }


def _address(state: screens.TemplateState, language: str) -> str:
    url = reverse("messaging:template-edit", args=[state.shop.id, state.key])
    return f"{url}?lang={language}" if language in _offered(state) else url


def _line(row: screens.TemplateRow) -> dict[str, Any]:
    label, tone = _standing(row)
    fault = row.published.fault if row.published else ""
    return {
        "row": row,
        "label": label,
        "tone": tone,
        "fault": fault,
        "purpose": MessageTemplate.Purpose(row.purpose).label,
        "languages": " · ".join(code.upper() for code in row.languages),
    }


def _standing(row: screens.TemplateRow) -> tuple[str, str]:
    """The state of a template in a word, and its colour."""
    if row.published is not None and row.published.fault:
        return _("Went wrong for a recipient"), "bad"
    if row.draft is not None:
        return _("Draft waits"), "warn"
    if row.published is not None:
        return _("Version {number}").format(number=row.published.number), "good"
    return _("Default"), ""
