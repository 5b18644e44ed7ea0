"""Shops and their opening hours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.translation import gettext as _

from company import queries
from company.events import ShopChanged, ShopCreated
from company.models import ExceptionalDay, OpeningCalendar, OpeningHours, Shop
from company.services.audit import difference, record_audit
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

CHANGEABLE = (
    "name",
    "brand",
    "market",
    "languages",
    "default_language",
    "currency",
    "time_zone",
    "accent_color",
    "domains",
    "sender_name",
    "support_email",
    "is_active",
)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}|localhost"
)


class ShopInvalid(DomainError):
    """One or more properties of the shop can't be as given; `fields` says which and why."""

    code = "shop_invalid"


class ShopExists(DomainError):
    """Another shop has this short name."""

    code = "shop_exists"


class HoursInvalid(DomainError):
    """The opening hours overlap or end before they begin."""

    code = "hours_invalid"


@transaction.atomic
def create_shop(  # noqa: PLR0913 - one keyword per property
    *,
    slug: str,
    name: str,
    brand: str,
    market: str,
    languages: Sequence[str],
    currency: str,
    support_email: str,
    default_language: str = "",
    sender_name: str = "",
    time_zone: str = "Europe/Paris",
    accent_color: str = "#2f5fd0",
    domains: Sequence[str] = (),
    by: Actor | None = None,
) -> Shop:
    """Open a shop. Raises ShopExists, ShopInvalid; publishes ShopCreated."""
    shop = Shop(
        slug=slug,
        name=name,
        brand=brand,
        market=market,
        languages=list(languages),
        default_language=default_language or next(iter(languages), ""),
        currency=currency,
        time_zone=time_zone,
        accent_color=accent_color.lower(),
        domains=list(domains),
        sender_name=sender_name or name,
        support_email=support_email.strip().lower(),
    )
    _refuse_invalid(shop)
    if Shop.objects.filter(slug=slug).exists():
        raise ShopExists(
            _("Another shop has this short name."),
            fields={"slug": _("Another shop has this short name.")},
        )
    shop.save(force_insert=True)
    OpeningCalendar.objects.create(shop=shop)
    outbox.publish(ShopCreated(shop_id=shop.pk))
    record_audit(action="company.shop-created", target=f"shop:{shop.pk}", by=by, shop_id=shop.pk)
    forget_shops_on_commit()
    return shop


@transaction.atomic
def change_shop(shop_id: int, *, changes: Mapping[str, Any], by: Actor | None) -> Shop:
    """Change properties of a shop (names in CHANGEABLE). Raises ShopInvalid; publishes ShopChanged."""
    shop = Shop.objects.select_for_update().get(pk=shop_id)
    before = {name: getattr(shop, name) for name in CHANGEABLE}
    for name in CHANGEABLE:
        if name in changes:
            setattr(shop, name, changes[name])
    _refuse_invalid(shop)
    changed = difference(before, after={name: getattr(shop, name) for name in CHANGEABLE})
    if not changed:
        return shop
    shop.save(update_fields=[*changed])
    outbox.publish(ShopChanged(shop_id=shop.pk))
    record_audit(
        action="company.shop-changed",
        target=f"shop:{shop.pk}",
        by=by,
        shop_id=shop.pk,
        changes=changed,
    )
    forget_shops_on_commit()
    return shop


@transaction.atomic
def set_opening_hours(
    shop_id: int, *, weekly: Mapping[int, Sequence[tuple[time, time]]], by: Actor | None
) -> None:
    """Replace the ordinary week (0 is Monday). Raises HoursInvalid; publishes ShopChanged."""
    calendar = _lock_calendar(shop_id)
    for spans in weekly.values():
        _refuse_bad_spans(spans)
    calendar.hours.all().delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(calendar=calendar, weekday=weekday, opens_at=opens, closes_at=closes)
        for weekday, spans in weekly.items()
        for opens, closes in spans
    )
    _hours_changed(shop_id, by=by, changes={"weekly": _readable(weekly)})


@transaction.atomic
def set_exceptional_day(
    shop_id: int, *, on: date, name: str, hours: tuple[time, time] | None, by: Actor | None
) -> ExceptionalDay:
    """Say that a date differs: closed without `hours`. Raises HoursInvalid; publishes ShopChanged."""
    calendar = _lock_calendar(shop_id)
    if hours:
        _refuse_bad_spans([hours])
    opens_at, closes_at = hours or (None, None)
    day, _created = ExceptionalDay.objects.update_or_create(
        calendar=calendar,
        on=on,
        defaults={"name": name, "opens_at": opens_at, "closes_at": closes_at},
    )
    _hours_changed(shop_id, by=by, changes={"exceptional_day": [None, str(day)]})
    return day


@transaction.atomic
def remove_exceptional_day(shop_id: int, *, on: date, by: Actor | None) -> None:
    """Let a date be like its weekday again; publishes ShopChanged when it was not."""
    calendar = _lock_calendar(shop_id)
    day = calendar.days.filter(on=on).first()
    if day is None:
        return
    label = str(day)
    day.delete()
    _hours_changed(shop_id, by=by, changes={"exceptional_day": [label, None]})


def _lock_calendar(shop_id: int) -> OpeningCalendar:
    Shop.objects.select_for_update().get(pk=shop_id)
    calendar, _created = OpeningCalendar.objects.get_or_create(shop_id=shop_id)
    return calendar


def _hours_changed(shop_id: int, *, by: Actor | None, changes: Mapping[str, Any]) -> None:
    outbox.publish(ShopChanged(shop_id=shop_id))
    record_audit(
        action="company.opening-hours-changed",
        target=f"shop:{shop_id}",
        by=by,
        shop_id=shop_id,
        changes=changes,
    )


def _readable(weekly: Mapping[int, Sequence[tuple[time, time]]]) -> dict[str, list[str]]:
    return {
        str(day): [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in spans]
        for day, spans in weekly.items()
    }


def _refuse_bad_spans(spans: Sequence[tuple[time, time]]) -> None:
    end: time | None = None
    for opens, closes in sorted(spans):
        if closes <= opens and closes != time(0):
            raise HoursInvalid(_("The closing time must be after the opening time."))
        if end is not None and (end == time(0) or opens < end):
            raise HoursInvalid(_("Two spans of one day overlap."))
        end = closes


def _refuse_invalid(shop: Shop) -> None:
    faults = {
        "slug": not _SLUG.fullmatch(shop.slug) and _("Use small letters, digits and hyphens."),
        "name": not shop.name.strip() and _("A shop needs a name."),
        "market": not re.fullmatch("[A-Z]{2}", shop.market) and _("Use a two-letter country code."),
        "currency": not re.fullmatch("[A-Z]{3}", shop.currency) and _("Use a three-letter code."),
        "languages": not shop.languages and _("A shop speaks at least one language."),
        "default_language": shop.default_language not in shop.languages
        and _("The main language must be one of the shop's languages."),
        "time_zone": shop.time_zone not in available_timezones()
        and _("Nobody knows this time zone."),
        "accent_color": not re.fullmatch("#[0-9a-f]{6}", shop.accent_color)
        and _("Write the colour as #rrggbb."),
        "domains": not all(_DOMAIN.fullmatch(domain) for domain in shop.domains)
        and _("Write host names like shop.example.com, without https://."),
        "sender_name": bool(re.search(r"[\r\n\x00]", shop.sender_name))
        and _("The sender name must stand on one line."),
        "support_email": "@" not in shop.support_email and _("Enter an e-mail address."),
    }
    fields = {name: str(text) for name, text in faults.items() if text}
    if fields:
        raise ShopInvalid(_("The shop can't be saved like this."), fields=fields)


def forget_shops_on_commit() -> None:
    """Make every read after this see the change, here now and elsewhere once it is committed."""
    queries.forget_shops()
    transaction.on_commit(queries.forget_shops, robust=True)
