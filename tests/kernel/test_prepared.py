from __future__ import annotations

import pytest
from django.db import DataError, connection, transaction

from backoffice.models import Notification, SavedView
from ecrm.kernel.database.base import FIRST_LOOK
from ecrm.kernel.prepared import Rows, Statement, asked_once, numbers, one_trip, texts
from tests.backoffice.factories import SavedViewFactory
from tests.company.factories import AgentFactory

pytestmark = pytest.mark.django_db

DOUBLE = Statement("tests_double", "SELECT %(number)s::int * 2, %(text)s::text, %(number)s::int")


def ask(**values):
    with connection.cursor() as cursor:
        DOUBLE.execute(cursor, values)
        return cursor.fetchone()


def prepared_names():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return [name for (name,) in cursor.fetchall()]


def test_a_statement_is_prepared_once_and_takes_its_values_by_name():
    assert ask(number=21, text="50 % d'un 'thé'") == (42, "50 % d'un 'thé'", 21)
    assert ask(number=4, text=None) == (8, None, 4)
    assert prepared_names().count("ecrm_tests_double") == 1


def test_a_rolled_back_transaction_keeps_it():
    with pytest.raises(DataError), transaction.atomic():
        ask(number=2**31, text="")

    assert ask(number=1, text="") == (2, "", 1)


def test_behind_a_pooler_the_text_goes_out_whole(settings):
    settings.ECRM_PREPARED_STATEMENTS = False

    with connection.cursor() as cursor:
        Statement("tests_whole", "SELECT %(number)s::int").execute(cursor, {"number": 21})
        assert cursor.fetchone() == (21,)

    assert "ecrm_tests_whole" not in prepared_names()


def test_a_statement_without_values_needs_none():
    assert Statement("tests_constant", "SELECT 1").rows() == [(1,)]


def test_whole_rows_are_models_as_django_would_read_them():
    view = SavedViewFactory(agent=AgentFactory(), name="L'été")
    named = Rows("tests_views", SavedView, "WHERE name = %(name)s")

    (found,) = named.all(name="L'été")

    assert (found, found.created_at, found.query) == (view, view.created_at, view.query)
    assert named.all(name="L'hiver") == []


def test_rows_refuse_a_model_whose_fields_python_still_has_to_read():
    with pytest.raises(TypeError, match="title_values"):
        Rows("tests_notifications", Notification, "")


def test_fields_left_out_are_read_when_somebody_looks(django_assert_num_queries):
    view = SavedViewFactory(agent=AgentFactory(), query="status=paid")
    light = Rows("tests_light_views", SavedView, "WHERE id = %(id)s", without=["query"])

    (found,) = light.all(id=view.pk)

    assert found.get_deferred_fields() == {"query"}
    with django_assert_num_queries(1):
        assert found.query == "status=paid"


def test_a_page_asks_the_same_question_once(django_assert_num_queries):
    DOUBLE.rows(number=0, text="")

    with django_assert_num_queries(2), asked_once():
        first = DOUBLE.rows(number=3, text="a")
        first.clear()
        assert DOUBLE.rows(number=3, text="a") == [(6, "a", 3)]
        assert DOUBLE.rows(number=4, text="a") == [(8, "a", 4)]


def test_after_the_page_it_asks_anew(django_assert_num_queries):
    DOUBLE.rows(number=0, text="")

    with django_assert_num_queries(2):
        with asked_once():
            DOUBLE.rows(number=3, text="a")
        DOUBLE.rows(number=3, text="a")


def test_a_plan_made_while_a_table_was_small_is_made_anew_when_it_has_grown(monkeypatch):
    find = Statement("tests_grown", "SELECT id FROM tests_grown WHERE id = %(id)s")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tests_grown (id bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO tests_grown VALUES (0); ANALYZE tests_grown")

    def plan():
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN EXECUTE ecrm_tests_grown(7)")
            return " ".join(row[0] for row in cursor.fetchall())

    find.rows(id=7)
    # The connection is young, whatever the tests before this one did with it.
    monkeypatch.setattr(connection.session, "executed", 0)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tests_grown SELECT generate_series(1, 5000)")
    assert "Seq Scan" in plan()

    for number in range(1, 64 * FIRST_LOOK):
        assert find.rows(id=number % 5000) == [(number % 5000,)]
        if "Index" in plan():
            return
    raise AssertionError(plan())


def test_what_is_sent_in_one_trip_goes_out_together_and_in_its_order(django_assert_num_queries):
    note = Statement("tests_note", "INSERT INTO tests_notes (text) VALUES (%(text)s)")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tests_notes (id serial, text text)")
    note.send({"text": "alone, 100 %"})

    with django_assert_num_queries(1), one_trip():
        note.send({"text": "first: l'été"})
        note.send({"text": "second; %s"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM tests_notes ORDER BY id")
        assert cursor.fetchall() == [("alone, 100 %",), ("first: l'été",), ("second; %s",)]


def test_a_trip_without_anything_sent_is_none(django_assert_num_queries):
    with django_assert_num_queries(0), one_trip():
        pass


def test_a_block_that_fails_sends_nothing(django_assert_num_queries):
    DOUBLE.rows(number=0, text="")

    with django_assert_num_queries(0), pytest.raises(ZeroDivisionError), one_trip():
        DOUBLE.send({"number": 1, "text": ""})
        raise ZeroDivisionError


ECHO = Statement(
    "echo", "SELECT * FROM unnest(%(ids)s::bigint[], %(words)s::text[]) AS t (id, word)"
)


def test_an_array_written_as_one_text_arrives_as_it_was():
    rows = [(-1, ""), (0, "NULL"), (1, 'a "quoted", {braced} \\ word'), (2**62, "é\n\t'%s")]

    found = ECHO.rows(ids=numbers(row[0] for row in rows), words=texts(row[1] for row in rows))

    assert found == rows
    assert ECHO.rows(ids=numbers([]), words=texts([])) == []
