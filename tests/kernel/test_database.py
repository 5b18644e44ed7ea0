"""A kept connection is looked at before it is used again."""

import psycopg2
import pytest
from django.db import connection


def backend_of(cursor):
    cursor.execute("SELECT pg_backend_pid()")
    return cursor.fetchone()[0]


@pytest.fixture
def begin_request(transactional_db):
    """What Django does with the connection when a request begins."""
    connection.ensure_connection()
    connection.health_check_enabled = True

    def begin():
        connection.health_check_done = False
        connection.close_if_health_check_failed()

    yield begin
    connection.close()


def test_a_living_connection_is_kept_without_asking_the_server(
    begin_request, django_assert_num_queries
):
    with connection.cursor() as cursor:
        before = backend_of(cursor)

    with django_assert_num_queries(0):
        begin_request()

    with connection.cursor() as cursor:
        assert backend_of(cursor) == before


def test_a_connection_that_the_server_ended_meanwhile_is_made_again(begin_request):
    with connection.cursor() as cursor:
        ended = backend_of(cursor)
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    other = psycopg2.connect(**{name: settings[name] for name in names if name in settings})
    with other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
        assert cursor.fetchone()[0]
    other.close()

    begin_request()

    with connection.cursor() as cursor:
        assert backend_of(cursor) != ended


def test_after_an_error_the_server_is_asked(begin_request):
    connection.errors_occurred = True

    connection.close_if_unusable_or_obsolete()

    assert not connection.errors_occurred
