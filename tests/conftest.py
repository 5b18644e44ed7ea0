"""What every test shares: real PostgreSQL and Redis, quiet doorbells, query budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

# How fast the machine is just now is no matter of these tests.
patient = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("patient", patient)
hypothesis.settings.load_profile("patient")
# For the long runs of random stories: `make test ARGS="… --hypothesis-profile=thorough"`.
hypothesis.settings.register_profile("thorough", patient)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database; nobody may ring in it when it is dropped."""
    from ecrm.kernel import doorbell

    yield
    doorbell.stop()


@pytest.fixture(autouse=True)
def _no_cache_between_tests() -> None:
    from django.core.cache import cache

    from company import queries

    cache.clear()
    queries.forget_shops()


@pytest.fixture
def count_queries() -> Callable[[Callable[[], Any]], int]:
    """How many queries a call runs; neither savepoints nor preparing a statement once count."""

    def count(call: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as queries:
            call()
        statements = [query["sql"] for query in queries.captured_queries]
        return len([sql for sql in statements if "SAVEPOINT" not in sql and sql[:8] != "PREPARE "])

    return count


@pytest.fixture
def assert_flat_queries(count_queries: Callable[..., int]) -> Callable[..., None]:
    """The call costs the same for one row and for six, and no more than the budget."""

    def check(call: Callable[[], Any], *, add_rows: Callable[[], Any], budget: int) -> None:
        add_rows()
        call()
        few = count_queries(call)
        for _ in range(5):
            add_rows()
        many = count_queries(call)
        assert few == many, f"{few} queries became {many}"
        assert many <= budget, f"{many} queries exceed the budget of {budget}"

    return check
