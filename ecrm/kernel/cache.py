"""A cache that may vanish: without Redis every read misses and every write is forgotten."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class _Client(RedisCacheClient):
    """Django's client, except that its Redis object (safe among threads, and slow to make) is kept."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:
        if not hasattr(self, "_kept"):
            self._kept: Redis = super().get_client(key, write=write)
        return self._kept


_clients: dict[str, _Client] = {}


class _CountingRedisCache(RedisCache):
    """Django's Redis cache with a counter that makes and ends itself."""

    def _count(self, key: str, *, by: int, seconds: int) -> int:
        name = self.make_and_validate_key(key)
        client = self._cache.get_client(name, write=True)
        count = cast("int", client.incr(name, by))
        if count == by:
            client.expire(name, seconds)
        return count


class ForgivingRedisCache(_CountingRedisCache):
    """Django's Redis cache, except that a Redis failure is a miss and not an error.

    All requests of a process share one client and its pool of connections: Django makes a cache object for
    each context, and with it a new connection for each request.
    """

    @property
    def _cache(self) -> _Client:
        """The client of this process for this address."""
        address = self._servers[0]  # type: ignore[attr-defined] # not in the stubs
        if address not in _clients:
            _clients[address] = _Client([address], **self._options)  # type: ignore[attr-defined]
        return _clients[address]

    def count(self, key: str, *, by: int, seconds: int) -> int:
        """Add to a counter that is forgotten when nobody counts for so many seconds."""
        return int(self._try("_count", key, otherwise=by, by=by, seconds=seconds))

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("add", *args, otherwise=True, **kwargs))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._try("get", key, otherwise=default, default=default, version=version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._try("set", *args, otherwise=None, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("touch", *args, otherwise=False, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("delete", *args, otherwise=False, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return dict(self._try("get_many", *args, otherwise={}, **kwargs))

    def set_many(self, *args: Any, **kwargs: Any) -> list[str]:
        return list(self._try("set_many", *args, otherwise=[], **kwargs))

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("has_key", *args, otherwise=False, **kwargs))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return int(self._try("incr", key, otherwise=delta, delta=delta, version=version))

    def _try(self, operation: str, /, *args: Any, otherwise: Any, **kwargs: Any) -> Any:
        try:
            return getattr(super(), operation)(*args, **kwargs)
        except (RedisError, OSError):
            log.warning("cache_unavailable", extra={"operation": operation})
            return otherwise


def count(key: str, *, seconds: int, at: float, by: int = 1) -> int:
    """How often this key has been counted in the present window of so many seconds, in one round trip.

    `at` is the time as seconds of the epoch. While Redis is away, what is added now is all there is: a limit
    then refuses nobody.
    """
    counting = cast("ForgivingRedisCache", cache)
    return counting.count(f"{key}:{int(at // seconds)}", by=by, seconds=2 * seconds)
