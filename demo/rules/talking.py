"""What customers and agents wrote to each other, up to now: who waits follows from who spoke last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from demo.rules.brand import Brand, Scenario, Shop
from demo.rules.people import Person
from demo.rules.seasons import at_work, awake
from demo.rules.shopping import Item, Purchase

TRIES = 40
LATELY_SHARE = 0.5
SOLVED_AFTER = timedelta(days=3)
CLOSED_AFTER = timedelta(days=14)
SNOOZED_SHARE = 0.4
# A question which nobody answered for so long was answered elsewhere.
UNSETTLED_FOR = timedelta(days=4)
# How often our next word is still owed, and for how long at most.
OWED_SHARE = 0.3
OWED_FOR = timedelta(hours=60)
TAKEN_SHARE = 0.35
_GERMAN = (
    ("Grüsse", "Grüße"),
    ("Grösse", "Größe"),
    ("grösse", "größe"),
    ("Grosses", "Großes"),
    ("Gruss", "Gruß"),
    ("Spass", "Spaß"),
    ("Gemäss", "Gemäß"),
    ("innert", "innerhalb von"),
    ("Milchkasten", "Briefkasten"),
    ("strasse", "straße"),
    ("«", "„"),
    ("»", "“"),
)
# How long after the order, in hours, customers write about it: by the kind of order a scenario needs.
_OCCASIONS = {
    "open": (0.2, 3),
    "shipped": (90, 170),
    "delivered": (130, 500),
    "refunded": (420, 600),
    "any": (20, 900),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One thing that was said: by `customer`, `agent`, or as a `note` among agents."""

    who: str
    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What the agents did with the request at last; `until` when it sleeps."""

    state: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """A request from its first word to its present state."""

    key: str
    person: Person
    language: str
    channel: str
    subject: str
    priority: int
    tags: tuple[str, ...]
    agent: str
    is_taken: bool
    has_photo: bool
    purchase: Purchase | None
    words: tuple[Word, ...]
    endings: tuple[Ending, ...]


def talks(
    brand: Brand,
    people: Sequence[Person],
    purchases: Sequence[Purchase],
    count: int,
    *,
    chapter: int,
    today: datetime,
    seed: int,
) -> list[Talk]:
    """So many requests of these people, in the order in which they began."""
    chance = Random(f"{seed}:talks:{chapter}")
    found: list[Talk] = []
    for index in range(count):
        is_late = chance.random() < LATELY_SHARE
        for _try in range(TRIES):
            talk = _draw(
                brand, people, purchases, chance, today, is_late=is_late, key=f"{chapter}-{index}"
            )
            if talk is not None:
                found.append(talk)
                break
    return sorted(found, key=lambda talk: talk.words[0].at)


def _draw(
    brand: Brand,
    people: Sequence[Person],
    purchases: Sequence[Purchase],
    chance: Random,
    today: datetime,
    *,
    is_late: bool,
    key: str,
) -> Talk | None:
    """A request that can have happened, or None: the dice fell badly."""
    person = (
        chance.choice(purchases).person
        if purchases and chance.random() < 0.85
        else chance.choice(people)
    )
    scenarios = brand.scenarios[person.language]
    scenario = chance.choices(scenarios, weights=[s.weight for s in scenarios])[0]
    if scenario.order == "none":
        age = chance.expovariate(1 / 40) if is_late else chance.uniform(72, 24 * 400)
        return _play(
            brand, scenario, person, None, today - timedelta(hours=age), chance, today, key
        )
    own = [purchase for purchase in purchases if purchase.person == person]
    fitting = [purchase for purchase in own if _fits(scenario, purchase)]
    if not fitting:
        return None
    purchase = chance.choice(fitting)
    begins = purchase.placed_at + timedelta(hours=chance.uniform(*_OCCASIONS[scenario.order]))
    is_lately = timedelta(0) < today - begins < timedelta(days=6)
    if begins > today or (is_late and not is_lately):
        return None
    return _play(brand, scenario, person, purchase, begins, chance, today, key)


def _fits(scenario: Scenario, purchase: Purchase) -> bool:
    if purchase.status == "cancelled":
        return scenario.key == "annulation"
    if scenario.order == "refunded":
        return purchase.status == "refunded"
    return scenario.key != "annulation" or purchase.status in {"paid", "pending"}


def _play(
    brand: Brand,
    scenario: Scenario,
    person: Person,
    purchase: Purchase | None,
    begins: datetime,
    chance: Random,
    today: datetime,
    key: str,
) -> Talk | None:
    shop = brand.shop(person.shop)
    agent = _agent(brand, person, chance)
    fill = _filler(brand, shop, person, purchase, agent.split()[0], chance)
    words = _words(scenario, shop, fill, begins, chance, today)
    if not words:
        return None
    channel = chance.choice(scenario.channels)
    if channel == "phone":
        words[0] = replace(words[0], text=fill(scenario.phone))
    return Talk(
        key=key,
        person=person,
        language=person.language,
        channel=channel,
        subject=fill(chance.choice(scenario.subjects)),
        priority=scenario.priority,
        tags=scenario.tags,
        agent=next(s.email for s in brand.staff if s.name == agent),
        is_taken=chance.random() < TAKEN_SHARE,
        has_photo=scenario.has_photo and channel == "email",
        purchase=purchase,
        words=tuple(words),
        endings=tuple(_endings(scenario, words, chance, today)),
    )


def _agent(brand: Brand, person: Person, chance: Random) -> str:
    """The name of somebody who can answer; his own shop's people answer most."""
    able = [staff for staff in brand.staff if staff.can_answer(person.shop, person.language)]
    likely = [4 if staff.shop else 2 if staff.role == "support" else 1 for staff in able]
    return chance.choices(able, weights=likely)[0].name


def _words(
    scenario: Scenario,
    shop: Shop,
    fill: Callable[[str], str],
    begins: datetime,
    chance: Random,
    today: datetime,
) -> list[Word]:
    """What was said until today; the rest of the conversation has not happened yet."""
    zone = ZoneInfo(shop.time_zone)
    moment = begins.astimezone(zone)
    words: list[Word] = []
    for turn in scenario.turns:
        moment += timedelta(
            hours=turn.after * chance.uniform(0.6, 1.5), seconds=chance.randint(20, 900)
        )
        moment = awake(moment, chance) if turn.who == "customer" else at_work(moment, chance)
        if moment > today or (turn.who == "agent" and _is_owed(words[-1], chance, today)):
            break
        words.append(Word(who=turn.who, at=moment, text=fill(chance.choice(turn.texts))))
    return words


def _is_owed(last: Word, chance: Random, today: datetime) -> bool:
    """Whether the agents did not come to answer yet: there is always more to do than hands."""
    return today - last.at < OWED_FOR and chance.random() < OWED_SHARE


def _endings(
    scenario: Scenario, words: Sequence[Word], chance: Random, today: datetime
) -> list[Ending]:
    """What followed the last word: nothing when we owe the next one."""
    last = words[-1]
    is_over = len(words) == len(scenario.turns)
    is_young = today - last.at < UNSETTLED_FOR
    is_unsettled = is_young and last.who == "customer" and last.text.rstrip().endswith("?")
    if not is_over or is_unsettled:
        is_parked = last.who == "agent" and chance.random() < SNOOZED_SHARE
        if is_parked and is_young:
            until = today + timedelta(hours=chance.randint(14, 80))
            return [Ending(state="snoozed", at=last.at + timedelta(minutes=2), until=until)]
        return []
    hours = (
        chance.uniform(0.3, 6) if last.who == "customer" else SOLVED_AFTER.total_seconds() / 3600
    )
    solved_at = last.at + timedelta(hours=hours)
    moments = (("solved", solved_at), ("closed", solved_at + CLOSED_AFTER))
    return [Ending(state=state, at=moment) for state, moment in moments if moment <= today]


def _filler(
    brand: Brand,
    shop: Shop,
    person: Person,
    purchase: Purchase | None,
    agent: str,
    chance: Random,
) -> Callable[[str], str]:
    """Puts this customer's details into a text."""
    item = chance.choice(purchase.items) if purchase else _wish(brand, shop, chance)
    sizes = [size for size in item.product.sizes if size != item.size] or [item.size]
    total = purchase.total if purchase else item.total
    amount = f"{shop.currency} {total}" if shop.market == "CH" else f"{total} €".replace(".", ",")
    values = {
        "first": person.first_name,
        "last": person.last_name,
        "city": person.city,
        "agent": agent,
        "order": purchase.number if purchase else "",
        "placed": _day(purchase.placed_at, person) if purchase else "",
        "carrier": purchase.carrier if purchase else shop.carriers[0],
        "tracking": purchase.tracking if purchase else "",
        "product": item.product.names[person.language],
        "size": item.size,
        "other_size": chance.choice(sizes),
        "amount": amount,
    }

    def fill(text: str) -> str:
        filled = text.format(**values)
        if person.language == "de" and shop.market == "DE":
            for swiss, german in _GERMAN:
                filled = filled.replace(swiss, german)
        return filled.replace("ß", "ss") if shop.market == "CH" else filled

    return fill


def _day(moment: datetime, person: Person) -> str:
    """A day as the customer would write it."""
    if person.language == "en":
        return f"{moment.day} {moment:%B}"
    if person.language == "de":
        return f"{moment.day}.{moment.month}."
    return f"{moment:%d/%m}" if person.country == "FR" else f"{moment:%d.%m}"


def _wish(brand: Brand, shop: Shop, chance: Random) -> Item:
    sized = [product for product in brand.products if len(product.sizes) > 1]
    product = chance.choice(sized)
    return Item(
        product=product,
        size=chance.choice(product.sizes),
        colour="",
        quantity=1,
        unit_price=product.prices[shop.currency],
        discount=product.prices[shop.currency] * 0,
    )
