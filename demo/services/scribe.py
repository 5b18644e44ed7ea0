"""Writing the demo world: chapter by chapter its customers and orders, then all requests in order.

A chapter, and a page of requests, is written in one transaction together with its tick, so that a run
which dies is completed by the next one and a second run adds nothing. Everything goes through the
modules' own services, as history: facts stand on the timelines, nothing follows from them, and no mail
leaves. Requests come after all orders, so that their numbers follow time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from company import queries as company
from company.types import Agent
from demo import queries
from demo.models import Chapter, World
from demo.rules.knowing import KNOWN
from demo.rules.people import Crowd, Person
from demo.rules.seasons import Calendar
from demo.rules.shopping import Purchase, purchases
from demo.rules.talking import Talk, talks
from demo.rules.visiting import MOST_CHAPTERS, visits
from demo.services import correspondence, knowledge, postoffice, tables, texting, trade
from demo.services.texts import the_brand
from ecrm.kernel import history
from profiles.services import bulk, tracking
from profiles.services.bulk import Contact
from profiles.types import Identity

PAGE = 20

Progress = Callable[[int, int], None]


class Scribe:
    """Writes what is planned of one world."""

    def __init__(self, world: World, *, progress: Progress | None = None) -> None:
        self._seed, self._today = world.seed, world.anchored_at
        self._progress = progress
        self._brand = the_brand()
        self._crowd = Crowd(self._brand, world.seed)
        self._calendar = Calendar(world.anchored_at)
        self._talks: dict[int, list[Talk]] = {}

    def complete(self) -> None:
        """Write everything that is planned and not written yet."""
        missing = queries.chapters_to_write()
        for count, chapter in enumerate(missing, start=1):
            self._write_chapter(chapter.number)
            self._report(count, len(missing))
        self._write_requests()
        self._write_knowledge()
        if World.objects.get().is_known:
            postoffice.write_calls(today=self._today)

    def _report(self, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)

    # --- Customers and orders ---------------------------------------------------------------------

    @history.page()
    def _write_chapter(self, number: int) -> None:
        """Write one chapter, unless another run did meanwhile."""
        World.objects.select_for_update().get()
        chapter = Chapter.objects.get(number=number)
        if chapter.is_written:
            return
        people, bought = self._happened(chapter)
        buyers = {purchase.person.number for purchase in bought}
        trade.write_purchases(bought, shop_ids=_shop_ids(), today=self._today)
        self._write_acquaintances([p for p in people if p.number not in buyers], number)
        self._write_visits(people, number)
        self._talks[number] = self._said(chapter, people, bought)
        chapter.is_written = True
        chapter.save(update_fields=["is_written"])

    def _happened(self, chapter: Chapter) -> tuple[list[Person], list[Purchase]]:
        people = self._crowd.slice(chapter.first_person, chapter.people)
        bought = purchases(
            self._brand,
            people,
            chapter.orders,
            chapter=chapter.number,
            calendar=self._calendar,
            seed=self._seed,
        )
        return people, bought

    def _said(
        self, chapter: Chapter, people: Sequence[Person], bought: Sequence[Purchase]
    ) -> list[Talk]:
        return talks(
            self._brand,
            people,
            bought,
            chapter.tickets,
            chapter=chapter.number,
            today=self._today,
            seed=self._seed,
        )

    def _write_acquaintances(self, people: Sequence[Person], chapter: int) -> None:
        """People who left their address and bought nothing yet."""
        chance = Random(f"{self._seed}:acquaintances:{chapter}")
        met = [(person, self._calendar.draw(chance)) for person in people]
        for slug, shop_id in _shop_ids().items():
            bulk.resolve_many(
                [
                    Contact(identity=_identity(person), at=at)
                    for person, at in met
                    if person.shop == slug
                ],
                shop_id=shop_id,
                source="api",
            )

    def _write_visits(self, people: Sequence[Person], chapter: int) -> None:
        """What some of them looked at lately; the first chapters are enough to look at."""
        if chapter >= MOST_CHAPTERS:
            return
        found = visits(self._brand, people, chapter=chapter, today=self._today, seed=self._seed)
        for slug, shop_id in _shop_ids().items():
            calls = [call for visit in found if visit.shop == slug for call in visit.calls]
            tracking.take(calls, shop_id=shop_id, is_proven=True, at=self._today)

    # --- Requests ---------------------------------------------------------------------------------

    def _write_requests(self) -> None:
        """Write the requests of the chapters since the last growth, in the order they began."""
        told = World.objects.get()
        chapters = queries.chapters_from(told.requests_from_chapter)
        if not chapters:
            return
        waiting = sorted(
            (talk for chapter in chapters for talk in self._talks_of(chapter)),
            key=lambda talk: (talk.words[0].at, talk.key),
        )
        for start in range(told.requests_written, len(waiting), PAGE):
            page = waiting[start : start + PAGE]
            self._write_page(page, start, chapters[0].number)
            self._report(start + len(page), len(waiting))
        World.objects.filter(requests_from_chapter=chapters[0].number).update(
            requests_from_chapter=chapters[-1].number + 1, requests_written=0
        )

    def _talks_of(self, chapter: Chapter) -> list[Talk]:
        """The requests of a chapter; thought up again when another run wrote its orders."""
        if chapter.number not in self._talks:
            self._talks[chapter.number] = self._said(chapter, *self._happened(chapter))
        return self._talks.pop(chapter.number)

    @history.page()
    def _write_page(self, page: Sequence[Talk], start: int, first_chapter: int) -> None:
        """Write some requests, unless another run did meanwhile."""
        world = World.objects.select_for_update().get()
        if (world.requests_from_chapter, world.requests_written) != (first_chapter, start):
            return
        shop_ids = _shop_ids()
        correspondence.write_talks(
            page,
            shop_ids=shop_ids,
            agents=_agents(),
            placed=trade.placed(
                [talk.purchase for talk in page if talk.purchase is not None],
                shop_ids=shop_ids,
                today=self._today,
            ),
            today=self._today,
            seed=self._seed,
        )
        world.requests_written += len(page)
        world.save(update_fields=["requests_written"])

    # --- Everything else --------------------------------------------------------------------------

    @history.page()
    def _write_knowledge(self) -> None:
        """What is known of the first customers, unless it was written before."""
        world = World.objects.select_for_update().get()
        first = Chapter.objects.filter(is_written=True).order_by("number")
        if world.is_known or not first.exists():
            return
        people = self._crowd.slice(0, min(KNOWN, sum(chapter.people for chapter in first)))
        knowledge.write_knowledge(
            people,
            shop_ids=_shop_ids(),
            agents=_agents(),
            today=self._today,
            seed=self._seed,
        )
        postoffice.write_post_office(_shop_ids(), agents=_agents(), today=self._today)
        texting.write_texts(people, shop_ids=_shop_ids(), today=self._today)
        tables.write_tables(people, shop_ids=_shop_ids(), agents=_agents(), today=self._today)
        world.is_known = True
        world.save(update_fields=["is_known"])


def _identity(person: Person) -> Identity:
    return Identity(
        email=person.email,
        phone=person.phone or None,
        customer_id=person.customer_id,
        first_name=person.first_name,
        last_name=person.last_name,
        locale=person.locale,
        country=person.country,
        city=person.city,
        accepts_marketing=person.accepts_marketing,
        is_proven=True,
    )


def _shop_ids() -> dict[str, int]:
    found = {shop.slug: company.shop_by_slug(shop.slug) for shop in the_brand().shops}
    return {slug: shop.id for slug, shop in found.items() if shop is not None}


def _agents() -> dict[str, Agent]:
    found = {s.email: company.agent_by_email(s.email) for s in the_brand().staff}
    return {email: agent for email, agent in found.items() if agent is not None}
