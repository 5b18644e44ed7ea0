"""Who may what, where; and that nobody gets more than he was given."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from company import queries, services
from company.models import Agent, Grant, Role
from company.services import agents, grants, power, roles
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db

MANAGE = "company.manage_agents"


def test_a_role_in_one_shop_says_nothing_about_another():
    here, there = ShopFactory(), ShopFactory()
    agent = AgentFactory(role="manager", shop=here)

    assert queries.shop_ids(agent, MANAGE) == {here.pk}
    assert queries.may(agent, MANAGE, shop_id=here.pk)
    assert not queries.may(agent, MANAGE, shop_id=there.pk)
    assert not queries.may(agent, MANAGE, shop_id=None)
    assert [shop.id for shop in queries.shops_for(agent)] == [here.pk]


def test_a_role_in_all_shops_reaches_a_shop_that_opens_later():
    agent = AgentFactory(role="manager")

    later = ShopFactory()

    assert queries.may(agent, MANAGE, shop_id=later.pk)
    assert later.pk in queries.shop_ids(agent, MANAGE)


def test_two_roles_add_up_shop_by_shop():
    here, there = ShopFactory(), ShopFactory()
    agent = AgentFactory(role="manager", shop=here)
    services.grant_role(agent.pk, role_key="manager", shop_id=there.pk, by=None)

    assert queries.shop_ids(agent, MANAGE) == {here.pk, there.pk}


def test_an_agent_without_a_role_may_nothing():
    agent = AgentFactory()

    assert not agent.has_perm(MANAGE)
    assert queries.shop_ids(agent, MANAGE) == frozenset()
    assert queries.shops_for(agent) == []


def test_a_disabled_agent_may_nothing_and_neither_does_a_visitor():
    owner = AgentFactory(owner=True)
    owner.is_active = False

    assert not owner.has_perm(MANAGE)
    assert not queries.may(owner, MANAGE, shop_id=None)
    assert not queries.may(AnonymousUser(), MANAGE, shop_id=None)


def test_the_owner_of_the_installation_may_everything():
    agent = AgentFactory(is_superuser=True)

    assert agent.has_perms([MANAGE, "company.manage_roles"])
    assert queries.may(agent, "company.manage_roles", shop_id=None)


def test_a_request_asks_the_database_once(django_assert_num_queries):
    agent = AgentFactory(role="manager")
    queries.remember_permissions(agent)

    with django_assert_num_queries(1):
        agent.has_perm(MANAGE)
        agent.has_perm("company.view_audit")
        queries.may(agent, MANAGE, shop_id=None)


def test_without_a_request_a_taken_role_is_noticed_at_once():
    agent = AgentFactory(role="manager")
    AgentFactory(owner=True)
    assert agent.has_perm(MANAGE)

    services.revoke_grant(agent.grants.get().pk, by=None)

    assert not agent.has_perm(MANAGE)


def test_who_can_be_given_work_in_a_shop():
    here, there = ShopFactory(), ShopFactory()
    manager = AgentFactory(name="Anna", role="manager", shop=here)
    AgentFactory(role="manager", shop=there)
    AgentFactory(role="viewer", shop=here)
    AgentFactory(role="manager", is_active=False)
    owner = AgentFactory(name="Zoé", owner=True)

    found = queries.agents_with(MANAGE, shop_id=here.pk)

    assert [agent.id for agent in found] == [manager.pk, owner.pk]


def test_granting_twice_changes_nothing():
    agent = AgentFactory()

    first = services.grant_role(agent.pk, role_key="viewer", by=None)
    second = services.grant_role(agent.pk, role_key="viewer", by=None)

    assert first.pk == second.pk


def test_an_unknown_role_can_not_be_granted():
    with pytest.raises(grants.RoleUnknown):
        services.grant_role(AgentFactory().pk, role_key="king", by=None)


# --- Nobody gives what he does not hold ------------------------------------------------------------


def test_a_manager_of_one_shop_names_a_manager_there():
    shop = ShopFactory()
    manager = AgentFactory(role="manager", shop=shop)
    colleague = AgentFactory()

    services.grant_role(colleague.pk, role_key="manager", shop_id=shop.pk, by=manager)

    assert queries.may(colleague, MANAGE, shop_id=shop.pk)


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_of_one_shop_can_not_reach_beyond_it(role):
    here, there = ShopFactory(), ShopFactory()
    manager = AgentFactory(role="manager", shop=here)
    colleague = AgentFactory()

    for shop_id in (there.pk, None):
        with pytest.raises(power.PermissionEscalation):
            services.grant_role(colleague.pk, role_key=role, shop_id=shop_id, by=manager)
    with pytest.raises(power.PermissionEscalation):
        services.grant_role(manager.pk, role_key="owner", shop_id=here.pk, by=manager)

    assert not Grant.objects.filter(agent=colleague).exists()


def test_a_manager_of_all_shops_can_not_name_an_owner():
    manager = AgentFactory(role="manager")

    with pytest.raises(power.PermissionEscalation):
        services.grant_role(manager.pk, role_key="owner", by=manager)


def test_an_agent_who_manages_nobody_grants_nothing():
    viewer = AgentFactory(role="viewer")

    with pytest.raises(power.PermissionEscalation):
        services.grant_role(AgentFactory().pk, role_key="viewer", by=viewer)


def test_who_may_less_does_not_touch_who_may_more():
    shop = ShopFactory()
    manager = AgentFactory(role="manager", shop=shop)
    owner = AgentFactory(owner=True)
    AgentFactory(owner=True)

    with pytest.raises(power.AgentOutranksYou):
        services.disable_agent(owner.pk, by=manager)
    with pytest.raises(power.AgentOutranksYou):
        services.grant_role(owner.pk, role_key="viewer", shop_id=shop.pk, by=manager)
    services.grant_role(owner.pk, role_key="viewer", shop_id=shop.pk, by=None)
    with pytest.raises(power.AgentOutranksYou):
        services.revoke_grant(owner.grants.get(shop=shop).pk, by=manager)


def test_the_last_owner_stays():
    owner = AgentFactory(owner=True)
    manager = AgentFactory(role="manager")

    with pytest.raises(power.LastOwner):
        services.revoke_grant(owner.grants.get().pk, by=owner)
    with pytest.raises(power.LastOwner):
        services.disable_agent(owner.pk, by=None)

    owner.refresh_from_db()
    assert owner.is_active
    assert owner.grants.exists()
    assert not queries.may(manager, "company.manage_roles", shop_id=None)


def test_an_owner_of_one_shop_does_not_count_as_owner_of_the_company():
    owner = AgentFactory(owner=True)
    AgentFactory(role="owner", shop=ShopFactory())

    with pytest.raises(power.LastOwner):
        services.disable_agent(owner.pk, by=None)


def test_nobody_disables_himself():
    owner = AgentFactory(owner=True)
    AgentFactory(owner=True)

    with pytest.raises(agents.NotYourself):
        services.disable_agent(owner.pk, by=owner)


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_disable_each_other_at_once_leave_one():
    first, second = AgentFactory(owner=True), AgentFactory(owner=True)
    both_ready = threading.Barrier(2)
    refused: list[type[Exception]] = []

    def disable(target: Agent, by: Agent) -> None:
        try:
            both_ready.wait()
            services.disable_agent(target.pk, by=by)
        except (power.LastOwner, power.AgentOutranksYou) as error:
            refused.append(type(error))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=disable, args=pair) for pair in ((first, second), (second, first))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Agent.objects.active().count() == 1
    assert len(refused) == 1


# --- Roles -----------------------------------------------------------------------------------------


def test_an_owner_defines_a_role_and_changes_a_built_in_one():
    owner = AgentFactory(owner=True)
    agent = AgentFactory(role="viewer")
    viewer = grants.role_by_key("viewer")

    own = roles.create_role(name="Night shift", codes=[MANAGE], by=owner)
    roles.change_role(viewer.pk, name="x", codes=["company.view_audit"], by=owner)

    viewer.refresh_from_db()
    assert (own.key, own.permissions) == ("night-shift", [MANAGE])
    assert viewer.name == "Viewer"
    assert agent.has_perm("company.view_audit")
    assert queries.role_permissions(viewer) == {"company.view_audit"}


@pytest.mark.parametrize("codes", [[MANAGE], ["company.view_audit"]])
def test_nobody_writes_into_a_role_what_he_does_not_hold(codes):
    shop = ShopFactory()
    manager = AgentFactory(role="manager", shop=shop)

    with pytest.raises(power.PermissionEscalation):
        roles.create_role(name="Mine", codes=codes, by=manager)
    with pytest.raises(power.PermissionEscalation):
        roles.change_role(grants.role_by_key("viewer").pk, name="", codes=codes, by=manager)


def test_a_manager_of_all_shops_does_not_change_roles():
    manager = AgentFactory(role="manager")

    with pytest.raises(power.PermissionEscalation):
        roles.change_role(
            grants.role_by_key("manager").pk, name="", codes=["company.manage_roles"], by=manager
        )


def test_the_role_of_the_owner_is_fixed():
    owner = AgentFactory(owner=True)

    with pytest.raises(roles.OwnerRoleFixed):
        roles.change_role(grants.role_by_key("owner").pk, name="", codes=[], by=owner)


def test_a_role_needs_a_name_of_its_own_and_known_permissions():
    owner = AgentFactory(owner=True)

    with pytest.raises(roles.RoleInvalid):
        roles.create_role(name=" ", codes=[], by=owner)
    with pytest.raises(roles.RoleExists):
        roles.create_role(name="viewer", codes=[], by=owner)
    with pytest.raises(power.PermissionEscalation):
        roles.create_role(name="New", codes=["moon.walk"], by=owner)
    with pytest.raises(roles.RoleInvalid):
        roles.create_role(name="New", codes=["moon.walk"], by=None)


def test_a_role_in_use_or_built_in_is_not_forgotten():
    owner = AgentFactory(owner=True)
    own = roles.create_role(name="Night shift", codes=[], by=owner)
    agent = AgentFactory(role="night-shift")

    with pytest.raises(roles.RoleInUse):
        roles.remove_role(own.pk, by=owner)
    with pytest.raises(roles.RoleInUse):
        roles.remove_role(grants.role_by_key("viewer").pk, by=owner)
    services.revoke_grant(agent.grants.get().pk, by=owner)
    roles.remove_role(own.pk, by=owner)

    assert not Role.objects.filter(key="night-shift").exists()
