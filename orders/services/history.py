"""Taking in the past of a shop: many orders in a few statements.

The rows are the ones which `put_order`, state by state, would have written as history. A run of states
is told to the orders in memory and then written; a state which names an order's customer anew ends
the run, because it may decide who the next customers are, and goes through `put_order` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, cast

from django.db import OperationalError, connection, transaction

from ecrm.kernel import history, outbox
from ecrm.kernel.events import Event
from orders.events import OrderChanged, OrderPlaced
from orders.models import Order
from orders.queries import reading
from orders.rules import precedence
from orders.services import figures, privacy, rows
from orders.services.intake import SOURCE, put_order
from orders.types import ImportResult, OrderDocument, PastState
from profiles.services import bulk, recounts
from profiles.services.bulk import Contact
from profiles.types import OrderFigures

GROUP = 500


def import_orders(*, shop_id: int, states: Sequence[PastState]) -> list[ImportResult]:
    """Take in the past of a shop, in the order in which it was told; the same again changes nothing.

    Customers, lines, figures and facts are those of `put_order`, but nothing follows from the facts.
    States are committed in groups; when a group collides with another writer, its states are taken
    in one by one.
    """
    results: list[ImportResult] = []
    for start in range(0, len(states), GROUP):
        group = states[start : start + GROUP]
        with outbox.as_history():
            try:
                with transaction.atomic():
                    results += _import_group(shop_id, group)
            except OperationalError:
                if connection.in_atomic_block:
                    raise
                results += [_put(shop_id, state) for state in group]
    return results


def _import_group(shop_id: int, group: Sequence[PastState]) -> list[ImportResult]:
    _lock_names(shop_id, {state.external_id for state in group})
    results: list[ImportResult] = []
    while len(results) < len(group):
        run = _Run(shop_id, group[len(results) :])
        results += run.write()
        if len(results) < len(group):
            results.append(_put(shop_id, group[len(results)]))
    return results


def _put(shop_id: int, state: PastState) -> ImportResult:
    result = put_order(
        shop_id=shop_id, external_id=state.external_id, document=state.document, at=state.at
    )
    return ImportResult(order_id=result.order_id, created=result.created, changed=result.changed)


_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
FROM (SELECT name FROM unnest(%s::text[]) AS name ORDER BY name OFFSET 0) AS sorted
"""


def _lock_names(shop_id: int, external_ids: Collection[str]) -> None:
    """Let the other writers of these orders wait until we are done, as `put_order` does."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted(f"order:{shop_id}:{name}" for name in external_ids)])


def _stored(shop_id: int, external_ids: Collection[str]) -> dict[str, Order]:
    found = (
        Order.objects.select_for_update(of=("self",), no_key=True)
        .filter(shop_id=shop_id, external_id__in=external_ids)
        .order_by("pk")
    )
    return {order.external_id: order for order in found}


# --- A run of states, told to the orders in memory ------------------------------------------------


@dataclass(slots=True)
class _Story:
    """An order from the state in which the run finds it to the one in which the run leaves it.

    `first` is the state that brought a new order, `before` the stored document of a known one.
    """

    order: Order
    document: OrderDocument | None = None
    first: OrderDocument | None = None
    before: Mapping[str, object] | None = None
    currencies: set[str] = field(default_factory=set)

    @classmethod
    def begun(cls, shop_id: int, state: PastState) -> _Story:
        """The story of an order we never heard of."""
        document = state.document
        order = Order(shop_id=shop_id, external_id=state.external_id, received_at=state.at)
        rows.set_columns(order, document=document, at=state.at)
        story = cls(order=order, document=document, first=document)
        if figures.Weight.of(order).is_counted:
            story.currencies.add(order.currency)
        return story

    def is_older(self, document: OrderDocument) -> bool:
        """True when the state is older than the order, or says the same again."""
        incoming = precedence.Stamp(
            version=document.version, updated_at=document.updated_at, status=document.status
        )
        is_newer = precedence.is_newer(incoming, self.order.stamp)
        return not is_newer or self.order.document == document.body

    def names_the_customer_anew(self, document: OrderDocument) -> bool:
        """True when the state says something else about the customer than the order does."""
        return bool(document.body.get("customer") != self.order.document.get("customer"))

    def bury(self) -> None:
        """Keep nothing of the customer, who was erased after he ordered."""
        assert self.document is not None  # noqa: S101 - a new order has a document
        self.document = privacy.without_person(self.document)
        self.order.is_erased = True
        self.order.document = dict(self.document.body)

    def change(self, state: PastState) -> None:
        """Let the order be as the newer state says."""
        order, weight = self.order, figures.Weight.of(self.order)
        if self.document is None:
            self.before = order.document
        self.document = state.document
        rows.set_columns(order, document=state.document, at=max(state.at, order.received_at))
        order.revision += 1
        self.currencies |= figures.touched(order, before=weight)


class _Run:
    """As many states as can be written together."""

    def __init__(self, shop_id: int, states: Sequence[PastState]) -> None:
        self._shop_id = shop_id
        known = _stored(shop_id, {state.external_id for state in states})
        self._stories = {name: _Story(order=order) for name, order in known.items()}
        self._told: list[tuple[_Story, bool, bool]] = []
        self._facts: list[tuple[Callable[[], Event], datetime]] = []
        for state in states:
            if not self._tell(state):
                break

    def write(self) -> list[ImportResult]:
        """Write what was told; returns the results of the states of this run."""
        new = [story for story in self._stories.values() if story.first is not None]
        self._find_customers(new)
        rows.insert_many([(s.order, s.document) for s in new if s.document is not None])
        for story in self._stories.values():
            if story.document is not None and story.before is not None:
                rows.update(story.order, document=story.document, before=story.before)
        history.record((fact(), at) for fact, at in self._facts)
        self._recount()
        return [
            ImportResult(order_id=story.order.pk, created=created, changed=changed)
            for story, created, changed in self._told
        ]

    def _tell(self, state: PastState) -> bool:
        """Tell one state to its order. False when it does not belong into this run."""
        story = self._stories.get(state.external_id)
        if story is not None and story.order.is_erased:
            state = replace(state, document=privacy.without_person(state.document))
        if story is None:
            self._begin(state)
        elif story.is_older(state.document):
            self._told.append((story, False, False))
        elif story.names_the_customer_anew(state.document):
            return False
        else:
            self._change(story, state)
        return True

    def _begin(self, state: PastState) -> None:
        story = self._stories[state.external_id] = _Story.begun(self._shop_id, state)
        self._facts.append((partial(self._placed, story), story.order.placed_at))
        self._told.append((story, True, True))

    def _change(self, story: _Story, state: PastState) -> None:
        status = story.order.status
        story.change(state)
        fact = partial(self._changed, story, before=status, after=story.order.status)
        self._facts.append((fact, state.document.updated_at or state.at))
        self._told.append((story, False, True))

    def _placed(self, story: _Story) -> Event:
        return OrderPlaced(
            order_id=story.order.pk, profile_id=story.order.profile_id, shop_id=self._shop_id
        )

    def _changed(self, story: _Story, *, before: str, after: str) -> Event:
        return OrderChanged(
            order_id=story.order.pk,
            profile_id=story.order.profile_id,
            shop_id=self._shop_id,
            status_before=before,
            status_after=after,
        )

    def _find_customers(self, new: Sequence[_Story]) -> None:
        contacts = [
            Contact(identity=story.first.customer, at=story.first.placed_at)
            for story in new
            if story.first is not None
        ]
        found = bulk.resolve_many(contacts, shop_id=self._shop_id, source=SOURCE)
        for story, resolution in zip(new, found, strict=True):
            story.order.profile_id = resolution.profile_id
            if resolution.is_erased and story.document is not None:
                story.bury()

    def _recount(self) -> None:
        places = {
            (story.order.profile_id, currency)
            for story in self._stories.values()
            for currency in story.currencies
        }
        recounts.recount_orders_of_many(
            places, shop_id=self._shop_id, count=partial(_count, self._shop_id)
        )


def _count(shop_id: int, profile_ids: Collection[int]) -> dict[recounts.Place, OrderFigures]:
    """What the counted orders of these customers add up to, per currency. One query."""
    counted = Order.objects.of_shops([shop_id]).filter(profile_id__in=profile_ids).counted()
    sums = counted.values("profile_id", "currency").annotate(**reading.SUMS)
    return {
        (row["profile_id"], row["currency"]): OrderFigures(
            orders_count=row["orders"],
            revenue=row["revenue"],
            first_order_at=row["first"],
            last_order_at=row["last"],
        )
        for row in cast("Iterable[dict[str, Any]]", sums)
    }
