from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCacheClient

from ecrm.kernel import cache


def test_a_counter_starts_again_in_the_next_window():
    key = f"tests-{uuid4()}"

    counted = [cache.count(key, seconds=60, at=at) for at in (0.0, 30.0, 59.9, 60.0, 119.0, 120.0)]

    assert counted == [1, 2, 3, 1, 2, 1]


def test_all_threads_of_a_process_share_one_pool_of_connections():
    def client() -> RedisCacheClient:
        return caches.create_connection("default")._cache

    with ThreadPoolExecutor(4) as pool:
        clients = set(pool.map(lambda _number: client(), range(8)))

    assert len(clients) == 1
