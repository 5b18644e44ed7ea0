"""A company's customers in every table that points at one, and how those tables stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from contacts import services as contacts
from contacts.models import Ticket
from ecrm.kernel.verify import all_invariants
from orders.models import Order
from profiles import extensions, services
from profiles.types import Identity
from tests.company.factories import ShopFactory
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
