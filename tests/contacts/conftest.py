"""A shop, its people, and two open tickets' worth of vocabulary for the tests of the contact centre."""

from __future__ import annotations

from typing import Any

import pytest

from tests.company.factories import AgentFactory, ShopFactory


@pytest.fixture
def shop(db: None) -> Any:
    return ShopFactory()


@pytest.fixture
def agent(shop: Any) -> Any:
    return AgentFactory(name="Alice Roux", role="support", shop=shop)


@pytest.fixture
def colleague(shop: Any) -> Any:
    return AgentFactory(name="Bob Keller", role="support", shop=shop)


@pytest.fixture
def viewer(shop: Any) -> Any:
    """Reads, and answers nobody."""
    return AgentFactory(name="Vera Blanc", role="viewer", shop=shop)


@pytest.fixture
def stranger(db: None) -> Any:
    """Works in another shop."""
    return AgentFactory(name="Charlie Noir", role="support", shop=ShopFactory())
