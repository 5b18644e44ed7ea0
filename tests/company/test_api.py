"""The API's door: keys in the Authorization header."""

from __future__ import annotations

import base64

import pytest
from django.test import Client

from company.models import ApiKey
from company.services import keys
from tests.company.factories import ShopFactory, api_key

pytestmark = pytest.mark.django_db

URL = "/api/v1/orders"


def get(authorization: str | None, **options):
    headers = {"Authorization": authorization} if authorization is not None else {}
    return Client().get(URL, headers=headers, **options)


@pytest.fixture
def key() -> str:
    return api_key(ShopFactory(), "orders:read")[1]


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("write", ["Bearer {}", "bearer {}", "BEARER  {}"])
def test_a_bearer_key_opens(key, write):
    assert get(write.format(key)).status_code == 200


def test_a_key_as_basic_user_opens(key):
    assert get(basic(key)).status_code == 200


def test_without_a_key_the_answer_names_the_scheme_and_no_error():
    response = get(None)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer nonsense",
        "Bearer ",
        "Bearer",
        "Bearer ecrm_abcdefghjk_" + "A" * 43,
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        basic(""),
        "Bearer " + "A" * 100_000,
        "Bearer \x00",
    ],
)
def test_a_key_of_no_use_is_called_invalid(authorization):
    response = get(authorization)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert response.json()["code"] == "invalid_token"


@pytest.mark.parametrize("scheme", ["Digest x", "Negotiate", "ecrm_x"])
def test_another_scheme_is_as_good_as_none(scheme):
    assert get(scheme)["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_key_in_the_address_is_no_key(key):
    assert Client().get(f"{URL}?key={key}&access_token={key}").status_code == 401


def test_the_door_costs_one_query_a_second(key, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0)
    get(f"Bearer {key}")
    from rest_framework.request import Request
    from rest_framework.test import APIRequestFactory

    from company.api.authentication import ApiKeyAuthentication

    request = Request(APIRequestFactory().get(URL, headers={"Authorization": f"Bearer {key}"}))

    with django_assert_num_queries(0):
        _user, info = ApiKeyAuthentication().authenticate(request)
    monkeypatch.setattr(keys, "monotonic", lambda: 1001.0)
    with django_assert_num_queries(1):
        assert ApiKeyAuthentication().authenticate(request)[1] == info

    assert info.shop_id == ApiKey.objects.get().shop_id
    assert info.scopes == {"orders:read"}


def test_a_missing_scope_is_told_by_name(key):
    response = Client().put(
        f"{URL}/1",
        "{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert response.status_code == 403
    assert response.json()["code"] == "missing_scope"


def test_wrong_keys_from_one_address_are_slowed_down_but_the_right_one_works(key):
    wrong = "Bearer ecrm_abcdefghjk_" + "A" * 43

    answers = [get(wrong).status_code for _ in range(22)]

    assert answers[:20] == [401] * 20
    assert answers[-1] == 429
    assert int(get(wrong)["Retry-After"]) > 0
    assert get(f"Bearer {key}").status_code == 200
    assert get(wrong, REMOTE_ADDR="192.0.2.9").status_code == 401


def test_many_different_wrong_keys_are_slowed_down_too(monkeypatch):
    monkeypatch.setattr("company.api.authentication.FAILURES_PER_ADDRESS", 5)

    answers = [get(f"Bearer ecrm_abcdefghjk_{n:043}").status_code for n in range(7)]

    assert answers == [401] * 5 + [429] * 2
