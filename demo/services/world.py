"""Letting the demo world grow: the company, then the plan of what is missing, which a Scribe writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db import transaction
from django.utils.translation import gettext as _

from company import queries as company_queries
from company import services as company
from contacts import services as contacts
from demo import queries
from demo.models import Chapter, World
from demo.queries import Size
from demo.services.scribe import Progress, Scribe
from demo.services.texts import the_brand
from ecrm.kernel import crypto, outbox
from ecrm.kernel.errors import DomainError
from messaging import services as messaging

PASSWORD = "walk-the-talk-2026"
KEY_NAME = "Boutique en ligne"
KEY_SCOPES = ("orders:read", "orders:write", "profiles:read", "track:write")
CHAPTER = 200
TICKETS_PER_CUSTOMER = 0.2
MANY_CUSTOMERS = 1000
TICKETS_PER_FURTHER_CUSTOMER = 0.04
NOTHING = Size(customers=0, orders=0, tickets=0)


class AnotherWorld(DomainError):
    """This database holds the world of another seed; two worlds do not fit into one shop."""

    code = "another_world"


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who can sign in to the demo."""

    email: str
    password: str
    role: str


def grow(
    *, customers: int, orders: int, seed: int, today: datetime, progress: Progress | None = None
) -> Size:
    """Let the world have at least so many customers and orders; returns what was added.

    A world that is there keeps its seed and its today. Raises AnotherWorld.
    """
    before = queries.planned_size() if queries.is_complete() else NOTHING
    world = _begin(seed, today)
    _found_company()
    scribe = Scribe(world, progress=progress)
    scribe.complete()
    _plan(customers=customers, orders=orders)
    scribe.complete()
    after = queries.planned_size()
    return Size(
        customers=after.customers - before.customers,
        orders=after.orders - before.orders,
        tickets=after.tickets - before.tickets,
    )


def logins() -> list[Login]:
    """The people of the demo company, the owner first."""
    return [
        Login(email=staff.email, password=PASSWORD, role=staff.role) for staff in the_brand().staff
    ]


@transaction.atomic
def _begin(seed: int, today: datetime) -> World:
    world, _is_new = World.objects.get_or_create(
        pk=1, defaults={"seed": seed, "anchored_at": today}
    )
    if world.seed != seed:
        raise AnotherWorld(
            _("This database holds the demo world of seed %(seed)d.") % {"seed": world.seed}
        )
    return world


@transaction.atomic
def _found_company() -> None:
    """Shops, staff, mailboxes and keys, where they are missing."""
    world = World.objects.select_for_update().get()
    brand = the_brand()
    with outbox.as_history():
        for shop in brand.shops:
            if company_queries.shop_by_slug(shop.slug) is None:
                _open_shop(shop.slug)
        for staff in brand.staff:
            if company_queries.agent_by_email(staff.email) is None:
                _hire(staff.email)
        if not world.keys_encrypted:
            world.keys_encrypted = crypto.encrypt(json.dumps(_issue_keys()))
            world.save(update_fields=["keys_encrypted"])


def _open_shop(slug: str) -> None:
    shop = the_brand().shop(slug)
    created = company.create_shop(
        slug=shop.slug,
        name=shop.name,
        brand="Maison Alba",
        market=shop.market,
        languages=shop.languages,
        currency=shop.currency,
        time_zone=shop.time_zone,
        accent_color=shop.accent_color,
        domains=[shop.domain],
        sender_name=shop.sender_name,
        support_email=shop.support_email,
    )
    messaging.create_mailbox(shop_id=created.pk, address=shop.support_email, by=None)
    contacts.set_asking(created.pk, is_asking=True, by=None)


def _hire(email: str) -> None:
    staff = next(staff for staff in the_brand().staff if staff.email == email)
    agent = company.create_agent(
        email=staff.email, name=staff.name, password=PASSWORD, language=staff.language
    )
    shop = company_queries.shop_by_slug(staff.shop) if staff.shop else None
    company.grant_role(agent.pk, role_key=staff.role, shop_id=shop.id if shop else None, by=None)


def _issue_keys() -> dict[str, str]:
    keys = {}
    for slug, shop_id in _shop_ids().items():
        _row, keys[slug] = company.issue_api_key(
            shop_id=shop_id, name=KEY_NAME, scopes=KEY_SCOPES, by=None
        )
    return keys


def _shop_ids() -> dict[str, int]:
    found = {shop.slug: company_queries.shop_by_slug(shop.slug) for shop in the_brand().shops}
    return {slug: shop.id for slug, shop in found.items() if shop is not None}


@transaction.atomic
def _plan(*, customers: int, orders: int) -> None:
    """Add the chapters that are missing to this size."""
    World.objects.select_for_update().get()
    planned = queries.planned_size()
    new_customers = max(0, customers - planned.customers)
    new_orders = max(0, orders - planned.orders)
    new_tickets = max(0, _tickets_for(customers) - planned.tickets) if new_customers else 0
    if new_customers:
        ranges = list(_blocks(planned.customers, new_customers))
    else:
        ranges = list(_blocks(0, planned.customers)) if new_orders else []
    number = Chapter.objects.count()
    Chapter.objects.bulk_create(
        Chapter(
            number=number + index, first_person=first, people=people, orders=share, tickets=requests
        )
        for index, ((first, people), share, requests) in enumerate(
            zip(ranges, _shares(new_orders, ranges), _shares(new_tickets, ranges), strict=True)
        )
        if new_customers or share
    )


def _tickets_for(customers: int) -> int:
    few = min(customers, MANY_CUSTOMERS)
    return round(few * TICKETS_PER_CUSTOMER + (customers - few) * TICKETS_PER_FURTHER_CUSTOMER)


def _blocks(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, CHAPTER):
        yield start, min(CHAPTER, first + count - start)


def _shares(total: int, ranges: list[tuple[int, int]]) -> list[int]:
    """The total, cut in proportion to the sizes of the blocks; the parts add up to it."""
    everybody = sum(people for _first, people in ranges) or 1
    ends = [0]
    for _first, people in ranges:
        ends.append(ends[-1] + people)
    return [total * end // everybody - total * start // everybody for start, end in pairwise(ends)]
