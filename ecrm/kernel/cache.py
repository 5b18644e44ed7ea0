"""A cache that may vanish: without Redis every read misses and every write is forgotten."""

from __future__ import annotations

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, except that a Redis failure is a miss and not an error."""

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
