"""Scopes, problem answers, rate limits and idempotency keys, seen through a small view."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache as django_cache
from django.db import connection
from django.test import override_settings
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from ecrm.kernel import cache
from ecrm.kernel.drf import CursorPage
from ecrm.kernel.errors import DomainError
from ecrm.kernel.idempotency import IdempotentMixin
from ecrm.kernel.models import IdempotencyKey, JobRun

KEY = SimpleNamespace(id=5, shop_id=1, scopes=frozenset({"stones:write", "stones:read"}), name="k")


class WithKey(BaseAuthentication):
    def authenticate(self, request):
        return AnonymousUser(), KEY


class StoneIn(serializers.Serializer):
    weight = serializers.IntegerField(min_value=1)
    colours = serializers.ListField(child=serializers.CharField(max_length=5), default=list)


class TooHeavy(DomainError):
    code = "too_heavy"


class Stones(IdempotentMixin, APIView):
    authentication_classes = [WithKey]
    required_scopes: ClassVar[dict[str, str]] = {
        "GET": "stones:read",
        "POST": "stones:write",
        "PUT": "stones:admin",
    }
    hold: threading.Event | None = None

    def get(self, request: Any) -> Response:
        return Response({"ok": True})

    def put(self, request: Any) -> Response:
        return Response()

    def delete(self, request: Any) -> Response:
        return Response()

    def post(self, request: Any) -> Response:
        document = StoneIn(data=request.data)
        document.is_valid(raise_exception=True)
        if document.validated_data["weight"] > 1000:
            raise TooHeavy("Nobody can lift it.", fields={"/weight": "Too much."})
        run = JobRun.objects.create(
            job=f"stone-{JobRun.objects.count()}",
            scheduled_for="2026-01-01T00:00:00Z",
            started_at="2026-01-01T00:00:00Z",
        )
        if self.hold:
            self.hold.wait(10)
        return Response({"id": str(run.pk)}, status=201)


def call(method: str = "post", data: Any = None, **headers: str) -> Any:
    make = getattr(APIRequestFactory(), method)
    request = make("/stones/", data, format="json", headers=headers)
    response = Stones.as_view()(request)
    response.render()
    return response


@pytest.mark.django_db
def test_the_same_key_and_body_have_one_effect_and_the_same_answer():
    first = call(data={"weight": 5}, idempotency_key="key-12345")
    second = call(data={"weight": 5}, idempotency_key="key-12345")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert second["Idempotency-Replayed"] == "true"
    assert JobRun.objects.count() == 1


@pytest.mark.django_db
def test_the_same_key_with_another_body_is_refused_without_effect():
    call(data={"weight": 5}, idempotency_key="key-12345")
    second = call(data={"weight": 6}, idempotency_key="key-12345")

    assert (second.status_code, second.data["code"]) == (422, "idempotency_key_reused")
    assert JobRun.objects.count() == 1


@pytest.mark.django_db
def test_a_refused_request_may_be_corrected_under_the_same_key():
    call(data={"weight": 0}, idempotency_key="key-12345")

    assert call(data={"weight": 5}, idempotency_key="key-12345").status_code == 201
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["short", "x" * 256])
def test_an_unusable_key_is_refused(key):
    assert call(data={"weight": 5}, idempotency_key=key).data["code"] == "idempotency_key_unusable"
    assert not JobRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_twin_is_still_running_is_told_to_wait(monkeypatch):
    hold = threading.Event()
    monkeypatch.setattr(Stones, "hold", hold)
    answers: list[int] = []

    def send() -> None:
        answers.append(call(data={"weight": 5}, idempotency_key="key-12345").status_code)
        connection.close()

    twins = [threading.Thread(target=send) for _ in range(2)]
    for twin in twins:
        twin.start()
    while not answers:
        threading.Event().wait(0.01)
    hold.set()
    for twin in twins:
        twin.join()

    assert sorted(answers) == [201, 409]
    assert JobRun.objects.count() == 1


@pytest.mark.django_db
def test_faults_are_listed_with_pointers():
    response = call(data={"weight": 0, "colours": ["red", "ultraviolet"]})

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert [e["pointer"] for e in response.data["errors"]] == ["/weight", "/colours/1"]


@pytest.mark.django_db
def test_a_refusal_of_a_service_carries_its_code():
    response = call(data={"weight": 2000})

    assert (response.status_code, response.data["code"]) == (409, "too_heavy")
    assert response.data["errors"][0]["pointer"] == "/weight"


@pytest.mark.django_db
def test_a_body_that_is_no_json_is_named_malformed():
    request = APIRequestFactory().post("/stones/", b"{", content_type="application/json")
    response = Stones.as_view()(request)

    assert (response.status_code, response.data["code"]) == (400, "malformed_json")


@pytest.mark.django_db
def test_a_key_without_the_scope_and_a_method_without_a_scope_are_refused():
    assert call("put").data["code"] == "missing_scope"
    assert call("delete").status_code == 403
    assert call("patch").status_code == 405
    assert call("get").status_code == 200


@pytest.mark.django_db
@time_machine.travel("2026-03-02T09:00:15Z", tick=False)
@override_settings(ECRM_API_RATE=3)
def test_too_many_requests_are_told_when_to_come_back():
    answers = [call("get") for _ in range(4)]

    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[-1]["Retry-After"] == "45"


@pytest.mark.django_db
@time_machine.travel("2026-03-02T09:05:15Z", tick=False)
@override_settings(ECRM_API_RATE=300)
def test_a_process_counts_a_hundredth_of_the_rate_ahead():
    def counted(by: int = 0) -> int:
        return cache.count("api-rate:5", by=by, seconds=60, at=time.time())

    django_cache.clear()
    seen = []
    for _ in range(4):
        assert call("get").status_code == 200
        seen.append(counted())
    counted(by=300)  # by another process
    answers = [call("get").status_code for _ in range(3)]

    assert seen == [3, 3, 3, 6]
    assert answers == [200, 200, 429]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("*/*", 200),
        ("application/json", 200),
        ("text/html, application/json;q=0.9", 200),
        ("application/*", 200),
        ("text/html", 406),
    ],
)
def test_answers_are_json_or_refused(accept: str | None, status: int):
    response = call("get", **({} if accept is None else {"accept": accept}))

    assert response.status_code == status
    assert response["Content-Type"].startswith(("application/json", "application/problem+json"))


@pytest.mark.django_db
@override_settings(
    CACHES={
        "default": {
            "BACKEND": "ecrm.kernel.cache.ForgivingRedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
)
def test_without_redis_nobody_is_refused():
    assert call("get").status_code == 200
    assert call(data={"weight": 5}).status_code == 201


@pytest.mark.django_db
def test_pages_are_stable_while_rows_arrive():
    for number in range(5):
        JobRun.objects.create(
            job=f"j{number}", scheduled_for="2026-01-01T00:00Z", started_at="2026-01-01T00:00Z"
        )

    class Rows(APIView):
        authentication_classes = [WithKey]
        required_scopes: ClassVar[dict[str, str]] = {"GET": "stones:read"}

        def get(self, request: Any) -> Response:
            page = CursorPage()
            rows = page.paginate_queryset(JobRun.objects.all(), request, view=self)
            return page.get_paginated_response([row.job for row in rows])

    def fetch(**query: Any) -> Any:
        return Rows.as_view()(APIRequestFactory().get("/", query)).data

    first = fetch(limit=2)
    JobRun.objects.create(
        job="late", scheduled_for="2026-01-01T00:00Z", started_at="2026-01-01T00:00Z"
    )
    second = fetch(limit=2, cursor=first["next"])
    third = fetch(limit=2, cursor=second["next"])

    assert [first["results"], second["results"], third["results"]] == [
        ["j4", "j3"],
        ["j2", "j1"],
        ["j0"],
    ]
    assert third["next"] is None
