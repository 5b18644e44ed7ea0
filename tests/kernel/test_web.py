"""Health pages and the headers that every answer carries."""

from __future__ import annotations

import pytest
from django.test import override_settings


@pytest.mark.django_db
def test_a_live_process_says_so_without_asking_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/livez")

    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_a_migrated_database_is_ready(client):
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.django_db
def test_metrics_exist_only_for_who_holds_the_token(client):
    assert client.get("/metrics").status_code == 404
    with override_settings(ECRM_METRICS_TOKEN="s" * 32):
        assert client.get("/metrics").status_code == 404
        wrong = client.get("/metrics", headers={"Authorization": "Bearer nope"})
        right = client.get("/metrics", headers={"Authorization": "Bearer " + "s" * 32})

    assert wrong.status_code == 404
    assert b"ecrm_outbox_oldest_pending_seconds" in right.content


@pytest.mark.django_db
def test_every_answer_carries_the_safety_headers(client):
    headers = client.get("/login/").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "no-store" in headers["Cache-Control"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.django_db
def test_a_well_formed_request_id_is_kept_and_any_other_replaced(client):
    kept = client.get("/livez", headers={"X-Request-Id": "abcdef-123456"})
    forged = client.get("/livez", headers={"X-Request-Id": "evil\tid"})

    assert kept["X-Request-Id"] == "abcdef-123456"
    assert forged["X-Request-Id"] != "evil\tid"


@pytest.mark.django_db
def test_the_schema_and_its_pages_are_served(client):
    assert client.get("/api/schema/").status_code == 200
    assert client.get("/api/docs/").status_code == 200
