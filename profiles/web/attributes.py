"""Settings: what the company wants to know of its customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles.models import Attribute
from profiles.queries import attributes as queries
from profiles.services import attributes as services

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest

SETTINGS = "company.manage_settings"
TOO_BIG = 2**63


class AttributeForm(forms.Form):
    """A new attribute; `existing` keeps its key and type."""

    label = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        max_length=40,
        help_text=gettext_lazy(
            "What programs call it; made from the name when empty. It never changes."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Type"),
        choices=Attribute.Kind.choices,
        help_text=gettext_lazy("It never changes."),
    )
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy("For the type “choice”: one per line."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    required_for = forms.ChoiceField(
        label=gettext_lazy("Required for"), choices=Attribute.Required.choices
    )

    def __init__(self, *args: Any, existing: Attribute | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if existing is not None:
            del self.fields["key"], self.fields["kind"]
            if existing.kind != Attribute.Kind.CHOICE:
                del self.fields["choices"]

    @property
    def chosen(self) -> list[str]:
        """The choices, one per line."""
        return str(self.cleaned_data.get("choices", "")).splitlines()


@require_safe
@access.permission(SETTINGS)
def attribute_list(request: AgentRequest) -> HttpResponse:
    """Every attribute, archived ones last."""
    context = {"attributes": queries.all_definitions()}
    return render_page(request, "profiles/attribute_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(SETTINGS)
def attribute_create(request: AgentRequest) -> HttpResponse:
    """Define one more."""
    initial = {"kind": Attribute.Kind.STRING, "required_for": Attribute.Required.NOBODY}
    form = AttributeForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _define(request, form):
        return redirect("profiles:attribute-list")
    status = 422 if form.errors else 200
    return render_page(request, "profiles/attribute_edit.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(SETTINGS)
def attribute_edit(request: AgentRequest, attribute_id: int) -> HttpResponse:
    """Another name, other choices, required or not."""
    attribute = _found(attribute_id)
    initial = {
        "label": attribute.label,
        "choices": "\n".join(attribute.choices),
        "required_for": attribute.required_for,
    }
    form = AttributeForm(request.POST or None, initial=initial, existing=attribute)
    if request.method == "POST" and form.is_valid() and _change(request, attribute, form):
        return redirect("profiles:attribute-list")
    context = {"form": form, "attribute": attribute}
    status = 422 if form.errors else 200
    return render_page(request, "profiles/attribute_edit.html", context, status=status)


@require_POST
@access.permission(SETTINGS)
def attribute_archive(request: AgentRequest, attribute_id: int) -> HttpResponse:
    """Put it away, or take it out again; what customers' values say is kept."""
    attribute = _found(attribute_id)
    is_archived = request.POST.get("to") != "use"
    services.archive_attribute(attribute.pk, is_archived=is_archived, by=request.user)
    text = (
        _("“%(name)s” was archived. Its values are kept.")
        if is_archived
        else _("“%(name)s” is in use again.")
    )
    messages.success(request, text % {"name": attribute.label})
    return redirect("profiles:attribute-list")


def _found(attribute_id: int) -> Attribute:
    row = Attribute.objects.filter(pk=attribute_id).first() if attribute_id < TOO_BIG else None
    if row is None:
        raise Http404
    return row


def _define(request: AgentRequest, form: AttributeForm) -> bool:
    values = form.cleaned_data
    try:
        services.define_attribute(
            values["label"],
            key=values["key"],
            kind=values["kind"],
            choices=form.chosen,
            required_for=values["required_for"],
            by=request.user,
        )
    except DomainError as refusal:
        return _refused(form, refusal)
    messages.success(request, _("The attribute is in use."))
    return True


def _change(request: AgentRequest, attribute: Attribute, form: AttributeForm) -> bool:
    values = form.cleaned_data
    try:
        services.change_attribute(
            attribute.pk,
            label=values["label"],
            choices=form.chosen,
            required_for=values["required_for"],
            by=request.user,
        )
    except DomainError as refusal:
        return _refused(form, refusal)
    messages.success(request, _("The attribute was changed."))
    return True


def _refused(form: AttributeForm, refusal: DomainError) -> bool:
    for name, text in (refusal.fields or {"": refusal.message}).items():
        form.add_error(name if name in form.fields else None, text)
    return False
