from __future__ import annotations

import pytest

from tests.company.factories import ShopFactory, api_key


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def api(client, shop):
    """The Django client signing with a key of the shop; `api.key` may be changed."""
    _, plain = api_key(shop, "orders:read", "orders:write", "profiles:read", "profiles:write")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {plain}"
    return client
