import json

import pytest
from django.http import HttpResponse
from django.urls import reverse

from backoffice import extensions, queries
from backoffice.models import Notification, SavedView
from company.models import Agent
from tests.backoffice.factories import NotificationFactory, ParkedDeliveryFactory, SavedViewFactory
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db

OUTSIDE = ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""]


@pytest.fixture
def owner(client):
    agent = AgentFactory(owner=True, name="Claire Dubois")
    client.force_login(agent)
    return agent


@pytest.fixture
def viewer(client):
    agent = AgentFactory(role="viewer", shop=ShopFactory())
    client.force_login(agent)
    return agent


@pytest.fixture
def registered():
    """Adds an entry to a registry for one test."""
    added = []

    def register(registry, entry):
        registry.register(entry)
        added.append((registry, entry.key))

    yield register
    for registry, key in added:
        del registry._entries[key]


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


def test_a_stranger_is_sent_to_the_door(client):
    response = client.get("/")

    assert response.status_code == 302
    assert response.url.startswith("/login/")


def test_home_greets_by_first_name(client, owner):
    assert ", Claire" in text_of(client.get("/"))


def test_home_without_work_shows_what_to_set_up(client, owner, monkeypatch):
    monkeypatch.setattr(extensions.home, "_entries", {})

    page = text_of(client.get("/"))

    assert "Nothing waits for you" in page
    assert reverse("company:shop-list") in page


def test_home_leaves_out_cards_without_permission_and_cards_without_content(
    client, viewer, registered
):
    template = "components/mark.html"
    cards = {
        "mine": ("orders.view_order", {"count": 3, "url": "/orders/"}),
        "forbidden": ("company.operate", {"count": 7}),
        "quiet": (None, {}),
    }
    for key, (permission, content) in cards.items():
        card = extensions.HomeCard(
            key=key, title=f"Card {key}", template=template, permission=permission,
            load=lambda agent, content=content: content,
        )  # fmt: skip
        registered(extensions.home, card)

    page = text_of(client.get("/"))

    assert "Card mine" in page
    assert "Card forbidden" not in page
    assert "Card quiet" not in page


def test_the_rail_shows_only_rooms_the_agent_may_enter(client, viewer, registered):
    for key, permission in {"open": None, "closed": "company.manage_agents"}.items():
        item = extensions.NavItem(
            key=key, label=f"Room {key}", url_name="backoffice:settings", icon="home",
            permission=permission, counter=lambda agent: 4,
        )  # fmt: skip
        registered(extensions.navigation, item)

    page = text_of(client.get("/"))

    assert "Room open" in page
    assert "Room closed" not in page


def test_the_rail_can_be_asked_again_for_its_counters(client, owner):
    on = "http://testserver/settings/agents/?page=2"
    headers = {"HX-Request": "true", "HX-Target": "rail-list", "HX-Current-URL": on}

    page = text_of(client.get("/rail/", headers=headers))

    assert "<html" not in page
    assert 'aria-current="page"' in page.split("/settings/")[1][:200]


def test_search_asks_the_sources_the_agent_may_use(client, viewer, registered):
    found = [
        extensions.Hit(title="Camille Roux", subtitle="Lyon", url="/customers/1/", icon="user")
    ]
    for key, permission in {"allowed": "orders.view_order", "denied": "company.operate"}.items():
        source = extensions.SearchSource(
            key=key, label=f"Source {key}", permission=permission, search=lambda agent, text: found
        )
        registered(extensions.search, source)

    page = text_of(client.get("/search/?q=roux"))

    assert "Camille Roux" in page
    assert "Source denied" not in page


def test_search_finds_pages_by_any_part_of_their_name(client, owner):
    headers = {"HX-Request": "true", "HX-Target": "palette-results"}

    page = text_of(client.get("/search/?q=deliv park", headers=headers))

    assert reverse("backoffice:deliveries") in page
    assert "<html" not in page


def test_search_with_nothing_found_says_what_to_try(client, owner):
    assert "Nothing found" in text_of(client.get("/search/?q=zzzzzz"))


def test_search_text_is_shown_as_text(client, owner):
    page = text_of(client.get("/search/", {"q": "<script>alert(1)</script>"}))

    assert "<script>alert(1)" not in page


def test_choosing_a_shop_narrows_every_list(client, owner, rf):
    mine, other = ShopFactory(), ShopFactory()

    client.post("/shop/", {"shop": mine.pk, "next": "/settings/"})

    request = rf.get("/")
    request.user, request.session = Agent.objects.get(pk=owner.pk), client.session
    assert queries.selected_shop_ids(request, "orders.view_order") == {mine.pk}
    client.post("/shop/", {"shop": ""})
    request.session = client.session
    assert queries.selected_shop_ids(request, "orders.view_order") == {mine.pk, other.pk}


def test_a_shop_out_of_reach_cannot_be_chosen(client, viewer, rf):
    stranger = ShopFactory()

    client.post("/shop/", {"shop": stranger.pk})

    request = rf.get("/")
    request.user, request.session = Agent.objects.get(pk=viewer.pk), client.session
    assert stranger.pk not in queries.selected_shop_ids(request, "orders.view_order")
    assert queries.selected_shop(request) is None


def test_theme_and_language_follow_the_agent(client, owner):
    client.post("/preferences/", {"theme": "dark", "next": "/settings/"})
    client.post("/preferences/", {"language": "fr"})

    owner.refresh_from_db()
    assert (owner.theme, owner.language) == ("dark", "fr")
    page = text_of(client.get("/"))
    assert 'lang="fr"' in page
    assert 'data-ecrm-theme="dark"' in page


@pytest.mark.parametrize("target", OUTSIDE)
def test_a_form_never_sends_the_agent_out_of_the_house(client, owner, target):
    assert client.post("/preferences/", {"theme": "dark", "next": target}).url == "/"


def test_an_unknown_theme_changes_nothing(client, owner):
    client.post("/preferences/", {"theme": "neon"})

    owner.refresh_from_db()
    assert owner.theme == "auto"


def test_away_and_back(client, owner):
    client.post("/presence/", {"away": "1"})
    assert queries.presence([owner.pk])[owner.pk].is_away

    client.post("/presence/", {"away": ""})
    assert not queries.presence([owner.pk])[owner.pk].is_away


def test_opening_a_notification_reads_it_and_goes_there(client, owner):
    notification = NotificationFactory(agent=owner, url="/settings/deliveries/")

    response = client.post(f"/notifications/{notification.pk}/open/")

    assert response.url == "/settings/deliveries/"
    notification.refresh_from_db()
    assert not notification.is_unread


def test_looking_at_notifications_reads_none(client, owner):
    NotificationFactory(agent=owner)

    client.get("/notifications/")

    assert queries.unread_count(owner.pk) == 1


def test_a_colleagues_notification_is_not_found(client, owner):
    foreign = NotificationFactory(agent=AgentFactory())

    assert client.post(f"/notifications/{foreign.pk}/open/").status_code == 404
    assert Notification.objects.get(pk=foreign.pk).is_unread


def test_all_notifications_are_read_at_once(client, owner):
    NotificationFactory.create_batch(3, agent=owner)

    client.post("/notifications/read/")

    assert queries.unread_count(owner.pk) == 0


def test_the_notification_list_costs_the_same_for_one_and_for_many(
    client, owner, assert_flat_queries
):
    assert_flat_queries(
        lambda: client.get("/notifications/"),
        add_rows=lambda: NotificationFactory(agent=owner),
        budget=8,
    )


def test_saving_a_view_leads_back_to_it(client, owner):
    response = client.post(
        "/views/", {"name": "Late", "list_path": "/orders/", "query": "state=paid"}
    )

    assert response.url == "/orders/?state=paid"


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "//elsewhere.example/", "orders/"])
def test_a_view_of_another_site_is_not_saved(client, owner, path):
    client.post("/views/", {"name": "Late", "list_path": path})

    assert not SavedView.objects.exists()


def test_a_view_is_deleted_by_its_owner_only(client, owner):
    mine, foreign = SavedViewFactory(agent=owner), SavedViewFactory(agent=AgentFactory())

    assert client.post(f"/views/{mine.pk}/delete/").status_code == 302
    assert client.post(f"/views/{foreign.pk}/delete/").status_code == 404
    assert list(SavedView.objects.all()) == [foreign]


def test_settings_list_what_the_agent_may_change(client, viewer):
    page = text_of(client.get("/settings/"))

    assert reverse("company:account") in page
    assert reverse("backoffice:deliveries") not in page


def test_parked_deliveries_are_for_operators(client, viewer):
    parked = ParkedDeliveryFactory()

    assert client.get("/settings/deliveries/").status_code == 403
    assert client.get(f"/settings/deliveries/{parked.pk}/").status_code == 403
    assert client.post("/settings/deliveries/retry/", {"ids": parked.pk}).status_code == 403
    parked.refresh_from_db()
    assert parked.state == "parked"


def test_an_operator_sees_what_failed_and_the_ids_it_carries(client, owner):
    parked = ParkedDeliveryFactory()

    row = text_of(client.get("/settings/deliveries/"))
    panel = text_of(
        client.get(f"/settings/deliveries/{parked.pk}/", headers={"HX-Target": "panel"})
    )

    assert "ConnectionError: refused" in row
    assert "notification_id" in panel
    assert "<html" not in panel


def test_retrying_answers_with_a_toast_and_renews_the_list(client, owner):
    parked = ParkedDeliveryFactory.create_batch(2)

    response = client.post("/settings/deliveries/retry/", {"ids": [row.pk for row in parked]})

    trigger = json.loads(response.headers["HX-Trigger"])
    assert response.status_code == 204
    assert trigger["ecrm:toast"]["text"].startswith("2 ")
    assert "ecrm:changed" in trigger


def test_nonsense_ids_are_ignored(client, owner):
    assert client.post("/settings/deliveries/discard/", {"ids": ["x", "-1"]}).status_code == 204


def test_the_list_of_parked_deliveries_stays_cheap(client, owner, assert_flat_queries):
    assert_flat_queries(
        lambda: client.get("/settings/deliveries/"), add_rows=ParkedDeliveryFactory, budget=8
    )


def test_the_component_page_exists_only_where_the_product_is_tried_out(client, owner, settings):
    settings.ECRM_DEMO = True
    assert client.get("/design/").status_code == 200

    settings.ECRM_DEMO = False
    assert client.get("/design/").status_code == 404


def test_the_frame_costs_few_queries(client, owner, count_queries):
    client.get("/shortcuts/")

    assert count_queries(lambda: client.get("/shortcuts/")) <= 12
