"""The settings pages: what they show, what they do, what they refuse."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from company import queries, services
from company.models import Agent, ApiKey, AuditEntry, Invitation, Role, Shop, Team
from company.services import grants, roles, teams
from company.web.sessions import browser_name
from ecrm.kernel.spreadsheets import harmless
from tests.company.factories import AgentFactory, ShopFactory, api_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings) -> None:
    settings.ECRM_REQUIRE_MFA = False


@pytest.fixture
def shop() -> Shop:
    return ShopFactory(name="Maison Lune")


@pytest.fixture
def owner() -> Agent:
    return AgentFactory(owner=True, name="Camille Moreau")


@pytest.fixture
def manager(shop) -> Agent:
    return AgentFactory(role="manager", shop=shop)


def as_(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent)
    return client


def text_of(response) -> str:
    return response.content.decode()


# --- Shops -----------------------------------------------------------------------------------------

NEW_SHOP = {
    "slug": "lune-ch",
    "name": "Lune Schweiz",
    "brand": "Lune",
    "market": "CH",
    "languages": ["de", "fr"],
    "default_language": "de",
    "currency": "CHF",
    "time_zone": "Europe/Zurich",
    "sender_name": "Lune",
    "support_email": "gruezi@lune.example",
    "accent_color": "#B3261E",
    "domains": "shop.lune.example\nlune.example",
}


def test_an_owner_opens_a_shop(owner):
    response = as_(owner).post("/settings/shops/new/", NEW_SHOP)

    assert response["Location"] == "/settings/shops/lune-ch/hours/"
    shop = Shop.objects.get(slug="lune-ch")
    assert (shop.accent_color, shop.domains) == ("#b3261e", ["shop.lune.example", "lune.example"])


def test_a_mistake_keeps_what_was_typed_and_says_where(owner):
    response = as_(owner).post(
        "/settings/shops/new/", NEW_SHOP | {"default_language": "it", "domains": "https://x"}
    )

    page = text_of(response)
    assert response.status_code == 422
    assert "Lune Schweiz" in page
    assert "must be one of the shop" in page
    assert "Write host names" in page
    assert not Shop.objects.exists()


def test_a_manager_changes_his_shop_and_sees_no_other(shop, manager):
    ShopFactory(name="Somebody else")
    client = as_(manager)
    values = {**NEW_SHOP, "name": "Maison Soleil", "is_active": "on"}

    page = text_of(client.get("/settings/shops/"))
    response = client.post(f"/settings/shops/{shop.slug}/", values)

    assert "Somebody else" not in page
    assert response.status_code == 302
    assert queries.shop(shop.pk).name == "Maison Soleil"
    assert Shop.objects.get(pk=shop.pk).slug == shop.slug


def test_hours_as_people_write_them(shop, manager):
    client = as_(manager)
    url = f"/settings/shops/{shop.slug}/hours/"
    days = {f"day{day}": "" for day in range(7)}

    client.post(url, days | {"day0": "9:00 – 12:30; 14:00-18:00", "day4": "18:00-24:00"})
    wrong = client.post(url, days | {"day0": "nine to five"})
    overlapping = client.post(url, days | {"day0": "9:00-12:00, 11:00-13:00"})

    page = text_of(client.get(url))
    assert "09:00-12:30, 14:00-18:00" in page
    assert "18:00-00:00" in page
    assert "Write hours like" in text_of(wrong)
    assert "overlap" in text_of(overlapping)


def test_an_exceptional_day_comes_and_goes(shop, manager):
    client = as_(manager)
    base = f"/settings/shops/{shop.slug}"

    client.post(f"{base}/days/", {"on": "2026-12-25", "name": "Noël", "hours": ""})
    assert "Noël" in text_of(client.get(f"{base}/hours/"))
    wrong = client.post(f"{base}/days/", {"on": "2026-12-26", "name": "x", "hours": "9-1"})
    assert wrong.status_code == 422
    client.post(f"{base}/days/2026-12-25/remove/")

    assert "Noël" not in text_of(client.get(f"{base}/hours/"))
    assert client.post(f"{base}/days/nonsense/remove/").status_code == 404


# --- Agents ----------------------------------------------------------------------------------------


def test_a_manager_sees_the_people_of_his_shop_and_whoever_works_everywhere(shop, manager):
    AgentFactory(name="Here Support", role="support", shop=shop)
    AgentFactory(name="Everywhere Marketing", role="marketing")
    AgentFactory(name="Elsewhere Support", role="support", shop=ShopFactory())
    AgentFactory(name="No Role")

    page = text_of(as_(manager).get("/settings/agents/"))

    assert "Here Support" in page
    assert "Everywhere Marketing" in page
    assert "Elsewhere Support" not in page
    assert "No Role" not in page


def test_colleagues_are_found_by_name_and_state(owner):
    AgentFactory(name="Jonas Keller")
    AgentFactory(name="Inès Lefèvre", is_active=False)
    client = as_(owner)

    found = text_of(client.get("/settings/agents/?q=jonas"))
    disabled = text_of(client.get("/settings/agents/?state=disabled"))
    part = client.get("/settings/agents/?q=nobody", headers={"HX-Target": "agent-rows"})

    assert "Jonas Keller" in found
    assert "Inès" not in found
    assert "Jonas" not in disabled
    assert "<html" not in text_of(part)
    assert "Nobody found" in text_of(part)


def test_the_list_of_agents_costs_the_same_for_one_and_for_many(owner, shop, assert_flat_queries):
    client = as_(owner)

    assert_flat_queries(
        lambda: client.get("/settings/agents/"),
        add_rows=lambda: AgentFactory(role="support", shop=shop),
        budget=13,
    )


def test_inviting_sending_again_and_withdrawing(owner, shop):
    client = as_(owner)
    values = {
        "email": "new@lune.example",
        "name": "",
        "role": "support",
        "shop": shop.pk,
        "language": "fr",
    }

    assert client.post("/settings/agents/invite/", values).status_code == 302
    first = Invitation.objects.get()
    assert "new@lune.example" in text_of(client.get("/settings/agents/"))
    client.post(f"/settings/invitations/{first.pk}/renew/")
    second = Invitation.objects.waiting().get()
    client.post(f"/settings/invitations/{second.pk}/withdraw/")

    assert (first.language, first.shop, second.role.key) == ("fr", shop, "support")
    assert not Invitation.objects.waiting().exists()


def test_a_manager_can_not_even_choose_what_he_may_not_give(shop, manager):
    client = as_(manager)
    page = text_of(client.get("/settings/agents/invite/"))
    values = {"email": "new@lune.example", "language": "en"}

    assert 'value="owner"' not in page
    assert "All shops" not in page
    for forged in (
        {"role": "owner", "shop": shop.pk},
        {"role": "support", "shop": ShopFactory().pk},
        {"role": "support", "shop": ""},
    ):
        assert client.post("/settings/agents/invite/", values | forged).status_code == 422
    assert not Invitation.objects.exists()


def test_roles_are_given_and_taken(owner, shop):
    agent = AgentFactory()
    client = as_(owner)

    client.post(f"/settings/agents/{agent.pk}/grants/", {"role": "support", "shop": shop.pk})
    grant = agent.grants.get()
    assert (grant.role.key, grant.shop, grant.granted_by) == ("support", shop, owner)
    client.post(f"/settings/agents/{agent.pk}/grants/{grant.pk}/revoke/")

    assert not agent.grants.exists()


def test_a_grant_is_taken_only_from_the_agent_it_belongs_to(owner, shop):
    agent = AgentFactory(role="support", shop=shop)
    other = AgentFactory()

    response = as_(owner).post(
        f"/settings/agents/{other.pk}/grants/{agent.grants.get().pk}/revoke/"
    )

    assert response.status_code == 404
    assert agent.grants.exists()


def test_the_last_owner_hears_why_he_stays(owner):
    client = as_(owner)

    client.post(f"/settings/agents/{owner.pk}/grants/{owner.grants.get().pk}/revoke/")

    assert "name another owner first" in text_of(client.get(f"/settings/agents/{owner.pk}/"))
    assert owner.grants.exists()


def test_disabling_and_enabling(owner, shop):
    agent = AgentFactory(role="support", shop=shop)
    client = as_(owner)

    client.post(f"/settings/agents/{agent.pk}/disable/")
    agent.refresh_from_db()
    assert not agent.is_active
    assert "Disabled: this person" in text_of(client.get(f"/settings/agents/{agent.pk}/"))
    client.post(f"/settings/agents/{agent.pk}/enable/")

    agent.refresh_from_db()
    assert agent.is_active


def test_a_manager_who_tries_to_disable_an_owner_hears_why_not(shop, manager, owner):
    AgentFactory(owner=True)
    client = as_(manager)

    client.post(f"/settings/agents/{owner.pk}/disable/")

    owner.refresh_from_db()
    assert owner.is_active
    assert "may do more than you" in text_of(client.get(f"/settings/agents/{owner.pk}/"))


# --- Teams and roles -------------------------------------------------------------------------------


def test_a_team_is_founded_changed_and_dissolved(shop, manager):
    colleague = AgentFactory(role="support", shop=shop)
    client = as_(manager)

    client.post(
        "/settings/teams/new/", {"name": "Returns", "shop": shop.pk, "members": [colleague.pk]}
    )
    team = Team.objects.get()
    assert list(team.members.all()) == [colleague]
    client.post(f"/settings/teams/{team.pk}/", {"name": "Retours", "shop": shop.pk})
    team.refresh_from_db()
    assert (team.name, team.members.count()) == ("Retours", 0)
    client.post(f"/settings/teams/{team.pk}/remove/")

    assert not Team.objects.exists()


def test_a_team_needs_a_name_of_its_own_and_members_one_may_see(shop, manager):
    teams.create_team(name="Returns", shop_id=shop.pk, by=None)
    stranger = AgentFactory(role="support", shop=ShopFactory())
    client = as_(manager)

    taken = client.post("/settings/teams/new/", {"name": "returns", "shop": shop.pk})
    foreign = client.post(
        "/settings/teams/new/", {"name": "Mine", "shop": shop.pk, "members": [stranger.pk]}
    )

    assert (taken.status_code, foreign.status_code) == (422, 422)
    assert Team.objects.count() == 1


def test_members_whom_a_manager_does_not_see_stay_in_the_team(shop, manager):
    stranger = AgentFactory()
    gone = AgentFactory(role="viewer", shop=shop, is_active=False)
    team = teams.create_team(
        name="Returns", shop_id=shop.pk, member_ids=[stranger.pk, gone.pk, manager.pk], by=None
    )

    as_(manager).post(f"/settings/teams/{team.pk}/", {"name": "Retours", "shop": shop.pk})

    assert set(team.members.all()) == {stranger, gone}


def test_a_team_is_not_stolen_from_another_shop(shop, manager):
    team = teams.create_team(name="Theirs", shop_id=ShopFactory().pk, by=None)
    everywhere = teams.create_team(name="Company", shop_id=None, by=None)

    for pk in (team.pk, everywhere.pk):
        response = as_(manager).post(f"/settings/teams/{pk}/", {"name": "x", "shop": shop.pk})
        assert response.status_code == 404


def test_an_owner_writes_a_role_and_takes_a_permission_from_another(owner):
    client = as_(owner)

    client.post("/settings/roles/new/", {"name": "Night", "permissions": ["company.view_audit"]})
    client.post("/settings/roles/manager/", {"permissions": ["company.view_audit"]})

    manager = grants.role_by_key("manager")
    assert queries.role_permissions(Role.objects.get(key="night")) == {"company.view_audit"}
    assert queries.role_permissions(manager) == {"company.view_audit"}
    assert "company.manage_agents" in manager.withheld
    client.post("/settings/roles/night/remove/")
    assert not Role.objects.filter(key="night").exists()


def test_a_manager_reads_roles_but_changes_none(manager):
    client = as_(manager)

    assert "Viewer" in text_of(client.get("/settings/roles/"))
    assert client.get("/settings/roles/viewer/").status_code == 403
    assert client.post("/settings/roles/viewer/", {"permissions": []}).status_code == 403


def test_a_role_somebody_holds_is_not_removed(owner):
    roles.create_role(name="Night", codes=[], by=None)
    AgentFactory(role="night")
    client = as_(owner)

    client.post("/settings/roles/night/remove/")

    assert "Take the role" in text_of(client.get("/settings/roles/night/"))


# --- Keys ------------------------------------------------------------------------------------------


def test_a_key_is_shown_on_one_page_only(shop, manager):
    client = as_(manager)
    values = {"name": "Server", "shop": shop.pk, "scopes": ["orders:write"], "expires_at": ""}

    made = client.post("/settings/keys/new/", values)
    plain = made.context["plain"]

    assert plain in text_of(made)
    assert services.use_api_key(plain).id == ApiKey.objects.get().pk
    listed = text_of(client.get("/settings/keys/"))
    assert plain not in listed
    assert ApiKey.objects.get().prefix in listed
    client.post(f"/settings/keys/{ApiKey.objects.get().pk}/revoke/")
    assert services.use_api_key(plain) is None


def test_a_key_for_a_foreign_shop_or_an_unknown_scope_is_refused(shop, manager):
    client = as_(manager)
    values = {"name": "Server", "shop": shop.pk, "scopes": ["orders:write"]}
    yesterday = f"{now() - timedelta(days=1):%Y-%m-%dT%H:%M}"

    for wrong in (
        {"shop": ShopFactory().pk},
        {"scopes": ["moon:walk"]},
        {"scopes": []},
        {"expires_at": yesterday},
    ):
        assert client.post("/settings/keys/new/", values | wrong).status_code == 422
    assert not ApiKey.objects.exists()


def test_the_list_of_keys_costs_the_same_for_one_and_for_many(shop, manager, assert_flat_queries):
    client = as_(manager)

    assert_flat_queries(
        lambda: client.get("/settings/keys/"), add_rows=lambda: api_key(shop), budget=7
    )


# --- Audit -----------------------------------------------------------------------------------------


def record(action: str = "tests.thing-done", **options) -> AuditEntry:
    return services.record_audit(action=action, target="thing:1", by=None, **options)


def test_an_export_is_the_same_rows_and_an_entry_itself(shop, manager):
    record(shop_id=shop.pk, changes={"name": ["a", "b"]})
    record(shop_id=ShopFactory().pk)

    response = as_(manager).post("/settings/audit/export/", {"q": "thing"})

    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [row["shop"] for row in rows] == [str(shop.pk)]
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    assert AuditEntry.objects.filter(action="company.audit-exported", actor_id=manager.pk).exists()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_an_export_is_a_formula(start):
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless("plain =1") == "plain =1"


# --- My account ------------------------------------------------------------------------------------


def test_an_agent_says_how_he_is_called_and_what_he_reads(manager):
    client = as_(manager)

    client.post("/settings/account/", {"name": "Anna", "language": "fr", "theme": "dark"})

    manager.refresh_from_db()
    assert (manager.name, manager.language, manager.theme) == ("Anna", "fr", "dark")
    wrong = client.post("/settings/account/", {"name": "", "language": "xx", "theme": "pink"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox · Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "Safari · iPhone"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_have_names(user_agent, name):
    assert browser_name(user_agent) == name


# --- Commands --------------------------------------------------------------------------------------


def test_the_first_owner_is_made_on_the_command_line(capsys):
    from django.core.management import CommandError, call_command

    call_command("agent", "create", "--email", "First@lune.example", "--role", "owner")

    agent = Agent.objects.get(email="first@lune.example")
    assert agent.has_perm("company.manage_roles")
    assert not agent.has_usable_password()
    for wrong in (
        ["--email", "first@lune.example", "--role", "owner"],
        ["--email", "second@lune.example", "--role", "king"],
        ["--email", "second@lune.example", "--role", "owner", "--shop", "atlantis"],
    ):
        with pytest.raises(CommandError):
            call_command("agent", "create", *wrong)
    assert Agent.objects.count() == 1


def test_a_key_is_made_on_the_command_line(shop, capsys):
    from django.core.management import CommandError, call_command

    call_command(
        "apikey", "create", "--shop", shop.slug, "--name", "Server", "--scope", "orders:write"
    )

    plain = capsys.readouterr().out.strip()
    assert services.use_api_key(plain).scopes == {"orders:write"}
    for wrong in (["--shop", "atlantis"], ["--shop", shop.slug, "--scope", "moon:walk"]):
        with pytest.raises(CommandError):
            call_command("apikey", "create", "--name", "x", *wrong)
