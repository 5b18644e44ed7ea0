"""What each criterion says of a customer, and when time alone changes it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from contacts import services as contacts
from contacts.models import Ticket
from ecrm.kernel.models import EventRecord
from profiles.models import Activity, ConsentState, Figures, Identifier, Profile, ProfileShop
from profiles.models.consents import STEP
from profiles.queries import segments_checking as checking
from profiles.queries import segments_compiling as compiling
from profiles.queries import segments_looking as looking
from profiles.services import months
from profiles.services import segments_lists as lists
from tests.company.factories import ShopFactory
from tests.orders.factories import put
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_world import full_set, make, none_of, rule, single_set

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def fits(
    profile: Profile, document: dict, *, at: datetime = NOW, shop_id: int | None = None
) -> bool:
    """Whether a customer fulfils rules: the set and the single look must agree."""
    everybody = full_set(document, at=at, shop_id=shop_id)
    assert single_set(document, at=at, shop_id=shop_id) == everybody
    return profile.pk in everybody


def flip(profile: Profile, document: dict, *, at: datetime = NOW) -> datetime | None:
    tree = checking.checked(document).tree
    known = compiling.Known(id=0, name="", kind="dynamic", shop_id=None, tree=tree)
    return looking.verdicts([known], [profile.pk], at=at, others={})[0][profile.pk].flips_at


@pytest.fixture
def shop():
    return ShopFactory()


@pytest.fixture
def ana(shop):
    ProfileFactory(shop=shop, first_name="Zoé", country="BE", city="", email="zoe@other.example")
    return ProfileFactory(
        shop=shop,
        first_name="Ána",
        last_name="Durand",
        search_name="ana durand",
        city="Lyon",
        email="ana@Example.org".lower(),
        birthday=date(1990, 6, 18),
        gender="female",
        last_seen_at=NOW - 10 * DAY,
    )


def order(shop, ana, at, *, sku="PUL-1", total="60.00", status="paid", code=None, number=None):
    line = {"sku": sku, "name": "Pull bleu", "quantity": 1, "unit_price": total, "total": total}
    return put(
        shop,
        number or f"o{at:%d%H%M%S}{sku}",
        at=at,
        customer={"email": "ana@example.org"},
        placed_at=at.isoformat(),
        updated_at=at.isoformat(),
        status=status,
        lines=[line],
        discounts=[{"code": code, "amount": "1.00"}] if code else [],
        totals={
            "items": total, "discount": "0.00", "shipping": "0.00", "tax": "0.00",
            "grand": total, "refunded": "0.00",
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rule("profile.name", "contains", "ANA"), True),
        (rule("profile.name", "starts_with", "Durand"), False),
        (rule("profile.name", "one_of", ["Ana Durand"]), True),
        (rule("profile.country", "is", "FR"), True),
        (rule("profile.country", "is_not", "FR"), False),
        (rule("profile.country", "one_of", ["BE", "CH"]), False),
        (rule("profile.city", "is", "LYON"), True),
        (rule("profile.city", "is_set"), True),
        (rule("profile.city", "is_not_set"), False),
        (rule("profile.city", "contains", "yo"), True),
        (rule("profile.city", "starts_with", "%"), False),
        (rule("profile.language", "is", "fr"), True),
        (rule("profile.gender", "is", "female"), True),
        (rule("profile.source", "is", "test"), True),
        (rule("profile.birthday", "next_days", days=3), True),
        (rule("profile.birthday", "next_days", days=2), False),
        (rule("profile.birthday", "last_days", days=30), False),
        (rule("profile.birthday", "is_set"), True),
        (rule("profile.last_seen", "last_days", days=11), True),
        (rule("profile.last_seen", "last_days", days=10), False),
        (rule("profile.last_seen", "before_days", days=10), True),
        (rule("profile.last_seen", "before_days", days=11), False),
        (rule("profile.last_seen", "after", "2026-06-05"), True),
        (rule("profile.last_seen", "before", "2026-06-05"), False),
        (rule("profile.last_seen", "between", **{"from": "2026-06-05", "to": "2026-06-05"}), True),
        (rule("identifier.present", "has", kind="email"), True),
        (rule("identifier.present", "has_not", kind="phone"), True),
        (rule("identifier.present", "has_verified", kind="email"), False),
        (rule("identifier.email_domain", "is", "EXAMPLE.org"), True),
        (rule("identifier.email_domain", "is_not", "example.org"), False),
        (rule("consent.marketing", "unknown"), True),
        (rule("consent.marketing", "granted"), False),
        (rule("figures.orders", "at_most", 0), True),
        (rule("figures.orders", "exactly", 0), True),
        (rule("figures.orders", "at_least", 0), True),
        (rule("figures.last_order", "is_not_set"), True),
        (rule("figures.last_order", "before_days", days=1), False),
        (rule("contacts.open_request", "has"), False),
        (rule("contacts.requests", "at_most", 0, days=30), True),
        (rule("sample.share", "is", 100), True),
        (rule("sample.share", "is", 0), False),
    ],
    ids=str,
)
def test_details_and_absences(ana, document, expected):
    assert fits(ana, document) is expected
    assert fits(ana, none_of(document)) is not expected


def test_consent_is_that_of_the_shop_asked_for(ana, shop):
    other = ShopFactory()
    ProfileShop.objects.create(profile=ana, shop=other, since=NOW)
    for where, stand in ((shop, 1), (other, 2 * STEP + 1)):
        ConsentState.objects.create(
            profile=ana, shop=where, channel="email", purpose="marketing", stand=stand
        )

    assert fits(ana, rule("consent.marketing", "granted"))
    assert fits(ana, rule("consent.marketing", "granted", shop=str(shop.pk)))
    assert not fits(ana, rule("consent.marketing", "granted", shop=str(other.pk)))
    assert fits(ana, rule("consent.marketing", "refused", shop=str(other.pk)))
    assert not fits(ana, rule("consent.marketing", "unknown"))
    assert not fits(ana, rule("consent.marketing", "granted"), shop_id=other.pk)


def test_figures_add_up_over_shops_and_stay_in_their_currency(ana, shop):
    for where, currency, count, revenue in (
        (shop, "EUR", 2, 120),
        (ShopFactory(), "EUR", 1, 30),
        (shop, "CHF", 1, 500),
    ):
        Figures.objects.create(
            profile=ana, shop=where, currency=currency, orders_count=count, revenue=revenue,
            first_order_at=NOW - 40 * DAY, last_order_at=NOW - 5 * DAY,
        )  # fmt: skip

    def euros(amount):
        return {"amount": amount, "currency": "EUR"}

    assert fits(ana, rule("figures.orders", "exactly", 4))
    assert fits(ana, rule("figures.orders", "between", 4, to=2))
    assert fits(ana, rule("figures.revenue", "exactly", euros("150")))
    assert not fits(ana, rule("figures.revenue", "at_least", euros("150.01")))
    assert fits(ana, rule("figures.revenue", "at_most", euros("150.00")))
    assert fits(ana, rule("figures.average_basket", "exactly", euros("50")))
    assert fits(ana, rule("figures.revenue", "exactly", euros("120")), shop_id=shop.pk)
    assert fits(ana, rule("figures.last_order", "last_days", days=6))
    assert fits(ana, rule("figures.first_order", "before_days", days=40))


def test_orders_are_asked_for_by_product_status_sum_and_code(ana, shop):
    order(shop, ana, NOW - 20 * DAY, sku="PUL-1", code="ETE")
    order(shop, ana, NOW - 5 * DAY, sku="PUL-2", status="shipped")
    order(shop, ana, NOW - 4 * DAY, sku="PUL-1", status="cancelled")

    assert fits(ana, rule("orders.bought", "exactly", 1, sku="PUL-1"))
    assert not fits(ana, rule("orders.bought", "at_least", 1, sku="PUL-1", days=10))
    assert fits(ana, rule("orders.bought", "exactly", 2, name="PULL B", days=30))
    assert fits(ana, rule("orders.placed", "exactly", 2))
    assert fits(ana, rule("orders.placed", "at_least", 1, status="cancelled"))
    assert fits(ana, rule("orders.discount_code", "at_least", 1, code="ETE"))
    assert not fits(ana, rule("orders.discount_code", "at_least", 1, code="HIVER"))
    spent = {"amount": "120", "currency": "EUR"}
    assert fits(ana, rule("orders.spent", "exactly", spent, days=30))
    assert not fits(ana, rule("orders.spent", "at_least", spent, days=10))
    assert fits(ana, rule("event.happened", "exactly", 3, event="orders.order-placed"))


def test_a_window_flips_when_its_nth_newest_row_leaves_it(ana, shop):
    for days in (25, 20, 5):
        order(shop, ana, NOW - days * DAY)

    assert flip(ana, rule("orders.placed", "at_least", 2, days=30)) == NOW + 10 * DAY
    assert flip(ana, rule("orders.placed", "at_least", 4, days=30)) is None
    assert flip(ana, rule("orders.placed", "at_most", 2, days=30)) == NOW + 5 * DAY
    assert flip(ana, rule("orders.placed", "exactly", 3, days=30)) == NOW + 5 * DAY
    assert flip(ana, rule("orders.placed", "at_least", 2)) is None


def test_a_row_dated_ahead_flips_when_its_day_comes(ana, shop):
    order(shop, ana, NOW + 2 * DAY)
    document = rule("orders.placed", "at_least", 1, days=30)

    assert not fits(ana, document)
    assert flip(ana, document) == NOW + 2 * DAY
    assert fits(ana, document, at=NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("document", "moment"),
    [
        (rule("profile.last_seen", "last_days", days=30), NOW + 20 * DAY),
        (rule("profile.last_seen", "before_days", days=30), NOW + 20 * DAY),
        (rule("profile.last_seen", "before_days", days=5), None),
        (rule("profile.last_seen", "after", "2026-01-01"), None),
        (rule("profile.country", "is", "FR"), None),
        # Midnights in Paris: the day after the birthday, and the day on which it comes near.
        (rule("profile.birthday", "next_days", days=7), datetime(2026, 6, 18, 22, tzinfo=UTC)),
        (rule("profile.birthday", "next_days", days=1), datetime(2026, 6, 16, 22, tzinfo=UTC)),
        (rule("profile.birthday", "last_days", days=7), datetime(2026, 6, 18, 22, tzinfo=UTC)),
    ],
    ids=str,
)
def test_the_next_moment_at_which_time_alone_decides(ana, document, moment):
    assert flip(ana, document) == moment
    if moment:
        before = fits(ana, document, at=moment - timedelta(seconds=1))
        assert fits(ana, document, at=moment) is not before


def test_someone_born_on_29_february_has_a_birthday_every_year(shop):
    leap = ProfileFactory(shop=shop, birthday=date(2000, 2, 29))
    today = rule("profile.birthday", "next_days", days=0)

    assert fits(leap, today, at=datetime(2026, 2, 28, 12, tzinfo=UTC))
    assert not fits(leap, today, at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert fits(leap, today, at=datetime(2028, 2, 29, 12, tzinfo=UTC))


def test_new_year_lies_between_today_and_a_birthday(shop):
    early = ProfileFactory(shop=shop, birthday=date(1980, 1, 2))
    late = ProfileFactory(shop=shop, birthday=date(1980, 12, 30))
    at = datetime(2026, 12, 31, 12, tzinfo=UTC)

    assert fits(early, rule("profile.birthday", "next_days", days=3), at=at)
    assert fits(late, rule("profile.birthday", "last_days", days=1), at=at)
    assert fits(late, rule("profile.birthday", "last_days", days=5), at=at + 3 * DAY)


def act(profile, shop, name, at, *, sku=None, **properties):
    months.ensure_ahead(at=at)
    return Activity.objects.create(
        profile=profile, shop=shop, name=name, occurred_at=at, received_at=at, sku=sku,
        properties=properties,
    )  # fmt: skip


def test_behaviour_is_counted_with_product_and_property(ana, shop):
    act(ana, shop, "product-viewed", NOW - 3 * DAY, sku="PUL-1", color="blue")
    act(ana, shop, "product-viewed", NOW - 2 * DAY, sku="PUL-2")

    viewed = {"event": "product-viewed"}
    assert fits(ana, rule("activity.done", "exactly", 2, **viewed))
    assert fits(ana, rule("activity.done", "exactly", 1, **viewed, sku="PUL-1"))
    assert fits(ana, rule("activity.done", "at_least", 1, **viewed, property="color"))
    more = {"property": "color", "is": "red"}
    assert not fits(ana, rule("activity.done", "at_least", 1, **viewed, **more))
    recent = rule("activity.done", "at_least", 2, **viewed, days=7)
    assert flip(ana, recent) == NOW + 4 * DAY


def test_viewed_but_did_not_buy(ana, shop):
    act(ana, shop, "product-viewed", NOW - 6 * DAY, sku="PUL-1")
    document = rule("orders.viewed_not_bought", "is", days=10)

    assert fits(ana, document)
    assert flip(ana, document) == NOW + 4 * DAY

    order(shop, ana, NOW - 5 * DAY, sku="PUL-1")
    assert not fits(ana, document)
    act(ana, shop, "product-viewed", NOW - 4 * DAY, sku="PUL-1")
    assert fits(ana, document)
    assert not fits(ana, rule("orders.viewed_not_bought", "is", sku="PUL-2"))


def test_a_funnel_keeps_its_order_and_its_time(ana, shop):
    act(ana, shop, "product-added", NOW - 10 * DAY)
    act(ana, shop, "order-completed", NOW - 8 * DAY)
    steps = {"event": "product-added", "then": "order-completed"}

    assert fits(ana, rule("activity.funnel", "did", **steps, within=2))
    assert not fits(ana, rule("activity.funnel", "did", **steps, within=1))
    assert fits(ana, rule("activity.funnel", "stopped", **steps, within=1))
    assert not fits(ana, rule("activity.funnel", "did", **steps, within=2, days=9))
    back = {"event": "order-completed", "then": "product-added"}
    assert not fits(ana, rule("activity.funnel", "did", **back, within=30))
    act(ana, shop, "product-added", NOW - DAY)
    late = rule("activity.funnel", "stopped", **steps, within=3, days=5)
    assert not fits(ana, late)
    assert flip(ana, late) == NOW + 2 * DAY
    assert fits(ana, late, at=NOW + 2 * DAY)


def test_requests_open_and_by_channel(ana, shop):
    ticket = contacts.open_ticket(
        shop_id=shop.pk, profile_id=ana.pk, subject="A question", text="Where?",
        channel=Ticket.Channel.FORM, at=NOW - DAY,
    )  # fmt: skip

    assert fits(ana, rule("contacts.open_request", "has"))
    assert fits(ana, rule("contacts.requests", "exactly", 1, channel="form", days=2))
    assert fits(ana, rule("contacts.requests", "at_most", 0, channel="email"))
    Ticket.objects.filter(pk=ticket.pk).update(state="solved", solved_at=NOW, waiting_since=None)
    assert fits(ana, rule("contacts.open_request", "has_not"))


def test_segments_and_lists_are_asked_for_by_their_own_rules(ana, shop):
    french = make(rule("profile.country", "is", "FR"), at=NOW)
    listed = make(None, at=NOW)
    lists.add_to_list(listed.pk, profile_ids=[ana.pk], by=None, at=NOW)

    assert fits(ana, rule("segment.member", "in", segment=french.pk))
    assert not fits(ana, rule("segment.member", "not_in", segment=french.pk))
    assert fits(ana, rule("segment.member", "in", segment=listed.pk))
    outer = make(rule("segment.member", "not_in", segment=listed.pk), at=NOW)
    assert not fits(ana, rule("segment.member", "in", segment=outer.pk))


def test_a_sample_is_the_same_for_ever_and_as_large_as_asked(shop):
    Profile.objects.bulk_create(
        Profile(source="test", created_at=NOW, first_seen_at=NOW, last_seen_at=NOW)
        for _number in range(2000)
    )
    tenth = full_set(rule("sample.share", "is", 10), at=NOW)

    assert 140 < len(tenth) < 260
    assert full_set(rule("sample.share", "is", 10), at=NOW + DAY) == tenth
    assert tenth < full_set(rule("sample.share", "is", 20), at=NOW)
    assert full_set(rule("sample.share", "is", 10, draw=2), at=NOW) != tenth


def test_whoever_was_merged_away_is_in_no_segment(ana, shop):
    other = ProfileFactory(shop=shop)
    Profile.objects.filter(pk=ana.pk).update(merged_into=other)

    assert not fits(ana, rule("sample.share", "is", 100))


def test_a_segment_of_a_shop_sees_its_customers_only(ana, shop):
    stranger = ProfileFactory(shop=ShopFactory())

    assert fits(ana, rule("profile.country", "is", "FR"), shop_id=shop.pk)
    assert not fits(stranger, rule("profile.country", "is", "FR"), shop_id=shop.pk)


def test_values_never_become_sql(ana):
    nasty = "'); DROP TABLE profiles_profile; --%s {}"

    assert not fits(ana, rule("profile.city", "is", nasty))
    assert not fits(ana, rule("profile.country", "one_of", [nasty]))
    assert not fits(ana, rule("event.happened", "at_least", 1, event=nasty))
    assert EventRecord.objects.count() >= 0
    assert Identifier.objects.filter(profile=ana).exists()
