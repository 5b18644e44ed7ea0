"""API keys as services see them; the API's door is in test_api.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from company import services
from company.models import ApiKey, AuditEntry
from company.services import keys, power
from tests.company.factories import AgentFactory, ShopFactory, api_key

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once_and_stored_as_a_hash():
    key, plain = api_key(ShopFactory())

    assert plain.startswith(f"ecrm_{key.prefix}_")
    assert len(plain.removeprefix(f"ecrm_{key.prefix}_")) >= 20
    assert plain not in str(ApiKey.objects.values().get())
    info = services.use_api_key(plain)
    assert (info.id, info.shop_id, info.name) == (key.pk, key.shop_id, key.name)
    assert info.scopes == {"orders:write"}


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: "",
        lambda plain: plain[:-1],
        lambda plain: plain[:-1] + ("A" if plain[-1] != "A" else "B"),
        lambda plain: plain + "A",
        lambda plain: plain.upper(),
        lambda plain: plain.replace("ecrm_", ""),
        lambda plain: plain + "\n",
    ],
)
def test_anything_but_the_key_is_refused(change):
    _key, plain = api_key(ShopFactory())

    assert services.use_api_key(change(plain)) is None


def test_a_key_ends_with_its_revocation_its_expiry_or_its_shop():
    at = now()
    shop = ShopFactory()
    revoked, revoked_plain = api_key(shop)
    _expiring, expiring_plain = api_key(shop, expires_at=at + timedelta(hours=1))
    _other, plain = api_key(shop)

    services.revoke_api_key(revoked.pk, by=None)

    assert services.use_api_key(revoked_plain) is None
    assert services.use_api_key(expiring_plain, at=at) is not None
    assert services.use_api_key(expiring_plain, at=at + timedelta(hours=1)) is None
    services.change_shop(shop.pk, changes={"is_active": False}, by=None)
    assert services.use_api_key(plain) is None


def test_its_last_use_is_written_once_a_minute(django_assert_num_queries):
    _key, plain = api_key(ShopFactory())
    at = now()
    services.use_api_key(plain, at=at)

    with django_assert_num_queries(1):
        services.use_api_key(plain, at=at + timedelta(seconds=59))
    with django_assert_num_queries(2):
        services.use_api_key(plain, at=at + timedelta(seconds=60))

    assert ApiKey.objects.get().last_used_at == at + timedelta(seconds=60)


def test_a_scope_nobody_checks_is_refused():
    shop = ShopFactory()

    for scopes in (["moon:walk"], []):
        with pytest.raises(keys.ScopeUnknown):
            services.issue_api_key(shop_id=shop.pk, name="x", scopes=scopes, by=None)


def test_a_key_that_is_already_expired_is_refused():
    with pytest.raises(keys.ExpiryPassed):
        api_key(ShopFactory(), expires_at=now() - timedelta(seconds=1))


def test_only_who_manages_the_shop_issues_and_revokes_its_keys():
    here, there = ShopFactory(), ShopFactory()
    manager = AgentFactory(role="manager", shop=here)
    foreign, _plain = api_key(there)

    with pytest.raises(power.PermissionEscalation):
        services.issue_api_key(shop_id=there.pk, name="x", scopes=["orders:write"], by=manager)
    with pytest.raises(power.PermissionEscalation):
        services.revoke_api_key(foreign.pk, by=manager)
    key, _plain = services.issue_api_key(
        shop_id=here.pk, name="x", scopes=["orders:write"], by=manager
    )

    assert key.created_by == manager


def test_issuing_and_revoking_stand_in_the_audit_log_without_the_secret():
    key, plain = api_key(ShopFactory())
    services.revoke_api_key(key.pk, by=None)
    services.revoke_api_key(key.pk, by=None)

    entries = AuditEntry.objects.filter(target=f"api-key:{key.pk}")
    assert [entry.action for entry in entries] == [
        "company.api-key-revoked",
        "company.api-key-issued",
    ]
    assert not any(plain in str(entry.changes) for entry in entries)


def test_the_database_keeps_a_key_without_hash_out():
    shop = ShopFactory()

    for wrong in ({"secret_hash": ""}, {"prefix": ""}, {"scopes": []}):
        values = {"secret_hash": "0" * 64, "prefix": "abcdefgh", "scopes": ["a:b"], **wrong}
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiKey.objects.create(shop=shop, name="x", **values)


def test_a_key_just_looked_up_costs_no_query(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0)
    key, plain = api_key(ShopFactory())
    info = services.recognise_api_key(plain)

    with django_assert_num_queries(0):
        assert services.recognise_api_key(plain) == info
    assert info.id == key.pk


def test_a_key_is_looked_up_again_after_a_second(monkeypatch):
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0)
    key, plain = api_key(ShopFactory())
    services.recognise_api_key(plain)
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=now())
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0 + keys.REMEMBERED_SECONDS)

    assert services.recognise_api_key(plain) is None


def test_a_revoked_key_is_forgotten_at_once_where_it_was_revoked(monkeypatch):
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0)
    key, plain = api_key(ShopFactory())
    services.recognise_api_key(plain)

    services.revoke_api_key(key.pk, by=None)

    assert services.recognise_api_key(plain) is None


def test_what_is_no_key_is_never_remembered():
    assert services.recognise_api_key("ecrm_no_key") is None
    assert services.recognise_api_key("ecrm_no_key") is None
