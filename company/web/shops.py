"""Shops and their opening hours."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries
from company.models import Logo, Shop
from company.services import logos, shops
from company.web import access as reach
from company.web.forms import DayForm, HoursForm, LogoForm, ShopForm, refuse
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page


@require_safe
@access.permission(reach.SETTINGS)
def shop_list(request: HttpRequest) -> HttpResponse:
    """The shops whose settings this agent may change."""
    scope = queries.scope_of(reach.me(request), reach.SETTINGS)
    found = [shop for shop in queries.all_shops() if scope.covers(shop.id)]
    context = {"shops": found, "may_add": scope.is_everywhere}
    return render_page(request, "company/shop_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.SETTINGS)
def shop_create(request: HttpRequest) -> HttpResponse:
    """Open a shop; for agents who look after all of them."""
    reach.demand_everywhere(request, reach.SETTINGS)
    form = ShopForm(request.POST or None, is_new=True)
    if request.method == "POST" and form.is_valid():
        try:
            shop = shops.create_shop(**form.cleaned_data, by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The shop is open. Now set its opening hours."))
            return redirect("company:shop-hours", slug=shop.slug)
    return _edit_page(request, None, form, LogoForm())


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.SETTINGS)
def shop_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a shop's properties."""
    shop = reach.shop(request, slug)
    form = ShopForm(request.POST or None, is_new=False, initial=_initial(shop))
    if request.method == "POST" and form.is_valid():
        try:
            shops.change_shop(shop.pk, changes=form.cleaned_data, by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("company:shop-edit", slug=slug)
    return _edit_page(request, shop, form, LogoForm())


@require_POST
@access.permission(reach.SETTINGS)
def logo_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a shop another logo."""
    shop = reach.shop(request, slug)
    form = LogoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            logos.set_logo(shop.pk, data=form.cleaned_data["picture"].read(), by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The logo is changed."))
            return redirect("company:shop-edit", slug=slug)
    return _edit_page(request, shop, ShopForm(is_new=False, initial=_initial(shop)), form)


@require_POST
@access.permission(reach.SETTINGS)
def logo_remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a shop have no logo."""
    shop = reach.shop(request, slug)
    logos.remove_logo(shop.pk, by=reach.me(request))
    messages.success(request, _("The logo is removed."))
    return redirect("company:shop-edit", slug=slug)


@require_safe
@access.public
def logo(request: HttpRequest, key: str) -> HttpResponse:
    """A logo, for mails and public pages: whoever knows its address may see it, and keep it."""
    found = get_object_or_404(Logo, key=key)
    return HttpResponse(
        bytes(found.body),
        content_type=found.content_type,
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.SETTINGS)
def shop_hours(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a shop's ordinary week; the page also shows its exceptional days."""
    shop = reach.shop(request, slug)
    form = HoursForm(request.POST or None, schedule=queries.opening_schedule(shop.pk))
    if request.method == "POST" and form.is_valid():
        try:
            shops.set_opening_hours(shop.pk, weekly=form.weekly(), by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("company:shop-hours", slug=slug)
    return _hours_page(request, shop, form, DayForm())


@require_POST
@access.permission(reach.SETTINGS)
def day_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that a date differs."""
    shop = reach.shop(request, slug)
    form = DayForm(request.POST)
    if form.is_valid():
        try:
            shops.set_exceptional_day(shop.pk, **form.cleaned_data, by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            return redirect("company:shop-hours", slug=slug)
    hours = HoursForm(schedule=queries.opening_schedule(shop.pk))
    return _hours_page(request, shop, hours, form)


@require_POST
@access.permission(reach.SETTINGS)
def day_remove(request: HttpRequest, slug: str, on: str) -> HttpResponse:
    """Let a date be like its weekday again."""
    shop = reach.shop(request, slug)
    try:
        shops.remove_exceptional_day(shop.pk, on=date.fromisoformat(on), by=reach.me(request))
    except ValueError as error:
        raise Http404 from error
    return redirect("company:shop-hours", slug=slug)


def _initial(shop: Shop) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(shop, name) for name in shops.CHANGEABLE}
    values["domains"] = "\n".join(shop.domains)
    return values


def _hours_page(
    request: HttpRequest, shop: Shop, form: HoursForm, day_form: DayForm
) -> HttpResponse:
    context = {
        "shop": shop,
        "form": form,
        "day_form": day_form,
        "days": queries.exceptional_days(shop.pk),
        "is_open": queries.is_open(shop.pk),
        "next_opening": queries.next_opening(shop.pk),
    }
    status = 422 if form.errors or day_form.errors else 200
    return render_page(request, "company/shop_hours.html", context, status=status)


def _edit_page(
    request: HttpRequest, shop: Shop | None, form: ShopForm, logo_form: LogoForm
) -> HttpResponse:
    context = {
        "shop": shop,
        "form": form,
        "logo": shop.info.logo if shop else "",
        "logo_form": logo_form,
    }
    status = 422 if form.errors or logo_form.errors else 200
    return render_page(request, "company/shop_edit.html", context, status=status)
