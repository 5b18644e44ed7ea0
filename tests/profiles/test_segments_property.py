"""Random rules, random customers, random days: two ways of looking never disagree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import services as contacts
from contacts.models import Rating, Ticket
from contacts.services import rating
from profiles import extensions, services
from profiles.models import Activity, LifetimeModel, Prediction, Profile
from profiles.queries.criteria.foresight import PREDICTED
from profiles.services import attributes, care, consents, months, standings, tags
from profiles.services import segments_following as following
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import put
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_model import LEAVES as MODEL
from tests.profiles.segment_model import model_set
from tests.profiles.segment_world import full_set, keep_up, kept, make, single_set

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

days = st.integers(1, 9)
count = st.integers(0, 3)
euros = st.builds(lambda n: {"amount": str(n * 30), "currency": "EUR"}, count)
sku = st.sampled_from(["PUL-1", "PUL-2"])
country = st.sampled_from(["FR", "BE"])
deed = st.sampled_from(["product-viewed", "product-added"])


def asking(
    criterion: str, operators: list[str], **inputs: Any
) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions of one criterion; an input whose strategy gives None is left out."""
    return st.builds(
        lambda operator, values: {
            "criterion": criterion,
            "operator": operator,
            **{
                key: value
                for key, value in values.items()
                if value is not None and (key != "value" or operator not in KNOWN)
            },
        },
        st.sampled_from(operators),
        st.fixed_dictionaries(inputs),
    )


COUNTS = ["at_least", "at_most", "exactly"]
KNOWN = ["is_set", "is_not_set"]
TAGS = ["VIP", "Press"]
WORDS = ["S", "M"]
tag, word, fifth = st.sampled_from(TAGS), st.sampled_from(WORDS), st.integers(1, 5)
stage = st.sampled_from(["lead", "new", "active", "loyal", "at_risk", "lost"])
matter = {
    "channel": st.sampled_from(["email", "sms"]),
    "purpose": st.sampled_from(["marketing", "surveys"]),
}
positive = st.integers(1, 3)
window = st.none() | days
LEAVES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "profile.country": asking("profile.country", ["is", "is_not"], value=country),
    "profile.city": asking("profile.city", ["contains", "starts_with"], value=st.just("ly")),
    "profile.birthday": asking("profile.birthday", ["next_days", "last_days"], days=days),
    "profile.name": asking("profile.name", ["contains", "is_not"], value=st.just("Ana Durand1")),
    "profile.language": asking("profile.language", ["is", "is_not"], value=st.just("fr")),
    "profile.locale": asking("profile.locale", ["starts_with", "is_set"], value=st.just("FR-")),
    "profile.gender": asking("profile.gender", ["is", "is_not"], value=st.just("female")),
    "profile.source": asking("profile.source", ["is", "one_of"], value=st.just("test")).filter(
        lambda rule: rule["operator"] == "is"
    ),
    "profile.age": asking("profile.age", COUNTS, value=st.integers(34, 37)),
    "profile.shop": asking("profile.shop", ["has", "has_not"], shop=st.just("SHOP")),
    "profile.tag": st.one_of(
        asking("profile.tag", ["has", "has_not"], value=tag),
        asking("profile.tag", ["one_of", "all_of"], value=st.lists(tag, min_size=1, max_size=2)),
        asking("profile.tag", ["is_set", "is_not_set"]),
    ),
    "profile.stage": asking("profile.stage", ["is", "is_not"], value=stage),
    "profile.owner": st.one_of(
        asking("profile.owner", ["is", "is_not"], value=st.just("AGENT")),
        asking("profile.owner", ["is_set", "is_not_set"]),
    ),
    "attribute.string": st.one_of(
        asking(
            "attribute.string", ["is", "is_not", "contains"], attribute=st.just("motto"), value=word
        ),
        asking("attribute.string", KNOWN, attribute=st.just("motto")),
    ),
    "attribute.number": asking(
        "attribute.number",
        ["at_least", "at_most", "exactly"],
        attribute=st.just("children"),
        value=st.integers(-1, 3),
    ),
    "attribute.boolean": asking(
        "attribute.boolean", ["yes", "no", *KNOWN], attribute=st.just("member")
    ),
    "attribute.date": asking(
        "attribute.date",
        ["last_days", "before_days", "next_days", "returns_next_days", "returns_last_days"],
        attribute=st.just("since"),
        days=days,
    ),
    "attribute.list": st.one_of(
        asking("attribute.list", ["has", "has_not"], attribute=st.just("likes"), value=word),
        asking(
            "attribute.list",
            ["one_of", "all_of"],
            attribute=st.just("likes"),
            value=st.lists(word, min_size=1, max_size=2),
        ),
    ),
    "attribute.choice": asking(
        "attribute.choice", ["is", "is_not", *KNOWN], attribute=st.just("size"), value=word
    ),
    "address.country": asking("address.country", ["is", "is_not"], value=country),
    "address.region": asking("address.region", ["is", "is_not"], value=st.just("vaud")),
    "address.postcode": asking(
        "address.postcode", ["starts_with_one_of"], value=st.just(["69", "10"])
    ),
    "address.city": asking("address.city", ["is_not", "contains"], value=st.just("l")),
    "consent.marketing": asking("consent.marketing", ["granted", "refused", "unknown"]),
    "consent.stand": st.one_of(
        asking("consent.stand", ["granted", "withdrawn", "pending", "unknown"], **matter),
        asking(
            "consent.stand",
            ["granted_lately", "granted_long", "withdrawn_lately"],
            days=days,
            **matter,
        ),
    ),
    "identifier.email_domain": asking(
        "identifier.email_domain", ["is", "is_not"], value=st.sampled_from(["example.org", "x.org"])
    ),
    "rfm.recency": asking("rfm.recency", ["at_least", "at_most"], value=fifth),
    "rfm.frequency": asking("rfm.frequency", ["exactly", "at_most"], value=fifth),
    "rfm.monetary": asking("rfm.monetary", ["at_least", "exactly"], value=fifth),
    "prediction.value": asking("prediction.value", COUNTS, value=euros),
    "prediction.churn": asking(
        "prediction.churn", ["at_least", "at_most"], value=st.integers(0, 100)
    ),
    "prediction.next_order": asking(
        "prediction.next_order", ["next_days", "last_days", "before_days"], days=days
    ),
    "figures.order_day": asking("figures.order_day", ["next_days", "last_days"], days=days),
    "figures.days_between": asking("figures.days_between", ["at_least", "at_most"], value=count),
    "figures.requests": asking("figures.requests", COUNTS, value=count),
    "figures.last_request": asking("figures.last_request", ["last_days", "before_days"], days=days),
    "event.sum": asking(
        "event.sum",
        COUNTS,
        value=count,
        event=st.just("contacts.ticket-rated"),
        sum_of=st.just("score"),
        days=window,
    ),
    "activity.sum": asking(
        "activity.sum",
        COUNTS,
        value=count,
        event=deed,
        sum_of=st.none() | st.just("price"),
        days=window,
    ),
    "orders.discount_code": asking(
        "orders.discount_code", COUNTS, value=positive, code=st.just("ETE"), days=window
    ),
    "profile.last_seen": asking("profile.last_seen", ["last_days", "before_days"], days=days),
    "profile.first_seen": asking("profile.first_seen", ["last_days", "before_days"], days=days),
    "identifier.present": asking(
        "identifier.present", ["has", "has_not"], kind=st.sampled_from(["email", "phone"])
    ),
    "figures.orders": asking("figures.orders", COUNTS, value=count),
    "figures.revenue": asking("figures.revenue", COUNTS, value=euros),
    "figures.average_basket": asking("figures.average_basket", COUNTS, value=euros),
    "figures.last_order": asking("figures.last_order", ["last_days", "before_days"], days=days),
    "figures.first_order": asking("figures.first_order", ["is_not_set", "is_set"]),
    "event.happened": asking(
        "event.happened",
        COUNTS,
        value=positive,
        event=st.sampled_from(["orders.order-placed", "contacts.ticket-opened"]),
        days=window,
    ),
    "orders.bought": asking(
        "orders.bought",
        COUNTS,
        value=positive,
        sku=st.none() | sku,
        days=window,
        category=st.none() | st.just("KNITS"),
        brand=st.none() | st.just("loden"),
    ),
    "orders.placed": asking("orders.placed", COUNTS, value=positive, days=window),
    "orders.spent": asking("orders.spent", COUNTS, value=euros, days=window),
    "orders.viewed_not_bought": asking("orders.viewed_not_bought", ["is"], days=window),
    "activity.done": st.one_of(
        asking("activity.done", COUNTS, value=positive, event=deed, days=window),
        asking(
            "activity.done",
            COUNTS,
            value=positive,
            event=deed,
            days=window,
            property=st.just("price"),
            how=st.sampled_from(["is", "is_not", "at_least", "at_most"]),
            **{"is": st.sampled_from(["1", "2"])},
        ),
    ),
    "activity.funnel": asking(
        "activity.funnel",
        ["did", "stopped"],
        event=st.just("product-viewed"),
        then=st.just("product-added"),
        within=st.integers(1, 4),
        **{"finally": st.none() | st.just("order-completed")},
        days=window,
    ),
    "contacts.satisfaction": asking("contacts.satisfaction", COUNTS, value=fifth),
    "contacts.open_request": asking("contacts.open_request", ["has", "has_not"]),
    "contacts.requests": asking("contacts.requests", COUNTS, value=positive, days=window),
    "sample.share": asking("sample.share", ["is"], value=st.integers(0, 100)),
}
trees = st.recursive(
    st.one_of(*LEAVES.values()),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"and": items}),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"or": items}),
        inner.map(lambda item: {"not": item}),
    ),
    max_leaves=5,
)


ATTRIBUTES = {
    "motto": "string",
    "children": "number",
    "member": "boolean",
    "since": "date",
    "likes": "list",
    "size": "choice",
}


class Town:
    """A few customers who do things, and a clock."""

    def __init__(self) -> None:
        self.shop, self.now, self.number = ShopFactory(), BEGIN, 0
        self.agent = AgentFactory(role="owner")
        months.ensure_ahead(at=BEGIN)
        for key, kind in ATTRIBUTES.items():
            choices = WORDS if kind == "choice" else ()
            attributes.define_attribute(key, kind=kind, by=None, key=key, choices=choices)
        self.people = [
            ProfileFactory(
                shop=self.shop,
                last_name=f"Durand{number}",
                email=f"durand{number}@example.org",
                country=["FR", "BE"][number % 2],
                city=["Lyon", "Liège"][number % 2],
                birthday=date(1990, 3, 3 + number),
                first_seen_at=BEGIN - timedelta(days=number),
                last_seen_at=BEGIN - timedelta(days=number),
            )
            for number in range(4)
        ]

    def do(self, deed: str, who: int, choice: int) -> None:
        """One thing happens to one customer, now."""
        deeds: dict[str, Callable[[Profile, int], None]] = {
            "order": self.order,
            "view": lambda person, choice: self.act(person, "product-viewed", choice),
            "add": lambda person, choice: self.act(person, "product-added", choice),
            "buy": lambda person, choice: self.act(person, "order-completed", choice),
            "ask": self.ask,
            "call": self.call,
            "learn": self.learn,
            "tag": self.tag,
            "care": self.care,
            "say": self.say,
            "night": self.night,
            "rate": self.rate,
        }
        deeds[deed](self.people[who % 4], choice)

    def order(self, person: Profile, choice: int) -> None:
        self.number += 1
        put(
            self.shop,
            f"o{self.number % 7}",
            at=self.now,
            customer={"email": f"{person.last_name.lower()}@example.org"},
            placed_at=(self.now - (choice % 3) * 24 * HOUR).isoformat(),
            updated_at=self.now.isoformat(),
            version=self.number,
            status=["paid", "cancelled", "refunded"][choice % 3],
            lines=[
                {
                    "sku": f"PUL-{1 + choice % 2}", "name": "Pull", "quantity": 1,
                    "unit_price": "30.00", "total": "30.00", "category": ["Knits", "Hats"][choice % 2],
                    "brand": "Loden",
                }
            ],
            discounts=[{"code": "ETE", "amount": "0.00"}] if choice % 2 else [],
            shipping_address={
                "line1": "1 rue", "postcode": ["69001", "1003"][choice % 2],
                "city": ["Lyon", "Lausanne"][choice % 2], "country": ["FR", "CH"][choice % 2],
                "region": ["", "Vaud"][choice % 2],
            },
            totals={
                "items": "30.00", "discount": "0.00", "shipping": "0.00", "tax": "0.00",
                "grand": "30.00", "refunded": "0.00",
            },
        )  # fmt: skip

    def act(self, person: Profile, name: str, choice: int) -> None:
        Activity.objects.create(
            profile=person,
            shop=self.shop,
            name=name,
            occurred_at=self.now - choice % 2 * HOUR,
            received_at=self.now,
            sku=f"PUL-{1 + choice % 2}",
            value=choice % 3,
            properties={"price": choice % 4} if choice % 4 else {},
        )

    def rate(self, person: Profile, choice: int) -> None:
        """What he thinks of his latest request, if he had one."""
        ticket = Ticket.objects.filter(profile_id=person.pk).order_by("-pk").first()
        if ticket is not None:
            row, _is_new = Rating.objects.get_or_create(
                ticket=ticket, defaults={"asked_at": self.now}
            )
            rating.rate(row.pk, score=1 + choice % 5, at=self.now)

    def learn(self, person: Profile, choice: int) -> None:
        values: list[tuple[str, Any]] = [
            ("motto", WORDS[choice // 7 % 2]),
            ("children", choice % 4 - 1),
            ("member", choice % 2 == 0),
            ("since", (self.now.date() - timedelta(days=choice * 11 % 370)).isoformat()),
            ("likes", WORDS[: 1 + choice % 2]),
            ("size", WORDS[choice % 2]),
            (["motto", "member", "size"][choice % 3], None),
        ]
        key, value = values[choice % len(values)]
        attributes.set_attributes(
            person.pk, values={key: value}, source="test", by=None, at=self.now
        )

    def tag(self, person: Profile, choice: int) -> None:
        name = [TAGS[choice % 2].lower()]
        added = {"add": name} if choice % 3 else {"remove": name}
        tags.change_tags(person.pk, by=None, at=self.now, **added)

    def care(self, person: Profile, choice: int) -> None:
        if choice % 2:
            owner_id = self.agent.pk if choice % 3 else None
            care.set_owner(person.pk, shop_id=self.shop.pk, owner_id=owner_id, by=None, at=self.now)
        else:
            stage = ["", "loyal", "lost"][choice % 3]
            care.fix_stage(person.pk, shop_id=self.shop.pk, stage=stage, by=None, at=self.now)

    def say(self, person: Profile, choice: int) -> None:
        consents.record(
            person.pk,
            shop_id=self.shop.pk,
            channel=["email", "sms"][choice % 2],
            purpose=["marketing", "surveys"][choice // 2 % 2],
            answer=["granted", "withdrawn"][choice // 4 % 2],
            evidence=consents.Evidence(source="test"),
            at=self.now,
        )

    def night(self, person: Profile, choice: int) -> None:
        """Marks, stages, and a prediction as the shop's model would make it."""
        standings.score(at=self.now)
        care.move_stages(at=self.now)
        model, _is_new = LifetimeModel.objects.get_or_create(
            shop=self.shop, state="fitted", currency="EUR", customers=4, repeat_customers=4,
            weeks=30, fitted_at=BEGIN,
        )  # fmt: skip
        Prediction.objects.update_or_create(
            profile=person,
            shop=self.shop,
            defaults={
                "model": model, "currency": "EUR", "value": choice % 4 * 30, "orders": 1,
                "alive": 0.5, "churn": choice % 5 / 4, "predicted_at": self.now,
                "next_order_on": self.now.date() + timedelta(days=choice % 9) if choice % 3 else None,
            },
        )  # fmt: skip
        following.touch_where_asked([person.pk], fact=PREDICTED)

    def ask(self, person: Profile, choice: int) -> None:
        contacts.open_ticket(
            shop_id=self.shop.pk,
            profile_id=person.pk,
            subject="A question",
            text="Where is it?",
            channel=Ticket.Channel.API,
            at=self.now,
        )

    def call(self, person: Profile, choice: int) -> None:
        """A contact that leaves no event: he is only seen, and maybe lives elsewhere now."""
        services.identify(
            Identity(
                email=f"{person.last_name.lower()}@example.org",
                country=["FR", "BE"][choice % 2],
                is_proven=True,
            ),
            shop_id=self.shop.pk,
            source="api",
            at=self.now,
        )


DEEDS = ["order", "view", "add", "buy", "ask", "rate", "call", "learn", "tag", "care",
         "say", "night"]  # fmt: skip
steps = st.lists(
    st.tuples(
        st.sampled_from([*DEEDS, "wait", "wait", "wait"]),
        st.integers(0, 3),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=12,
)
slow = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def back_to_start(body: Callable[[], None]) -> None:
    """Every example begins with an empty world."""
    with transaction.atomic():
        body()
        transaction.set_rollback(True)


def settled(tree: Any, town: Town) -> Any:
    """The rules with the shop and the agent of this town."""
    if isinstance(tree, list):
        return [settled(item, town) for item in tree]
    if isinstance(tree, dict):
        return {key: settled(value, town) for key, value in tree.items()}
    return {"SHOP": str(town.shop.pk), "AGENT": str(town.agent.pk)}.get(tree, tree)


@slow
@given(tree=trees, story=steps)
def test_the_set_the_single_look_and_plain_python_give_the_same_members(tree, story):
    def body() -> None:
        town = Town()
        for deed_, who, choice in story:
            if deed_ == "wait":
                town.now += choice * HOUR
            else:
                town.do(deed_, who, choice)
        rules = settled(tree, town)

        wanted = full_set(rules, at=town.now)
        assert single_set(rules, at=town.now) == wanted
        if "sample.share" not in str(rules):
            assert model_set(rules, at=town.now) == wanted

    back_to_start(body)


@slow
@given(tree=trees, story=steps)
def test_after_events_and_time_the_kept_members_are_those_of_the_full_query(tree, story):
    def body() -> None:
        town = Town()
        rules = settled(tree, town)
        segment = make(rules, at=town.now)
        for deed_, who, choice in story:
            if deed_ != "wait":
                town.do(deed_, who, choice)
                keep_up(at=town.now)
            for _hour in range(choice if deed_ == "wait" else 0):
                town.now += HOUR
                following.flip_due(at=town.now)
            assert kept(segment) == full_set(rules, at=town.now)

    back_to_start(body)


def test_each_criterion_means_what_it_says_on_every_day_of_a_story():
    """All criteria, however rarely chance would draw them: set, single look, plain Python, kept."""

    @settings(slow, max_examples=1)
    @given(rules=st.fixed_dictionaries({key: st.tuples(*[LEAVES[key]] * 2) for key in LEAVES}))
    def look(rules: Any) -> None:
        back_to_start(lambda: _live_with(rules))

    look()


def _live_with(rules: dict[str, tuple[dict[str, Any], ...]]) -> None:
    town = Town()
    chosen = [settled(rule, town) for some in rules.values() for rule in some]
    segments = [(rule, make(rule, at=town.now)) for rule in chosen]
    for number, deed_ in enumerate(DEEDS * 2):
        town.do(deed_, number % 3, number * 7 % 11)
        keep_up(at=town.now)
        town.now += 13 * HOUR
        keep_up(at=town.now)
        if number % 4 == 3:
            for rule, segment in segments:
                assert kept(segment) == full_set(rule, at=town.now), rule
    for rule, _segment in segments:
        assert single_set(rule, at=town.now) == full_set(rule, at=town.now), rule
        if rule["criterion"] in MODEL:
            assert model_set(rule, at=town.now) == full_set(rule, at=town.now), rule


def test_every_criterion_takes_part():
    """A new criterion gets values in LEAVES and a meaning in plain Python."""
    ours = {item.key for item in extensions.criteria.all()}

    # Other segments have tests of their own; a sample has no meaning but its own.
    assert ours - set(LEAVES) == {"segment.member"}
    assert set(LEAVES) - set(MODEL) == {"sample.share"}
