"""A company's customers in every table that points at one, and how those tables stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from contacts import services as contacts
from contacts.models import Ticket
from ecrm.kernel.verify import all_invariants
from messaging.services import wishes
from orders.models import Order
from profiles import extensions, queries, services
from profiles.models import Activity, Note
from profiles.services import consents, months, segments, tags
from profiles.services import segments_lists as lists
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import (
    OutgoingMessageFactory,
    ReceivedSmsFactory,
    SmsAccountFactory,
)
from tests.orders.factories import put

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class World:
    """Two shops and a clock that goes on by itself."""

    def __init__(self) -> None:
        self.shops = [ShopFactory(), ShopFactory()]
        self.minutes = 0
        self.numbers = 0

    def now(self) -> datetime:
        self.minutes += 1
        return BEGIN + timedelta(minutes=self.minutes)

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def customer(self, *, shop: int = 0, **identity: Any) -> int:
        told = {"is_proven": True, **identity}
        return services.resolve(
            Identity(**told), shop_id=self.shops[shop].pk, source="api", at=self.now()
        ).profile_id

    def order(
        self, *, shop: int = 0, external_id: str = "", status: str = "paid", **customer: Any
    ) -> Order:
        """An order, new or changed, of whom the customer's identifiers name."""
        number, moment = external_id or f"o{self.number()}", self.now().isoformat()
        result = put(
            self.shops[shop],
            number,
            customer=customer,
            status=status,
            placed_at=BEGIN.isoformat() if external_id else moment,
            updated_at=moment,
        )
        return Order.objects.get(pk=result.order_id)

    def ticket(self, profile_id: int, *, shop: int = 0) -> Ticket:
        return contacts.open_ticket(
            shop_id=self.shops[shop].pk,
            profile_id=profile_id,
            subject="A question",
            text="Where is it?",
            channel=Ticket.Channel.API,
            at=self.now(),
        )


class Traces:
    """What people leave in tables of which neither orders nor requests write rows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = [SmsAccountFactory(shop=shop) for shop in world.shops]
        self.agent = AgentFactory(role="owner")
        self.lists = [
            segments.create_segment(f"List {number}", rules=None, at=BEGIN) for number in range(2)
        ]
        months.ensure_ahead(at=BEGIN)

    def leave(self, what: str, profile_id: int, *, shop: int, number: int) -> None:
        """One trace of one person; the number is what may be told twice."""
        where, at = self.world.shops[shop], self.world.now()
        if what == "pace":
            wishes.choose_pace(profile_id, shop_id=where.pk, days=(7, 30)[number % 2], at=at)
        elif what == "mail":
            OutgoingMessageFactory(profile_id=profile_id, shop=where)
        elif what == "sms":
            ReceivedSmsFactory(profile_id=profile_id, account=self.accounts[shop])
        elif what == "tag":
            tags.change_tags(profile_id, add=[f"Tag {number}"], by=None, at=at)
        elif what == "list":
            lists.add_to_list(self.lists[number % 2].pk, profile_ids=[profile_id], by=None, at=at)
        elif what == "note":
            Note.objects.create(
                profile_id=profile_id,
                shop=where,
                text="A note",
                author=self.agent,
                created_at=at,
            )
        elif what == "consent":
            known_to = queries.shops_of(profile_id)
            answer = ("granted", "withdrawn")[number % 2]
            self.say(profile_id, shop_id=known_to[shop % len(known_to)], answer=answer, at=at)
        elif what == "visit":
            Activity.objects.create(
                profile_id=profile_id,
                shop=where,
                name="page-viewed",
                occurred_at=at,
                received_at=at,
            )

    def say(self, profile_id: int, *, shop_id: int, answer: str, at: datetime) -> None:
        consents.record(
            profile_id,
            shop_id=shop_id,
            channel="sms",
            purpose="marketing",
            answer=answer,
            evidence=consents.Evidence(source="test"),
            at=at,
        )


TRACES = ("pace", "mail", "sms", "tag", "list", "note", "consent", "visit")


def dump() -> dict[str, dict[int, str]]:
    """Every row of every table that points at a profile, and the profiles, as JSON, by id."""
    tables = {holding.table for holding in extensions.holdings.all()}
    tables -= {"profiles_merge", "profiles_duplicatepair", "profiles_likenesskey"}
    tables -= {"profiles_tombstone", "profiles_privacyrequest"}
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f"SELECT id, to_jsonb(t)::text FROM {table} t ORDER BY id")
            found[table] = dict(cursor.fetchall())
    return found


def breaches() -> list[str]:
    """What breaks a promise about profiles or orders."""
    return [
        breach
        for invariant in all_invariants()
        if invariant.key.startswith(("R21", "R19", "R3.profiles", "R3.orders"))
        for breach in invariant.check()
    ]
