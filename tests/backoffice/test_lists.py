"""What lists remember for an agent: saved views, columns, and who took their rows along."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from backoffice import queries, rules, services
from backoffice.models import ChosenColumns
from backoffice.types import Column
from company.models import AuditEntry
from tests.backoffice.factories import SavedViewFactory
from tests.company.factories import AgentFactory

pytestmark = pytest.mark.django_db

ORDERS = "/orders/"


def column(key: str, *, is_usual: bool = True) -> Column[str]:
    return Column(
        key=key, label=key, show=lambda row, _reader: str(row), value=str, is_usual=is_usual
    )


OFFERED = [column("status"), column("tax", is_usual=False), column("placed")]


@pytest.fixture
def agent(client):
    agent = AgentFactory(owner=True)
    client.force_login(agent)
    return agent


def request_of(agent, address=ORDERS):
    request = RequestFactory().get(address)
    request.user = agent
    return request


def shown_to(agent) -> list[str]:
    return [column.key for column in queries.columns_of(agent.pk, ORDERS, OFFERED)]


def saved(agent, query, list_path=ORDERS):
    return queries.saved_views(request_of(agent), list_path=list_path, query=query)


# --- Saved views ----------------------------------------------------------------------------------


def test_filters_are_the_same_in_any_order_and_on_any_page():
    assert rules.filters_in("a=1&b=2&page=3&open=7&cursor=x") == rules.filters_in("b=2&a=1")


def test_the_saved_view_in_force_is_marked(agent):
    SavedViewFactory(agent=agent, name="Paid", query="status=paid&shop=1")
    SavedViewFactory(agent=agent, name="Late", query="late=1")

    found = saved(agent, "shop=1&status=paid&page=2")

    assert {view.name: view.is_current for view in found.views} == {"Paid": True, "Late": False}
    assert not found.is_new


def test_filters_without_a_name_can_be_saved_without_page_and_panel(agent):
    found = saved(agent, "status=paid&page=2&open=7")

    assert found.is_new
    assert found.query == "status=paid"


def test_there_is_nothing_to_save_without_filters(agent):
    assert not saved(agent, "page=2").is_new


def test_views_of_other_lists_and_other_agents_stay_out(agent):
    SavedViewFactory(agent=agent, list_path="/customers/")
    SavedViewFactory(agent=AgentFactory())

    assert saved(agent, "").views == []


# --- Columns --------------------------------------------------------------------------------------


def test_a_list_shows_its_usual_columns_first(agent):
    assert shown_to(agent) == ["status", "placed"]


def test_an_agent_chooses_his_columns_and_the_list_keeps_their_order(client, agent):
    response = client.post(
        "/columns/",
        {"list_path": ORDERS, "columns": ["tax", "status"], "next": "/orders/?status=paid"},
    )

    assert response.url == "/orders/?status=paid"
    assert shown_to(agent) == ["status", "tax"]
    assert shown_to(AgentFactory()) == ["status", "placed"]


def test_an_agent_may_hide_every_column(client, agent):
    client.post("/columns/", {"list_path": ORDERS})

    assert shown_to(agent) == []


def test_the_usual_columns_come_back(client, agent):
    services.choose_columns(ORDERS, keys=["tax"], by=agent)

    client.post("/columns/", {"list_path": ORDERS, "columns": ["tax"], "usual": "1"})

    assert shown_to(agent) == ["status", "placed"]


def test_columns_that_are_gone_are_ignored(agent):
    services.choose_columns(ORDERS, keys=["gone", "tax"], by=agent)

    assert shown_to(agent) == ["tax"]


@pytest.mark.parametrize(
    "values",
    [
        {"list_path": "//elsewhere.example/", "columns": ["tax"]},
        {"list_path": ORDERS, "columns": ["<b>"]},
        {"list_path": ORDERS, "columns": ["x" * 41]},
        {"columns": ["tax"]},
    ],
)
def test_what_is_no_choice_of_columns_is_not_kept(client, agent, values):
    response = client.post("/columns/", values | {"next": "//elsewhere.example/"})

    assert response.url == "/"
    assert not ChosenColumns.objects.exists()


def test_columns_are_not_chosen_by_a_link(client, agent):
    assert client.get("/columns/", {"list_path": ORDERS, "columns": "tax"}).status_code == 405


def test_the_tools_of_a_list_say_what_is_shown_and_keep_the_filters(agent):
    request = request_of(agent, "/orders/?status=paid&page=3")
    services.choose_columns(ORDERS, keys=["status"], by=agent)

    tools = queries.list_tools(request, offered=OFFERED, export_url="/orders/export/")

    assert [column.key for column in tools.shown] == ["status"]
    assert [(choice.key, choice.is_shown) for choice in tools.columns] == [
        ("status", True),
        ("tax", False),
        ("placed", False),
    ]
    assert tools.address == "/orders/?status=paid"
    assert tools.export_url == "/orders/export/?status=paid"
    assert queries.list_tools(request, offered=OFFERED).export_url == ""


# --- Exports --------------------------------------------------------------------------------------


def test_an_export_stands_in_the_audit_log(agent):
    services.record_export(
        ORDERS,
        rows=12,
        filters={"status": "paid"},
        columns=["status"],
        by=agent,
    )

    entry = AuditEntry.objects.get(action="backoffice.list-exported")
    assert (entry.actor_id, entry.target) == (agent.pk, "list:/orders/")
    assert entry.changes == {"rows": 12, "filters": {"status": "paid"}, "columns": "status"}
