"""The running product of the story, on databases of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.story.outside import IMAP_PASSWORD, IMAP_USER, Postman, ShopMailServer
from tests.story.product import PrivateRedis, Product, ShopServer, database

PREPARE = "tests.story.prepare"
SUFFIX = os.environ.get("ECRM_TEST_DB_SUFFIX", "main")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


@dataclass
class Story:
    """Everything that plays a part: the product, the customers' and the shop's servers, the agent."""

    product: Product
    postman: Postman
    shop_mail: ShopMailServer
    redis: PrivateRedis
    shop_server: ShopServer
    shop_id: int
    mailbox: str
    agent: str
    password: str


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated database to copy."""
    name = f"ecrm_story_{SUFFIX}{WORKER}"
    with database(name) as url:
        folder = tmp_path_factory.mktemp("product")
        product = Product(url, "redis://127.0.0.1:1/0", "smtp://127.0.0.1:1", folder)
        product.manage("migrate", "--noinput")
        yield name


@pytest.fixture
def tell(migrated: str, tmp_path: Path) -> Callable[..., Any]:
    """`with tell() as story:` the product runs, with a shop, an agent and an outside world."""

    @contextmanager
    def begin(**options: Any) -> Iterator[Story]:
        postman, shop_mail, redis = Postman(), ShopMailServer(tmp_path / "imap.log"), PrivateRedis()
        with ExitStack() as stack:
            url = stack.enter_context(database(f"{migrated}_run", template=migrated))
            for server in (postman, shop_mail, redis):
                server.start()
                stack.callback(server.stop)
            product = Product(url, redis.url, postman.url, tmp_path, **options)
            made = product.run(PREPARE, str(shop_mail.port), IMAP_USER, IMAP_PASSWORD)
            key = made.pop("key")
            stack.enter_context(product)
            yield Story(
                product=product,
                postman=postman,
                shop_mail=shop_mail,
                redis=redis,
                shop_server=ShopServer(product, key),
                **made,
            )

    return begin
