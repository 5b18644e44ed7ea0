"""The frame around every page is drawn once for all who see the same: it must never be out of date."""

from __future__ import annotations

import pytest
from django.template.loader import get_template
from django.test import Client
from django.utils.safestring import SafeString

from backoffice import services as frame
from company import queries, services
from company.models import Grant
from company.services import agents, logos, shops
from ecrm.kernel import drawing
from tests.backoffice.factories import NotificationFactory
from tests.company.factories import AgentFactory, ShopFactory, picture

pytestmark = pytest.mark.django_db

PAGE = "/settings/"


@pytest.fixture
def shop():
    ShopFactory(name="Maison Soleil")
    return ShopFactory(name="Maison Lune", accent_color="#14555f")


@pytest.fixture
def agent(shop):
    AgentFactory(owner=True)
    return AgentFactory(role="manager", name="Claire Dubois")


@pytest.fixture
def look(client: Client, agent):
    """Opens a page; the frame around it was drawn before."""
    client.force_login(agent)
    client.get(PAGE)

    def look() -> str:
        return client.get(PAGE).content.decode()

    return look


def test_a_permission_given_or_taken_shows_on_the_next_page(look, agent):
    grant = Grant.objects.get(agent_id=agent.pk)
    assert 'data-ecrm-go="inbox"' in look()

    services.revoke_grant(grant.pk, by=None)
    assert 'data-ecrm-go="inbox"' not in look()

    services.grant_role(agent.pk, role_key="support", shop_id=None, by=None)
    assert 'data-ecrm-go="inbox"' in look()


def test_a_permission_taken_from_a_role_shows_on_the_next_page(look, agent):
    role = Grant.objects.get(agent_id=agent.pk).role
    role.withheld = ["orders.view_order"]
    role.save()

    assert 'data-ecrm-go="orders"' not in look()
    assert 'data-ecrm-go="inbox"' in look()


def test_a_new_name_shows_on_the_next_page(look, agent):
    agent.name = "Claire Martin"
    agent.save()

    assert "Claire Martin" in look()
    assert "Claire Dubois" not in look()


def test_another_theme_shows_on_the_next_page(look, agent):
    agents.set_preferences(agent.pk, theme="dark")

    assert 'value="dark" title="Dark" aria-label="Dark" aria-pressed="true"' in look()
    assert 'value="auto" title="Like my device" aria-label="Like my device">' in look()


def test_another_language_shows_on_the_next_page(look, agent):
    agents.set_preferences(agent.pk, language="fr")

    text = look()
    assert "Se déconnecter" in text
    assert "Sign out" not in text
    assert 'id="shortcuts-title">Raccourcis clavier<' in text


def test_a_shop_that_changes_shows_on_the_next_page(look, shop):
    shops.change_shop(shop.pk, changes={"name": "Maison Étoile"}, by=None)
    assert "Maison Étoile" in look()
    assert "Maison Lune" not in look()

    logo = logos.set_logo(shop.pk, data=picture(), by=None)
    assert f"/logos/{logo.pk}/" in look()

    logos.remove_logo(shop.pk, by=None)
    assert f"/logos/{logo.pk}/" not in look()


def test_the_chosen_shop_shows_on_the_next_page(client, look, shop):
    client.post("/shop/", {"shop": shop.pk})

    switch = look().split('class="ec-shopswitch"')[1].split("</summary>")[0]
    assert "Maison Lune" in switch


def test_marks_and_counters_show_on_the_next_page(look, agent):
    frame.set_away(agent.pk, is_away=True)
    NotificationFactory(agent=agent)

    text = look()

    assert "I am back" in text
    assert 'hx-swap="outerHTML">1</span>' in text


def test_agents_who_share_their_drawings_see_their_own_names_only(client, agent, look):
    other = AgentFactory(role="manager", name="Jonas Weber")
    client.force_login(other)

    text = client.get(PAGE).content.decode()

    assert "Jonas Weber" in text
    assert "Claire Dubois" not in text


def test_every_page_has_a_token_of_its_own_and_none_is_drawn_into_the_menus(client, look):
    first, second = look(), look()

    def token_of(text: str) -> str:
        return text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]

    assert token_of(first) != token_of(second)
    assert first.count("csrfmiddlewaretoken") == len(("frame-form", "logout-form"))


def test_the_frame_costs_six_statements(client, look, count_queries):
    """The session, the agent, his grants, the shops, his marks, and those who wait for him."""
    assert count_queries(lambda: client.get(PAGE)) == 6


def test_a_fragment_pays_for_no_frame(client, look, count_queries):
    headers = {"HX-Request": "true", "HX-Target": "palette-results"}

    assert count_queries(lambda: client.get("/search/", headers=headers)) == 3


# --- Drawing --------------------------------------------------------------------------------------


def test_what_is_drawn_alike_is_drawn_once(monkeypatch):
    drawing._drawn.cache_clear()
    for _time in range(3):
        drawing.drawn("components/stat.html", label="Orders", figure="3", note="")
    drawing.drawn("components/stat.html", label="Orders", figure="4", note="")

    assert drawing._drawn.cache_info().misses == 2


def test_text_is_escaped_and_markup_refused():
    values = {"label": "<b>", "figure": "3", "note": ""}

    assert "&lt;b&gt;" in drawing.drawn("components/stat.html", **values)
    with pytest.raises(TypeError, match="markup"):
        drawing.drawn("components/stat.html", **values | {"figure": SafeString("<i>")})


TOOLS = {
    "columns": (),
    "list_path": "/orders/",
    "address": "/orders/",
    "export_url": "/orders/csv/",
}


def test_forms_are_drawn_once_and_get_the_token_of_each_request():
    drawing._drawn.cache_clear()

    first, second = (
        drawing.drawn_form("components/list_tools.html", csrf_token=token, **TOOLS)
        for token in ("first", 'second"')
    )

    assert 'name="csrfmiddlewaretoken" value="first"' in first
    assert 'name="csrfmiddlewaretoken" value="second&quot;"' in second
    assert drawing._TOKEN not in first + second
    assert drawing._drawn.cache_info().misses == 1


def test_rows_are_filled_and_escaped_unless_they_are_markup():
    rows = [{"name": "Ana & Co", "cells": SafeString("<td>1</td>")}, {"name": 7, "cells": "<td>"}]

    filled = drawing.filled("<b>{name}</b>{cells}", rows)

    assert filled == "<b>Ana &amp; Co</b><td>1</td>\n<b>7</b>&lt;td&gt;"
    assert isinstance(filled, SafeString)


def test_rooms_and_menus_get_their_values_only():
    """Nothing but its values may reach a drawing; a context processor would be such a thing."""
    for name in ("_rail", "_topbar", "_sheets", "_agent_menu"):
        source = get_template(f"backoffice/{name}.html").template.source
        assert not {"frame.", "request", "csrf_token", "user."} & set(_words(source))


def _words(source: str) -> set[str]:
    inside = [part.split("}}")[0] for part in source.split("{{")[1:]]
    return {
        start
        for part in inside
        for start in ("frame.", "request", "csrf_token", "user.")
        if part.strip().startswith(start)
    }


def test_grants_are_read_afresh_for_every_request(agent):
    assert queries.held_permissions(agent)
    Grant.objects.all().delete()

    assert not queries.held_permissions(agent)
