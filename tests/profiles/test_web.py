from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils.timezone import now

from company.models import AuditEntry
from ecrm.kernel import outbox, paging
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.models import EventRecord
from profiles import extensions, permissions, services
from profiles.events import ProfileChanged, ProfileCreated
from profiles.extensions import Panel, TimelineRenderer, TimelineText
from profiles.models import DuplicatePair, Identifier, Profile, ProfileShop
from profiles.queries import listing
from profiles.services.consents import note_wish
from profiles.types import Identity
from profiles.web import contributions, words
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import MET_AT, ProfileFactory

pytestmark = pytest.mark.django_db

LIST = "/customers/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "list"}
PANEL = {"HX-Request": "true", "HX-Target": "panel"}
BODY = {"HX-Request": "true", "HX-Target": "customer"}
BACKGROUND = FRAGMENT | {"Ecrm-Background": "true"}
PLACED_AT = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop():
    return ShopFactory(name="Maison Alba FR")


@pytest.fixture
def support(client, shop):
    agent = AgentFactory(role="support", shop=shop, name="Claire Dubois")
    client.force_login(agent)
    return agent


@pytest.fixture
def viewer(client, shop):
    agent = AgentFactory(role="viewer", shop=shop)
    client.force_login(agent)
    return agent


@pytest.fixture
def owner(client):
    agent = AgentFactory(owner=True)
    client.force_login(agent)
    return agent


@pytest.fixture
def registered():
    """Adds panels and renderers for one test."""
    panels, renderers = [], []

    def register(item):
        if isinstance(item, Panel):
            extensions.panels.register(item)
            panels.append(item.key)
        else:
            extensions.timeline.register(item)
            renderers.append(item.event_name)

    yield register
    for key in panels:
        del extensions.panels._items[key]
    for name in renderers:
        del extensions.timeline._renderers[name]


def page_of(profile: Profile) -> str:
    return reverse("profiles:profile-page", args=[profile.pk])


def text_of(response) -> str:
    return response.content.decode()


def names_in(response) -> list[str]:
    return re.findall(r'class="ec-cell-main" href="/customers/\d+/">([^<]+)<', text_of(response))


def order_counted(profile: Profile, shop, *, revenue: str = "50.00", currency: str = "EUR") -> None:
    services.count_order(
        profile.pk,
        shop_id=shop.pk,
        currency=currency,
        revenue=Decimal(revenue),
        placed_at=PLACED_AT,
    )


def fact(
    profile: Profile, shop, *, name: str = "tests.thing-happened", at=PLACED_AT
) -> EventRecord:
    return EventRecord.objects.create(
        name=name,
        payload={},
        profile_id=profile.pk,
        shop_id=shop.pk if shop else None,
        occurred_at=at,
    )


def numbered(records):
    return {record.pk: TimelineText(title=f"Thing {record.pk}") for record in records}


def things(**changes) -> TimelineRenderer:
    known = {
        "event_name": "tests.thing-happened",
        "icon": "bolt",
        "kind": "things",
        "kind_label": "Things",
        "render": numbered,
    }
    return TimelineRenderer(**known | changes)


# --- The list -------------------------------------------------------------------------------------


def test_the_list_shows_the_customers_of_the_agents_shops_only(client, support, shop):
    ProfileFactory(first_name="Zoé", last_name="Martin", shop=shop)
    ProfileFactory(first_name="Noah", last_name="Keller", shop=ShopFactory())

    response = client.get(LIST)

    assert names_in(response) == ["Zoé Martin"]
    assert "1 customer" in text_of(response)


def test_a_customer_of_two_shops_is_seen_with_the_figures_of_the_agents_shop_only(
    client, support, shop
):
    profile, elsewhere = ProfileFactory(shop=shop), ShopFactory(name="Alpenglut CH")
    ProfileShop.objects.create(profile=profile, shop=elsewhere, since=MET_AT)
    order_counted(profile, shop, revenue="50.00")
    order_counted(profile, elsewhere, revenue="999.00")

    for response in (client.get(LIST), client.get(page_of(profile))):
        assert "€50.00" in text_of(response)
        assert "999" not in text_of(response)
        assert "Alpenglut" not in text_of(response)


def test_an_owner_sees_everybody_and_whose_they_are(client, owner, shop):
    ProfileFactory(shop=shop)
    ProfileFactory(shop=ShopFactory(name="Alpenglut CH"))

    response = client.get(LIST)

    assert "2 customers" in text_of(response)
    assert "Maison Alba FR" in text_of(response)
    assert "Alpenglut CH" in text_of(response)


def test_the_list_follows_the_shop_chosen_in_the_top_bar(client, owner, shop):
    ProfileFactory(first_name="Zoé", last_name="Martin", shop=shop)
    ProfileFactory(shop=ShopFactory())
    client.post(reverse("backoffice:shop-choose"), {"shop": shop.pk})

    assert names_in(client.get(LIST)) == ["Zoé Martin"]


def test_an_agent_without_the_permission_is_refused(client):
    client.force_login(AgentFactory())

    assert client.get(LIST).status_code == 403


@pytest.mark.parametrize(
    "typed",
    ["zoe", "Martin Zoé", "MARTIN@example", "06 39 98 12", "+33639981234", "zoë"],
)
def test_customers_are_found_by_name_address_and_number(client, support, shop, typed):
    ProfileFactory(
        first_name="Zoé",
        last_name="Martin",
        email="zoe.martin@example.org",
        phone="+33639981234",
        shop=shop,
    )
    ProfileFactory(first_name="Noah", last_name="Keller", shop=shop)

    assert names_in(client.get(LIST, {"q": typed})) == ["Zoé Martin"]


def test_the_search_reads_percent_signs_and_zero_bytes_as_text(client, support, shop):
    ProfileFactory(shop=shop)

    for typed in ("%", "_", "\0", "́", "a\0b"):
        assert client.get(LIST, {"q": typed}).status_code == 200
    assert names_in(client.get(LIST, {"q": "%"})) == []


def test_the_list_is_narrowed_by_shop_country_orders_and_age(client, owner, shop):
    other = ShopFactory(name="Alpenglut CH")
    old = ProfileFactory(first_name="Old", last_name="One", shop=shop)
    new = ProfileFactory(
        first_name="New", last_name="Two", country="CH", shop=other,
        first_seen_at=now() - timedelta(days=2), last_seen_at=now(),
    )  # fmt: skip
    order_counted(old, shop)
    order_counted(old, shop)
    order_counted(new, other)

    for query, expected in (
        ({"shop": shop.pk}, ["Old One"]),
        ({"country": "CH"}, ["New Two"]),
        ({"orders": "one"}, ["New Two"]),
        ({"orders": "more"}, ["Old One"]),
        ({"orders": "none"}, []),
        ({"since": "7d"}, ["New Two"]),
        ({"since": "1d"}, []),
        ({"sort": "name"}, ["New Two", "Old One"]),
        ({"sort": "newest"}, ["New Two", "Old One"]),
        ({"shop": shop.pk, "country": "CH"}, []),
    ):
        assert names_in(client.get(LIST, query)) == expected, query


def test_one_order_in_each_of_two_shops_is_two_orders(client, owner, shop):
    profile, other = ProfileFactory(first_name="Zoé", last_name="Martin", shop=shop), ShopFactory()
    order_counted(profile, shop)
    order_counted(profile, other)

    assert names_in(client.get(LIST, {"orders": "one"})) == []
    assert names_in(client.get(LIST, {"orders": "more"})) == ["Zoé Martin"]


def test_a_filter_that_makes_no_sense_is_as_if_it_were_absent(client, support, shop):
    ProfileFactory(shop=shop)
    elsewhere = ShopFactory()
    query = {"shop": elsewhere.pk, "country": "xx", "orders": "?", "since": "x", "sort": "-id"}

    response = client.get(LIST, query | {"page": "99"})

    assert len(names_in(response)) == 1


def test_the_countries_offered_are_those_of_visible_customers(shop):
    elsewhere = ShopFactory()
    ProfileFactory(country="FR", shop=shop)
    ProfileFactory(country="CH", shop=shop)
    ProfileFactory(country="DE", shop=elsewhere)
    ProfileFactory(country="", shop=shop)

    assert listing.countries([shop.pk]) == ["CH", "FR"]
    assert listing.countries([]) == []


def test_the_search_keeps_the_filters_without_scripts(client, support, shop):
    ProfileFactory(shop=shop)

    page = text_of(client.get(LIST, {"orders": "none"}))

    assert '<input type="hidden" name="orders" value="none" form="list-search">' in page
    assert 'id="list-search"' in page


def test_htmx_gets_the_rows_with_fresh_filters_and_a_live_refresh_the_rows_alone(
    client, support, shop
):
    ProfileFactory(shop=shop)

    whole = text_of(client.get(LIST))
    fragment = client.get(LIST, {"orders": "none"}, headers=FRAGMENT)
    refresh = text_of(client.get(LIST, headers=BACKGROUND))

    assert "<html" in whole
    assert "hx-swap-oob" not in whole
    assert "<html" not in text_of(fragment)
    assert 'hx-swap-oob="innerHTML:#list-filters"' in text_of(fragment)
    assert "orders=none" in text_of(fragment)
    assert "HX-Target" in fragment["Vary"]
    assert "list-filters" not in refresh
    assert f"profiles:shop:{shop.pk}" in refresh


def test_nobody_yet_and_nobody_found_are_told_apart(client, support, shop):
    nobody_yet = text_of(client.get(LIST))
    nobody_found = text_of(client.get(LIST, {"q": "xyz"}))

    assert "No customers yet" in nobody_yet
    assert "No customer found" in nobody_found
    assert "Show everybody" in nobody_found


def test_the_list_is_paged_and_counted(client, support, shop):
    for _ in range(ROWS_PER_PAGE + 3):
        ProfileFactory(shop=shop)

    first, second = client.get(LIST), client.get(LIST, {"page": "2"})

    assert len(names_in(first)) == ROWS_PER_PAGE
    assert len(names_in(second)) == 3
    assert f"{ROWS_PER_PAGE + 3} customers" in text_of(first)


def test_beyond_what_is_cheap_to_count_the_list_says_more_than(client, support, shop, monkeypatch):
    monkeypatch.setattr(paging, "COUNTED_UP_TO", 2)
    for _ in range(3):
        ProfileFactory(shop=shop)

    response = client.get(LIST)

    assert "more than 2 customers" in text_of(response)


def test_the_list_costs_the_same_for_one_customer_and_for_many(
    client, support, shop, assert_flat_queries
):
    def add():
        order_counted(ProfileFactory(shop=shop, phone=None), shop)

    assert_flat_queries(lambda: client.get(LIST), add_rows=add, budget=16)
    assert_flat_queries(lambda: client.get(LIST, {"q": "durand"}), add_rows=add, budget=17)


# --- The page and its panel -----------------------------------------------------------------------


def test_the_page_says_who_the_customer_is(client, support, shop):
    profile = ProfileFactory(
        first_name="Zoé",
        last_name="Martin",
        email="zoe@example.org",
        phone="+33639981234",
        customer_id="C-77",
        shop=shop,
    )
    Identifier.objects.filter(kind="email").update(is_verified=True)
    note_wish(profile.pk, shop_id=shop.pk, accepts_marketing=True, source="order", at=MET_AT)
    order_counted(profile, shop, revenue="40.00")
    order_counted(profile, shop, revenue="60.00")

    page = text_of(client.get(page_of(profile)))

    for shown in ("Zoé Martin", "zoe@example.org", "+33 6 39 98 12 34", "C-77", "Verified"):
        assert shown in page
    for shown in ("Lyon, France", "French (France)", "€100.00", "€50.00", "Accepts marketing"):
        assert shown in page


def test_a_customer_without_a_name_orders_or_contact_still_has_a_page(client, support, shop):
    profile = ProfileFactory(first_name="", last_name="", email=None, locale="", city="", shop=shop)

    page = text_of(client.get(page_of(profile)))

    assert f"#{profile.pk}" in page
    assert "Nothing known yet" in page


def test_another_shops_customer_and_nobody_are_not_found(client, support):
    stranger = ProfileFactory()

    for address in (page_of(stranger), "/customers/2000000000/", f"/customers/{2**70}/"):
        assert client.get(address).status_code == 404
        assert client.get(f"{address}timeline/").status_code == 404
        assert client.get(f"{address}edit/").status_code == 404


def test_other_shops_customer_ids_stay_out_of_the_page(client, support, shop):
    profile, elsewhere = ProfileFactory(shop=shop), ShopFactory()
    ProfileShop.objects.create(profile=profile, shop=elsewhere, since=MET_AT)
    Identifier.objects.create(
        profile=profile, kind="customer_id", value="SECRET-9", shop=elsewhere, source="test",
        first_seen_at=MET_AT, last_seen_at=MET_AT,
    )  # fmt: skip

    assert "SECRET-9" not in text_of(client.get(page_of(profile)))


def test_htmx_gets_the_panel_or_the_body(client, support, shop):
    profile = ProfileFactory(shop=shop)

    whole = text_of(client.get(page_of(profile)))
    panel = client.get(page_of(profile), headers=PANEL)
    body = text_of(client.get(page_of(profile), headers=BODY))

    assert "<html" in whole
    assert "<html" not in text_of(panel) + body
    assert "ec-panel-head" in text_of(panel)
    assert "ec-panel-head" not in body
    assert "HX-Target" in panel["Vary"]


def test_a_possible_double_is_pointed_at_when_the_agent_may_see_it(client, support, shop):
    profile, twin = ProfileFactory(shop=shop), ProfileFactory(first_name="Twin", shop=shop)
    hidden = ProfileFactory(first_name="Hidden", shop=ShopFactory())
    for other in (twin, hidden):
        DuplicatePair.objects.create(
            low=profile, high=other, score=80, reasons=["same_email"], found_at=MET_AT
        )

    page = text_of(client.get(page_of(profile)))

    assert page_of(twin) in page
    assert "Hidden" not in page


def test_a_contributed_panel_is_shown_to_those_who_may_see_it(client, support, shop, registered):
    profile = ProfileFactory(shop=shop)
    for key, permission, content in (
        ("shown", permissions.VIEW, {"content": {"customers": []}}),
        ("forbidden", "company.manage_settings", {"content": {"customers": []}}),
        ("empty", permissions.VIEW, {}),
    ):
        registered(
            Panel(
                key=f"tests.{key}",
                title=f"Panel {key}",
                template="profiles/_home.html",
                permission=permission,
                load=lambda profile_id, agent, content=content: content,
            )
        )

    page = text_of(client.get(page_of(profile)))

    assert "Panel shown" in page
    assert "Panel forbidden" not in page
    assert "Panel empty" not in page


def test_the_page_costs_the_same_however_much_happened(
    client, support, shop, registered, assert_flat_queries
):
    profile = ProfileFactory(shop=shop)
    registered(things())

    assert_flat_queries(
        lambda: client.get(page_of(profile)), add_rows=lambda: fact(profile, shop), budget=39
    )


# --- The timeline ---------------------------------------------------------------------------------


def test_the_timeline_is_read_page_by_page_without_gaps_and_doubles(
    client, support, shop, registered
):
    registered(things())
    profile = ProfileFactory(shop=shop)
    # Facts of one moment share a page border: the id decides among them.
    for number in range(70):
        fact(profile, shop, at=PLACED_AT + timedelta(hours=number // 25))

    seen, address = [], page_of(profile)
    while address:
        text = text_of(client.get(address))
        seen += re.findall(r"Thing (\d+)", text)
        more = re.search(r'hx-get="(/customers/\d+/timeline/[^"]+)"', text)
        address = more.group(1).replace("&amp;", "&") if more else ""

    assert [int(pk) for pk in seen] == sorted((int(pk) for pk in seen), reverse=True)
    assert len(seen) == len(set(seen)) == 70


def test_without_scripts_earlier_facts_are_a_page_of_their_own(client, support, shop, registered):
    registered(things())
    profile = ProfileFactory(shop=shop)
    for _ in range(31):
        fact(profile, shop)

    first = text_of(client.get(page_of(profile)))
    href = re.search(r'href="(/customers/\d+/\?before=[^"]+)"', first).group(1)
    second = text_of(client.get(href))

    assert second.count("Thing ") == 1
    assert "Back to the latest" in second


def test_a_live_refresh_keeps_as_many_facts_as_were_shown(client, support, shop, registered):
    registered(things())
    profile = ProfileFactory(shop=shop)
    for _ in range(50):
        fact(profile, shop)

    refreshed = client.get(page_of(profile), {"shown": "45"}, headers=BODY)

    assert text_of(refreshed).count("Thing ") == 45
    assert text_of(client.get(page_of(profile), {"shown": "x"})).count("Thing ") == 30


def test_the_day_is_named_once_across_two_pages(client, support, shop, registered):
    registered(things())
    profile = ProfileFactory(shop=shop)
    for _ in range(31):
        fact(profile, shop)

    first = text_of(client.get(page_of(profile)))
    address = re.search(r'hx-get="(/customers/\d+/timeline/[^"]+)"', first).group(1)
    second = text_of(client.get(address.replace("&amp;", "&")))

    assert first.count("ec-timeline-day") == 1
    assert second.count("ec-timeline-day") == 0


def test_the_timeline_is_filtered_by_kind(client, support, shop, registered):
    registered(things())
    profile = ProfileFactory(shop=shop)
    fact(profile, shop)
    outbox_record(profile, shop)

    everything = text_of(client.get(page_of(profile)))
    only_things = text_of(client.get(page_of(profile), {"kind": "things"}))
    nonsense = text_of(client.get(page_of(profile), {"kind": "nonsense"}))

    assert "Thing " in everything
    assert "First contact" in everything
    assert "First contact" not in only_things
    assert "First contact" in nonsense


def test_facts_of_other_shops_stay_out(client, support, shop, registered):
    registered(things())
    profile = ProfileFactory(shop=shop)
    fact(profile, ShopFactory())
    fact(profile, None)

    assert text_of(client.get(page_of(profile))).count("Thing ") == 1


def test_facts_whose_permission_the_agent_lacks_stay_out(client, support, shop, registered):
    registered(things(permission="company.manage_settings"))
    profile = ProfileFactory(shop=shop)
    fact(profile, shop)

    page = text_of(client.get(page_of(profile)))

    assert "Thing " not in page
    assert "Things" not in page


def test_facts_left_out_by_their_renderer_do_not_end_the_timeline(
    client, support, shop, registered
):
    registered(things(render=lambda records: {}))
    registered(things(event_name="tests.other-happened", render=numbered))
    profile = ProfileFactory(shop=shop)
    fact(profile, shop, name="tests.other-happened", at=PLACED_AT)
    for _ in range(40):
        fact(profile, shop, at=PLACED_AT + timedelta(hours=1))

    assert text_of(client.get(page_of(profile))).count("Thing ") == 1


@pytest.mark.parametrize(
    "cursor", ["x", "1_", "_1", "9" * 30 + "_1", "999999999999999999_1", "-1_2"]
)
def test_a_broken_cursor_is_as_if_it_were_absent(client, support, shop, cursor):
    profile = ProfileFactory(shop=shop)
    outbox_record(profile, shop)

    page = text_of(client.get(page_of(profile), {"before": cursor}))

    assert "First contact" in page


def test_the_first_contact_and_corrections_read_well(client, support, shop):
    resolution = services.resolve(
        Identity(email="zoe@example.org"), shop_id=shop.pk, source="order", at=MET_AT
    )
    services.change_profile(
        resolution.profile_id, first_name="Zoé", last_name="", locale="fr-FR", by=support
    )
    services.change_profile(
        resolution.profile_id, first_name="Zoë", last_name="", locale="fr-FR", by=None
    )

    page = text_of(client.get(f"/customers/{resolution.profile_id}/"))

    assert "First contact with Maison Alba FR" in page
    assert "with an order" in page
    assert "Claire Dubois corrected the details" in page
    assert "The details were corrected" in page


# --- Correcting a customer ------------------------------------------------------------------------


def edit_of(profile: Profile) -> str:
    return reverse("profiles:profile-edit", args=[profile.pk])


def test_an_agent_corrects_name_and_language(client, support, shop):
    profile = ProfileFactory(first_name="Zoe", last_name="Martn", shop=shop)
    given = {"first_name": " Zoé ", "last_name": "Martin", "locale": "en-FR"}

    response = client.post(edit_of(profile), given)

    profile.refresh_from_db()
    assert response.url == page_of(profile)
    assert (profile.full_name, profile.locale) == ("Zoé Martin", "en-FR")
    assert names_in(client.get(LIST, {"q": "zoe martin"})) == ["Zoé Martin"]
    entry = AuditEntry.objects.get(action="profiles.profile-changed")
    assert entry.changes == {"fields": ["first_name", "last_name", "locale"]}
    assert (entry.actor_id, entry.shop_id) == (support.pk, shop.pk)
    record = EventRecord.objects.get(name=ProfileChanged.name)
    assert record.payload == {"profile_id": profile.pk, "agent_id": support.pk}


def test_saving_without_a_change_changes_nothing(client, support, shop):
    profile = ProfileFactory(shop=shop)
    same = {"first_name": "Ana", "last_name": profile.last_name, "locale": "fr-FR"}

    client.post(edit_of(profile), same)

    assert not EventRecord.objects.filter(name=ProfileChanged.name).exists()
    assert not AuditEntry.objects.filter(action="profiles.profile-changed").exists()


@pytest.mark.parametrize(
    "wrong", [{"first_name": "x" * 121}, {"locale": "klingon"}, {"locale": "de-DE"}]
)
def test_a_wrong_entry_comes_back_with_the_rest_kept(client, support, shop, wrong):
    profile = ProfileFactory(shop=shop)
    given = {"first_name": "Other", "last_name": "Name", "locale": "fr-FR"} | wrong

    response = client.post(edit_of(profile), given)

    assert response.status_code == 422
    assert 'value="Name"' in text_of(response)
    profile.refresh_from_db()
    assert profile.first_name == "Ana"


def test_who_may_only_look_finds_no_edit_button_and_no_form(client, viewer, shop):
    profile = ProfileFactory(shop=shop)

    assert edit_of(profile) not in text_of(client.get(page_of(profile)))
    assert client.get(edit_of(profile)).status_code == 403
    assert client.post(edit_of(profile), {"first_name": "X"}).status_code == 403


def test_who_may_change_elsewhere_only_finds_no_form(client, viewer, shop):
    services_shop = ShopFactory()
    AgentFactory(role="support", shop=services_shop)
    from company import services as company

    company.grant_role(viewer.pk, role_key="support", shop_id=services_shop.pk, by=None)
    profile = ProfileFactory(shop=shop)

    assert client.get(page_of(profile)).status_code == 200
    assert client.post(edit_of(profile), {"first_name": "X"}).status_code == 404


def test_the_service_refuses_an_agent_of_another_shop():
    profile = ProfileFactory()
    stranger = AgentFactory(role="support", shop=ShopFactory())

    with pytest.raises(services.NotYourCustomer):
        services.change_profile(profile.pk, first_name="X", last_name="", locale="", by=stranger)

    profile.refresh_from_db()
    assert profile.first_name == "Ana"


@pytest.mark.parametrize(
    ("field", "value"), [("first_name", "x" * 121), ("last_name", "x" * 121), ("locale", "??")]
)
def test_the_service_refuses_unusable_details(field, value):
    profile = ProfileFactory()
    given = {"first_name": "A", "last_name": "B", "locale": ""} | {field: value}

    with pytest.raises(services.UnusableDetails) as refusal:
        services.change_profile(profile.pk, **given, by=None)

    assert set(refusal.value.fields) == {field}


# --- Contributions --------------------------------------------------------------------------------


def test_the_palette_finds_customers_of_the_agents_shops(support, shop):
    mine = ProfileFactory(first_name="Zoé", email="zoe@example.org", shop=shop)
    ProfileFactory(first_name="Zoé", shop=ShopFactory())
    order_counted(mine, shop)

    hits = contributions.search(support, "zoé")

    assert [hit.url for hit in hits] == [page_of(mine)]
    assert hits[0].subtitle == "zoe@example.org · Lyon · 1 order"


def test_home_tells_who_was_met_since_yesterday(client, support, shop):
    ProfileFactory(first_name="Old", shop=shop)
    new = ProfileFactory(
        first_name="New", shop=shop, first_seen_at=now() - timedelta(hours=3), last_seen_at=now()
    )

    content = contributions.new_customers(support)

    assert [card.id for card in content["customers"]] == [new.pk]
    assert content["count"] == 1
    assert page_of(new) in text_of(client.get("/"))
    assert len(names_in(client.get(content["url"]))) == 1


def test_home_says_nothing_when_nobody_new_came(support, shop):
    ProfileFactory(shop=shop)

    assert contributions.new_customers(support) == {}


def test_topics_may_be_followed_in_the_agents_shops_only(support, shop):
    mine, other = ProfileFactory(shop=shop), ProfileFactory()

    assert permissions.may_follow_profile(support, f"profile:{mine.pk}")
    assert not permissions.may_follow_profile(support, f"profile:{other.pk}")
    assert not permissions.may_follow_profile(support, "profile:x")
    assert not permissions.may_follow_profile(support, f"profile:{'9' * 30}")
    assert permissions.may_follow_shop(support, f"profiles:shop:{shop.pk}")
    assert not permissions.may_follow_shop(support, f"profiles:shop:{other.shops.get().shop_id}")


def test_codes_are_said_in_the_readers_language(settings):
    from django.utils import translation

    with translation.override("fr"):
        assert words.country("CH") == "Suisse"
        assert words.language("de-CH") == "Allemand (Suisse)"
        assert words.place("Genève", "CH") == "Genève, Suisse"
    assert words.language("xx-weird-") == "xx-weird-"
    assert words.language("") == ""
    assert words.place("", "") == ""
    assert words.telephone("+41446681800") == "+41 44 668 18 00"
    assert words.telephone("nonsense") == "nonsense"


def outbox_record(profile: Profile, shop) -> None:
    outbox.publish(ProfileCreated(profile_id=profile.pk, shop_id=shop.pk, source="api"), at=MET_AT)
