"""The cursor which the prepared statements of a connection share."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ecrm.kernel.prepared import Statement, shared_cursor

NUMBER = Statement("tests_shared_number", "SELECT %(number)s::int")


@pytest.mark.django_db
def test_statements_share_a_cursor():
    assert shared_cursor() is shared_cursor()


@pytest.mark.django_db
def test_where_queries_are_written_down_prepared_ones_are_too():
    NUMBER.rows(number=1)

    with CaptureQueriesContext(connection) as queries:
        NUMBER.rows(number=2)

    assert [query["sql"] for query in queries] == ["EXECUTE ecrm_tests_shared_number(2::int)"]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_anew_on_a_cursor_of_its_own():
    before = shared_cursor()
    assert NUMBER.rows(number=1) == [(1,)]

    connection.close()

    assert NUMBER.rows(number=2) == [(2,)]
    assert shared_cursor() is not before
