"""Customers for the tests of every module."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from profiles import rules
from profiles.models import Identifier, Profile, ProfileShop
from tests.company.factories import ShopFactory

MET_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class ProfileFactory(DjangoModelFactory):
    """A customer known to one shop; `email=`, `phone=` and `customer_id=` become identifiers."""

    class Meta:
        model = Profile

    first_name = "Ana"
    last_name = factory.Sequence(lambda n: f"Durand{n}")
    search_name = factory.LazyAttribute(lambda p: rules.searchable(p.first_name, p.last_name))
    locale = "fr-FR"
    country = "FR"
    city = "Lyon"
    source = "test"
    created_at = MET_AT
    first_seen_at = MET_AT
    last_seen_at = MET_AT

    @classmethod
    def _create(cls, model_class: type[Profile], *args: Any, **kwargs: Any) -> Profile:
        shop = kwargs.pop("shop", None) or ShopFactory()
        values = {
            rules.EMAIL: kwargs.pop("email", f"{kwargs['last_name'].lower()}@example.org"),
            rules.PHONE: kwargs.pop("phone", None),
            rules.CUSTOMER_ID: kwargs.pop("customer_id", None),
        }
        profile = model_class.objects.create(**kwargs)
        ProfileShop.objects.create(profile=profile, shop=shop, since=MET_AT)
        for kind, value in values.items():
            if value:
                Identifier.objects.create(
                    profile=profile,
                    kind=kind,
                    value=value,
                    shop=shop if kind == rules.CUSTOMER_ID else None,
                    source="test",
                    first_seen_at=MET_AT,
                    last_seen_at=MET_AT,
                )
        return profile
