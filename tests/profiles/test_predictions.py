from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import extensions
from profiles import services as profiles
from profiles.models import (
    Figures,
    LifetimeModel,
    Prediction,
    ProfileShop,
    RequestFigures,
    Rfm,
    SelfCheck,
)
from profiles.queries import care as care_queries
from profiles.rules import stages
from profiles.services import care, predictions, standings
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.contacts.factories import make_ticket
from tests.orders.factories import make_order
from tests.profiles.factories import ProfileFactory
from tests.profiles.test_clv import CDNOW, simulated

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture
def shop(db):
    return ShopFactory()


def ordered(profile, shop, *, orders, revenue, last, first=None, currency="EUR"):
    return Figures.objects.create(
        profile=profile,
        shop=shop,
        currency=currency,
        orders_count=orders,
        revenue=Decimal(revenue),
        first_order_at=first or last,
        last_order_at=last,
    )


@pytest.fixture
def regulars(shop):
    """Four hundred customers who behave as the model says, with their figures."""
    known = simulated(CDNOW, customers=400, weeks=100, seed=4)
    chance = np.random.default_rng(4)
    people = [ProfileFactory(shop=shop) for _ in range(400)]
    for person, x, recency, age in zip(
        people, known.frequency, known.recency, known.age, strict=True
    ):
        first = NOW - float(age) * WEEK
        ordered(
            person,
            shop,
            orders=int(x) + 1,
            revenue=round(float(chance.gamma(6, 8)) * (int(x) + 1), 2),
            first=first,
            last=first + float(recency) * WEEK,
        )
    return people


# --- Predictions ----------------------------------------------------------------------------------


def test_a_shop_with_enough_history_predicts_each_of_its_customers(shop, regulars):
    model = predictions.predict(shop.pk, at=NOW)

    rows = list(Prediction.objects.all())
    assert model.state == LifetimeModel.State.FITTED
    assert set(model.parameters["purchases"]) >= {"r", "alpha", "a", "b"}
    assert len(rows) == 400
    for row in rows:
        assert 0 <= row.alive <= 1
        assert 0 <= row.churn <= 1
        assert row.value >= 0
        assert row.next_order_on is None or row.next_order_on > NOW.date()
    busiest = Figures.objects.order_by("-orders_count").first()
    values = {row.profile_id: row.orders for row in rows}
    assert values[busiest.profile_id] > np.median(list(values.values()))


def test_the_next_night_replaces_model_and_predictions(shop, regulars):
    predictions.predict(shop.pk, at=NOW)
    Figures.objects.filter(profile=regulars[0]).delete()

    model = predictions.predict(shop.pk, at=NOW + timedelta(days=1))

    assert list(LifetimeModel.objects.all()) == [model]
    assert Prediction.objects.count() == 399
    assert set(Prediction.objects.values_list("model_id", flat=True)) == {model.pk}


def test_a_shop_without_enough_history_says_so_and_predicts_nothing(shop):
    ordered(ProfileFactory(shop=shop), shop, orders=3, revenue="30", last=NOW - WEEK)

    model = predictions.predict(shop.pk, at=NOW)

    assert (model.state, model.customers) == (LifetimeModel.State.TOO_LITTLE, 1)
    assert not Prediction.objects.exists()


def test_a_shop_without_any_order_has_a_model_that_says_so(shop):
    assert predictions.predict(shop.pk, at=NOW).state == LifetimeModel.State.TOO_LITTLE


def test_the_page_shows_what_is_predicted_or_why_not(client, shop, regulars):
    client.force_login(AgentFactory(owner=True))
    person = regulars[0]
    standings.score(at=NOW)
    before = client.get(f"/customers/{person.pk}/").content.decode()

    predictions.predict(shop.pk, at=NOW)

    after = client.get(f"/customers/{person.pk}/").content.decode()
    insight = client.get("/customers/insight/").content.decode()
    assert "not enough history yet" in before
    assert "Next 12 months" in after
    assert "fitted" in insight


# --- Fifths ---------------------------------------------------------------------------------------


def test_customers_get_marks_among_those_of_their_shop(shop):
    people = [ProfileFactory(shop=shop) for _ in range(10)]
    for number, person in enumerate(people):
        ordered(
            person, shop, orders=number + 1, revenue=10 * (10 - number), last=NOW - number * WEEK
        )
    stranger = ProfileFactory(shop=(elsewhere := ShopFactory()))
    ordered(stranger, elsewhere, orders=99, revenue="9999", last=NOW)

    standings.score(at=NOW)

    found = {
        row.profile_id: (row.recency, row.frequency, row.monetary) for row in Rfm.objects.all()
    }
    assert [found[person.pk] for person in people[::3]] == [
        (5, 1, 5),
        (4, 2, 4),
        (2, 4, 2),
        (1, 5, 1),
    ]
    assert found[stranger.pk] == (1, 1, 1)


def test_equal_customers_get_equal_marks(shop):
    for _ in range(7):
        ordered(ProfileFactory(shop=shop), shop, orders=1, revenue="10", last=NOW)

    standings.score(at=NOW)

    assert set(Rfm.objects.values_list("frequency", "monetary")) == {(1, 1)}


def test_scoring_again_changes_only_what_differs(shop):
    row = ordered(ProfileFactory(shop=shop), shop, orders=1, revenue="10", last=NOW)
    first = standings.score(at=NOW)

    again = standings.score(at=NOW + WEEK)
    row.delete()
    standings.score(at=NOW + WEEK)

    assert (first, again) == (1, 0)
    assert not Rfm.objects.exists()


# --- Stages ---------------------------------------------------------------------------------------

HISTORY = st.tuples(st.integers(0, 6), st.integers(0, 500))


@pytest.mark.parametrize(
    ("orders", "days", "stage"),
    [
        (0, 0, "lead"),
        (1, 89, "new"),
        (1, 90, "at_risk"),
        (2, 179, "active"),
        (2, 180, "at_risk"),
        (4, 10, "loyal"),
        (9, 364, "at_risk"),
        (9, 365, "lost"),
    ],
)
def test_a_stage_follows_from_orders_and_silence(orders, days, stage):
    last = NOW - timedelta(days=days) if orders else None

    assert stages.stage_of(orders, last_order_at=last, at=NOW) == stage


@given(HISTORY)
def test_silence_never_improves_a_stage(history):
    orders, days = history
    order = {"loyal": 0, "active": 1, "new": 1, "at_risk": 2, "lost": 3, "lead": 0}

    def rank(days):
        last = NOW - timedelta(days=days) if orders else None
        return order[stages.stage_of(orders, last_order_at=last, at=NOW)]

    assert rank(days) <= rank(days + 1)


def test_the_night_moves_everybody_as_the_rule_says(shop):
    expected = {}
    for orders in (0, 1, 2, 3, 4, 6):
        for days in (0, 89, 90, 91, 179, 180, 181, 364, 365, 366):
            person = ProfileFactory(shop=shop)
            last = NOW - timedelta(days=days)
            if orders:
                ordered(person, shop, orders=orders, revenue="10", last=last)
            expected[person.pk] = stages.stage_of(
                orders, last_order_at=last if orders else None, at=NOW
            )

    moved = care.move_stages(at=NOW)

    assert moved == len(expected)
    assert dict(ProfileShop.objects.values_list("profile_id", "stage")) == expected
    assert care.move_stages(at=NOW) == 0


def test_a_stage_chosen_by_hand_stays_until_the_rule_is_asked_again(shop):
    person = ProfileFactory(shop=shop)
    agent = AgentFactory(role="support", shop=shop)

    care.fix_stage(person.pk, shop_id=shop.pk, stage="loyal", by=agent, at=NOW)
    care.move_stages(at=NOW)
    chosen = care_queries.care_of(person.pk, shop_ids=[shop.pk], at=NOW)[0]
    care.fix_stage(person.pk, shop_id=shop.pk, stage="", by=agent, at=NOW)
    ruled = care_queries.care_of(person.pk, shop_ids=[shop.pk], at=NOW)[0]

    assert (chosen.stage, chosen.is_fixed) == ("loyal", True)
    assert (ruled.stage, ruled.is_fixed) == ("lead", False)


def test_a_customer_is_cared_for_by_who_may_see_him(shop):
    person = ProfileFactory(shop=shop)
    agent = AgentFactory(role="support", shop=shop)
    stranger = AgentFactory(role="support", shop=ShopFactory())

    care.set_owner(person.pk, shop_id=shop.pk, owner_id=agent.pk, by=agent, at=NOW)
    with pytest.raises(care.UnusableOwner):
        care.set_owner(person.pk, shop_id=shop.pk, owner_id=stranger.pk, by=agent, at=NOW)
    with pytest.raises(care.NotYourCustomersCare):
        care.set_owner(person.pk, shop_id=shop.pk, owner_id=None, by=stranger, at=NOW)

    assert ProfileShop.objects.get(profile=person).owner_id == agent.pk


# --- Figures that are right -----------------------------------------------------------------------


def test_every_request_counts_and_a_merge_adds_them_up(shop):
    ticket, other = make_ticket(shop), make_ticket(shop)

    merge = profiles.merge(other.profile_id, into=ticket.profile_id, by=None)
    together = RequestFigures.objects.get().requests_count
    profiles.undo_merge(merge.pk, by=None)

    assert together == 2
    assert set(RequestFigures.objects.values_list("requests_count", flat=True)) == {1}


def test_the_night_finds_wrong_figures_repairs_and_names_them(shop):
    order, ticket = make_order(shop), make_ticket(shop)
    Figures.objects.update(orders_count=7, revenue=1)
    RequestFigures.objects.update(requests_count=9)

    found = {check.source: check for check in standings.check_figures(at=NOW)}
    again = {check.source: check.differing for check in standings.check_figures(at=NOW)}

    assert found["orders"].examples == [order.profile_id]
    assert found["requests"].examples == [ticket.profile_id]
    assert set(again.values()) == {0}
    assert Figures.objects.get().orders_count == 1
    assert RequestFigures.objects.filter(requests_count=1).exists()
    assert SelfCheck.objects.count() == 2 * len(again)


def test_each_sum_of_orders_and_requests_can_be_checked():
    checked = {source.key for source in extensions.recounts.all() if source.differing}

    assert {"orders", "requests"} <= checked


def test_the_api_says_what_the_page_says(client, shop):
    order = make_order(shop)
    standings.score(at=NOW)
    _, plain = api_key(shop, "profiles:read")

    found = client.get(
        f"/api/v1/profiles/{order.profile_id}", headers={"Authorization": f"Bearer {plain}"}
    ).json()

    assert found["rfm"]["frequency"] == 1
    assert found["prediction"] is None
    assert found["average_order"] == found["revenue"]
    assert found["days_between_orders"] is None
    assert found["stage"] in stages.STAGES
