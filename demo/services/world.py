"""Writing the demo world: the company, then chapter by chapter its customers, orders and requests.

A chapter is written in one transaction together with its tick, so that a run which dies is completed
by the next one and a second run adds nothing. Everything goes through the modules' own services, as
history: facts stand on the timelines, nothing follows from them, and no mail leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from random import Random

from django.db import transaction
from django.utils.translation import gettext as _

from company import queries as company_queries
from company import services as company
from company.types import Agent
from demo import queries
from demo.models import Chapter, World
from demo.queries import Size
from demo.rules.people import Crowd, Person
from demo.rules.seasons import Calendar
from demo.rules.shopping import purchases
from demo.rules.talking import talks
from demo.services import correspondence, trade
from demo.services.texts import the_brand
from ecrm.kernel import crypto, outbox
from ecrm.kernel.errors import DomainError
from messaging import services as messaging
from profiles import services as profiles
from profiles.types import Identity

PASSWORD = "walk-the-talk-2026"
KEY_NAME = "Boutique en ligne"
KEY_SCOPES = ("orders:read", "orders:write", "profiles:read")
CHAPTER = 50
TICKETS_PER_CUSTOMER = 0.2
MANY_CUSTOMERS = 1000
TICKETS_PER_FURTHER_CUSTOMER = 0.04


class AnotherWorld(DomainError):
    """This database holds the world of another seed; two worlds do not fit into one shop."""

    code = "another_world"


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who can sign in to the demo."""

    email: str
    password: str
    role: str


Progress = Callable[[int, int], None]


def grow(
    *, customers: int, orders: int, seed: int, today: datetime, progress: Progress | None = None
) -> Size:
    """Let the world have at least so many customers and orders; returns what was added.

    A world that is there keeps its seed and its today. Raises AnotherWorld.
    """
    before = queries.planned_size()
    waiting = len(queries.chapters_to_write())
    world = _begin(seed, today)
    _found_company()
    _plan(customers=customers, orders=orders)
    missing = queries.chapters_to_write()
    scribe = _Scribe(world)
    for number, chapter in enumerate(missing, start=1):
        scribe.write(chapter.number)
        if progress:
            progress(number, len(missing))
    after = queries.planned_size()
    if waiting:
        return after
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


class _Scribe:
    """Writes the chapters of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._brand = the_brand()
        self._crowd = Crowd(self._brand, world.seed)
        self._calendar = Calendar(world.anchored_at)
        self._shop_ids = _shop_ids()

    @transaction.atomic
    def write(self, number: int) -> None:
        """Write one chapter, unless another run did meanwhile."""
        World.objects.select_for_update().get()
        chapter = Chapter.objects.get(number=number)
        if chapter.is_written:
            return
        people = self._crowd.slice(chapter.first_person, chapter.people)
        with outbox.as_history():
            self._write(chapter, people)
        chapter.is_written = True
        chapter.save(update_fields=["is_written"])

    def _write(self, chapter: Chapter, people: list[Person]) -> None:
        seed, today = self._world.seed, self._world.anchored_at
        bought = purchases(
            self._brand,
            people,
            chapter.orders,
            chapter=chapter.number,
            calendar=self._calendar,
            seed=seed,
        )
        placed = trade.write_purchases(bought, shop_ids=self._shop_ids, today=today)
        buyers = {purchase.person.number for purchase in bought}
        self._write_acquaintances([p for p in people if p.number not in buyers], chapter.number)
        said = talks(
            self._brand,
            people,
            bought,
            chapter.tickets,
            chapter=chapter.number,
            today=today,
            seed=seed,
        )
        correspondence.write_talks(
            said, shop_ids=self._shop_ids, agents=_agents(), placed=placed, today=today
        )

    def _write_acquaintances(self, people: list[Person], chapter: int) -> None:
        """People who left their address and bought nothing yet."""
        chance = Random(f"{self._world.seed}:acquaintances:{chapter}")
        for person in people:
            profiles.resolve(
                Identity(
                    email=person.email,
                    phone=person.phone or None,
                    customer_id=person.customer_id,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    locale=person.locale,
                    country=person.country,
                    city=person.city,
                    accepts_marketing=person.accepts_marketing,
                ),
                shop_id=self._shop_ids[person.shop],
                source="api",
                at=self._calendar.draw(chance),
            )


def _agents() -> dict[str, Agent]:
    found = {s.email: company_queries.agent_by_email(s.email) for s in the_brand().staff}
    return {email: agent for email, agent in found.items() if agent is not None}
