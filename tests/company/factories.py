"""Shops and agents for the tests of every module."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import factory
from allauth.account.models import EmailAddress
from factory.django import DjangoModelFactory
from PIL import Image

from company import services
from company.models import Agent, ApiKey, Shop, Team

PASSWORD = "correct horse battery"


class ShopFactory(DjangoModelFactory):
    class Meta:
        model = Shop

    slug = factory.Sequence(lambda n: f"shop-{n}")
    name = factory.Sequence(lambda n: f"Maison {n}")
    brand = "Maison"
    market = "FR"
    languages = ["fr", "en"]
    default_language = "fr"
    currency = "EUR"
    time_zone = "Europe/Paris"
    sender_name = factory.SelfAttribute("name")
    support_email = factory.LazyAttribute(lambda shop: f"bonjour@{shop.slug}.example")


class AgentFactory(DjangoModelFactory):
    """An agent without any permission; `AgentFactory(role="support", shop=shop)` gives one.

    `owner=True` is the owner role in all shops; `role=` without `shop=` is that role in all shops.
    """

    class Meta:
        model = Agent
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"agent{n}@maison.example")
    name = factory.Sequence(lambda n: f"Camille {n}")

    @classmethod
    def _create(cls, model_class: type[Agent], *args: Any, **kwargs: Any) -> Agent:
        role = "owner" if kwargs.pop("owner", False) else kwargs.pop("role", None)
        shop = kwargs.pop("shop", None)
        password = kwargs.pop("password", None)
        agent = model_class(**kwargs)
        agent.set_password(password)
        agent.save()
        EmailAddress.objects.create(user=agent, email=agent.email, verified=True, primary=True)
        if role:
            services.grant_role(agent.pk, role_key=role, shop_id=shop.pk if shop else None, by=None)
        return agent


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Équipe {n}")


def api_key(shop: Shop, *scopes: str, **options: Any) -> tuple[ApiKey, str]:
    """A usable key of the shop and its plain text."""
    return services.issue_api_key(
        shop_id=shop.pk, name="Test", scopes=scopes or ["orders:write"], by=None, **options
    )


def picture(
    kind: str = "PNG", size: tuple[int, int] = (900, 300), mode: str = "RGB", **options
) -> bytes:
    """A picture file; options go to its encoder."""
    target = BytesIO()
    Image.new(mode, size, "#7a3b69").save(target, kind, **options)
    return target.getvalue()
