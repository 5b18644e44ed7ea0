"""Every address, asked by every role for its own, another shop's and a removed object.

A new URL fails here until it says on the view who may open it (ecrm.kernel.access, or required_scopes
of an API view), and, when it takes arguments, until tests/matrix_objects.py knows an object for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from company import services
from company.extensions import permissions
from ecrm.kernel import access
from tests.company.factories import api_key
from tests.matrix_objects import OBJECTS, Arguments, World

# Views of third parties, which can't carry our markers. "login-stage" is open to who has shown a
# password and owes the second factor; everybody else is sent to the sign-in page.
THIRD_PARTY = {
    "account_reauthenticate": access.SIGNED_IN,
    "account_change_password": access.SIGNED_IN,
    "account_set_password": access.SIGNED_IN,
    "mfa_index": access.SIGNED_IN,
    "mfa_authenticate": "login-stage",
    "mfa_reauthenticate": access.SIGNED_IN,
    "mfa_activate_totp": access.SIGNED_IN,
    "mfa_deactivate_totp": access.SIGNED_IN,
    "mfa_view_recovery_codes": access.SIGNED_IN,
    "mfa_generate_recovery_codes": access.SIGNED_IN,
    "mfa_download_recovery_codes": access.SIGNED_IN,
    "mfa_list_webauthn": access.SIGNED_IN,
    "mfa_add_webauthn": access.SIGNED_IN,
    "mfa_reauthenticate_webauthn": access.SIGNED_IN,
    "mfa_remove_webauthn": access.SIGNED_IN,
    "mfa_edit_webauthn": access.SIGNED_IN,
    "mfa_login_webauthn": access.PUBLIC,
    "openid_connect_login": access.PUBLIC,
    "openid_connect_callback": access.PUBLIC,
    "socialaccount_connections": access.SIGNED_IN,
}

# Where a public page's right answer to a stranger is a refusal.
PUBLIC_ANSWERS = {
    "metrics": {404},
    "socialaccount_login_error": {401},
    "openid_connect_login": {404},
    "openid_connect_callback": {404},
}
# What everybody may see, and keep.
PUBLIC_FILES = {"logo"}
# What following a link, or fetching the picture, of a mail may count; nothing else.
COUNTED = {
    "messaging-tracking:link": {"messaging_hit"},
    "messaging-tracking:picture": {"messaging_hit"},
}
# Pages about a factor or a password which this agent does not have.
NOTHING_TO_DO = {
    "account_reauthenticate": {403},
    "mfa_reauthenticate": {403},
    "mfa_reauthenticate_webauthn": {403},
    "mfa_view_recovery_codes": {404},
    "mfa_download_recovery_codes": {404},
    "mfa_deactivate_totp": {404},
}
SESSION_TABLES = {"django_session", "usersessions_usersession"}


@dataclass(frozen=True)
class Address:
    """One URL pattern and who may open it."""

    name: str
    route: str
    view: Callable[..., HttpResponseBase]

    @property
    def declared(self) -> str | None:
        return getattr(self.view, "ecrm_access", None) or THIRD_PARTY.get(self.name)

    @property
    def scopes(self) -> dict[str, str] | None:
        return getattr(getattr(self.view, "cls", None), "required_scopes", None)

    @property
    def takes_arguments(self) -> bool:
        return "<" in self.route

    def url(self, arguments: Arguments) -> str:
        return reverse(self.name, kwargs=arguments)


def _walk(patterns: list[Any], namespace: str = "", route: str = "") -> Iterator[Address]:
    for pattern in patterns:
        path = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, inner, path)
        elif isinstance(pattern, URLPattern):
            yield Address(f"{namespace}{pattern.name or ''}", path, pattern.callback)


ADDRESSES = list(_walk(get_resolver().url_patterns))
PAGES = [a for a in ADDRESSES if a.declared and not a.name.startswith("demo:")]
API = [a for a in ADDRESSES if a.scopes]


def _each(addresses: list[Address]) -> Any:
    return pytest.mark.parametrize("address", addresses, ids=lambda a: a.name or a.route)


@pytest.fixture(autouse=True)
def _without_second_factor(settings: LazySettings) -> None:
    settings.ECRM_REQUIRE_MFA = False


@pytest.fixture
def world(db: None) -> World:
    return World()


def browser(agent: Any = None) -> Client:
    client = Client(raise_request_exception=True)
    if agent is not None:
        client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    return client


def methods_of(address: Address, arguments: Arguments) -> list[str]:
    """GET and POST, as far as the view knows them; asked as somebody who may do nothing here."""
    allowed = getattr(getattr(address.view, "cls", None), "http_method_names", None)
    if allowed:
        return [m for m in ("get", "post") if m in allowed and hasattr(address.view.cls, m)]
    url = address.url(arguments)
    return [m for m in ("get", "post") if getattr(browser(), m)(url).status_code != 405]


def own_arguments(address: Address, world: World, whose: str = "own") -> Arguments:
    """Arguments for an object of the world's shop (or of another one)."""
    entry = OBJECTS.get(address.name)
    if entry is None:
        return {}
    if entry.belongs_to == "agent":
        return entry.make(world.elsewhere if whose == "other" else world.agents["owner"], world)
    return entry.make(world.other_shop if whose == "other" else world.shop, world)


def is_sent_to_sign_in(response: HttpResponseBase) -> bool:
    return response.status_code == 302 and response["Location"].startswith("/login/")


# --- Nothing is forgotten --------------------------------------------------------------------------


@_each(ADDRESSES)
def test_every_address_says_who_may_open_it(address):
    assert re.search(r"[a-z]$", address.name), f"{address.route} has no name"
    assert address.declared or address.scopes, (
        f"{address.name}: decorate the view with ecrm.kernel.access, or give the API view required_scopes"
    )
    if address.takes_arguments:
        assert address.name in OBJECTS, f"{address.name}: add an entry to tests/matrix_objects.py"


@_each([a for a in PAGES if a.declared not in {access.PUBLIC, access.SIGNED_IN, "login-stage"}])
def test_every_permission_asked_for_is_registered(address):
    assert address.declared in permissions.codes()


def test_no_entry_speaks_of_an_address_that_is_gone():
    names = {address.name for address in ADDRESSES}

    assert not set(OBJECTS) - names
    assert not set(THIRD_PARTY) - names


# --- Pages -----------------------------------------------------------------------------------------


@_each([a for a in PAGES if a.declared == access.PUBLIC])
def test_a_public_page_answers_a_stranger(address, world):
    arguments = own_arguments(address, world)

    response = browser().get(address.url(arguments))

    expected = PUBLIC_ANSWERS.get(address.name, {200, 302, 405})
    assert response.status_code in expected
    entry = OBJECTS.get(address.name)
    if entry and entry.gone:
        gone = browser().get(address.url(entry.of_nobody(arguments)))
        assert gone.status_code in {404, 405}


@_each([a for a in PAGES if a.declared != access.PUBLIC])
def test_strangers_and_the_disabled_are_sent_to_sign_in(address, world):
    arguments = own_arguments(address, world)

    for method in ("get", "post"):
        for client in (browser(), browser(world.disabled)):
            response = getattr(client, method)(address.url(arguments))
            assert is_sent_to_sign_in(response) or response.status_code == 405


@_each([a for a in PAGES if a.declared == access.SIGNED_IN])
def test_a_page_for_every_agent(address, world, settings):
    settings.ECRM_DEMO = True  # the page of components exists in demo mode only
    entry = OBJECTS.get(address.name)
    agent = world.agents["owner" if entry else "without a role"]
    arguments = own_arguments(address, world)
    client = browser(agent)

    expected = {200, 204, 302, 422} | NOTHING_TO_DO.get(address.name, set())
    for method in methods_of(address, arguments):
        # Third parties ask who it is before they look at the method.
        not_known = {405} if method == "post" and address.name in THIRD_PARTY else set()
        response = getattr(client, method)(address.url(arguments))
        assert response.status_code in expected | not_known

    if entry and entry.belongs_to == "agent":
        others = own_arguments(address, world, "other")
        for wrong in (others, entry.of_nobody(arguments)):
            for method in methods_of(address, arguments):
                response = getattr(client, method)(address.url(wrong))
                # Sensitive pages ask for the password before they look.
                is_asked = is_sent_to_sign_in(response) and address.name.startswith("mfa_")
                assert response.status_code == 404 or is_asked


@_each([a for a in PAGES if a.declared == "login-stage"])
def test_a_page_in_the_middle_of_signing_in(address, world):
    response = browser(world.agents["owner"]).get(address.url({}))

    assert response.status_code == 302


GUARDED = [a for a in PAGES if a.declared not in {access.PUBLIC, access.SIGNED_IN, "login-stage"}]


ROLES = ["owner", "manager", "support", "marketing", "viewer", "without a role"]
ANSWERED = {200, 201, 204, 302, 400, 409, 422}


@_each(GUARDED)
def test_a_page_opens_to_who_holds_its_permission_and_to_nobody_else(address, world):
    wrong = [
        f"{role}, {what}: {status}"
        for role in ROLES
        for what, status, expected in _answers(address, world, role)
        if status not in expected
    ]

    assert not wrong


def _answers(address: Address, world: World, role: str) -> Iterator[tuple[str, int, set[int]]]:
    """What the role asked for, the status it got, and the ones that are right."""
    agent = world.agents[role]
    entry = OBJECTS.get(address.name)
    client = browser(agent)

    def status(method: str, arguments: Arguments) -> int:
        return getattr(client, method)(address.url(arguments)).status_code

    def made_for(shop_or_agent: Any) -> Arguments:
        return entry.make(shop_or_agent, world) if entry else {}

    is_mine = entry is not None and entry.belongs_to == "agent"
    holds = agent.has_perm(address.declared)
    if entry and entry.needs_all_shops:
        holds = holds and role == "owner"
    if not holds:
        for method in ("get", "post"):
            yield f"{method} own", status(method, own_arguments(address, world)), {403, 405}
        return

    for method in methods_of(address, own_arguments(address, world)):
        arguments = made_for(agent if is_mine else world.shop)
        yield f"{method} own", status(method, arguments), ANSWERED
        if entry is None or not arguments:
            continue
        yield f"{method} removed", status(method, entry.of_nobody(arguments)), {404}
        if is_mine:
            yield f"{method} other", status(method, made_for(world.elsewhere)), {404}
        elif entry.belongs_to == "shop" and role != "owner":
            yield f"{method} other", status(method, made_for(world.other_shop)), {404}


@_each([a for a in GUARDED if (e := OBJECTS.get(a.name)) and e.belongs_to == "shop"])
def test_the_owner_of_another_shop_reaches_nothing_here(address, world):
    arguments = own_arguments(address, world)

    for method in ("get", "post"):
        response = getattr(browser(world.elsewhere), method)(address.url(arguments))
        assert response.status_code in {404, 405}


# --- Outside demo mode there is no demo -------------------------------------------------------------


@_each([a for a in ADDRESSES if a.name.startswith("demo:")])
def test_demo_pages_do_not_exist_outside_demo_mode(address, world, settings):
    settings.ECRM_DEMO = False
    arguments = own_arguments(address, world)

    for client in (browser(), browser(world.agents["owner"])):
        for method in ("get", "post"):
            assert getattr(client, method)(address.url(arguments)).status_code in {404, 405}


# --- API -------------------------------------------------------------------------------------------


def call(method: str, url: str, key: str | None) -> HttpResponseBase:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client().generic(
        method, url, data="{}", content_type="application/json", headers=headers
    )


@_each(API)
def test_the_api_opens_to_a_key_of_the_shop_with_the_scope(address, world):
    for method, scope in address.scopes.items():
        arguments = own_arguments(address, world)
        url = address.url(arguments)
        other = next(code for code in ("orders:read", "profiles:read") if code != scope)
        _key, right = api_key(world.shop, scope)
        _key, lacking = api_key(world.shop, other)
        revoked_key, revoked = api_key(world.shop, scope)
        services.revoke_api_key(revoked_key.pk, by=None)

        assert call(method, url, None).status_code == 401
        assert call(method, url, "ecrm_nobody00_" + "A" * 43).status_code == 401
        assert call(method, url, revoked).status_code == 401
        assert call(method, url, lacking).status_code == 403
        # An empty document is refused for what it is, after the door.
        assert call(method, url, right).status_code in {200, 201, 204, 400, 404, 409, 422}


@_each([a for a in API if a.takes_arguments and "GET" in a.scopes])
def test_the_api_shows_no_object_of_another_shop(address, world):
    entry = OBJECTS[address.name]
    _key, key = api_key(world.shop, address.scopes["GET"])
    own = entry.make(world.shop, world)
    other = entry.make(world.other_shop, world)

    assert call("GET", address.url(own), key).status_code == 200
    assert call("GET", address.url(other), key).status_code == 404
    assert call("GET", address.url(entry.of_nobody(own)), key).status_code == 404


@_each([a for a in API if a.takes_arguments and set(a.scopes) & {"POST", "PATCH", "DELETE"}])
def test_the_api_changes_no_object_of_another_shop(address, world):
    entry = OBJECTS[address.name]
    other = entry.make(world.other_shop, world)

    for method in set(address.scopes) & {"POST", "PATCH", "DELETE"}:
        _key, key = api_key(world.shop, address.scopes[method])
        before = fingerprint()
        assert call(method, address.url(other), key).status_code in {404, 422}
        assert fingerprint(ignore={"company_apikey"}) == {
            table: state for table, state in before.items() if table != "company_apikey"
        }


@_each(API)
def test_a_session_of_the_back_office_opens_no_api(address, world):
    url = address.url(own_arguments(address, world))

    for method in address.scopes:
        response = browser(world.agents["owner"]).generic(
            method, url, data="{}", content_type="application/json"
        )
        assert response.status_code == 401


# --- Reading changes nothing -----------------------------------------------------------------------


def fingerprint(ignore: set[str] = frozenset()) -> dict[str, tuple[int, str]]:
    """Number of rows and a hash of all rows, for every table of ours."""
    skipped = SESSION_TABLES | set(ignore)
    tables = sorted(set(connection.introspection.table_names()) - skipped)
    parts = [
        f"SELECT '{table}', count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '')"
        f' FROM "{table}" t'
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {table: (count, digest) for table, count, digest in cursor.fetchall()}


@_each(PAGES)
def test_reading_a_page_changes_no_row_and_every_answer_is_safe(address, world):
    url = address.url(own_arguments(address, world))
    client = browser(world.agents["owner"])
    client.get(reverse("backoffice:home"))
    counted = COUNTED.get(address.name, set())
    before = fingerprint()

    for who in (client, browser()):
        for headers in ({}, {"HX-Request": "true"}):
            response = who.get(url, headers=headers)
            assert_safe_headers(response, is_public=address.name in PUBLIC_FILES)
            who.head(url, headers=headers)

    changed = {table for table, now in fingerprint().items() if now != before[table]}
    assert changed <= counted


@_each([a for a in API if "GET" in a.scopes])
def test_reading_the_api_changes_no_row_but_the_keys_last_use(address, world):
    url = address.url(own_arguments(address, world))
    _key, key = api_key(world.shop, address.scopes["GET"])
    call("GET", url, key)
    before = fingerprint()

    call("GET", url, key)

    assert fingerprint() == before


# --- Headers and cookies ---------------------------------------------------------------------------


def directives(response: HttpResponseBase) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split(";")
    return {name: value for name, _space, value in (part.strip().partition(" ") for part in parts)}


def assert_safe_headers(response: HttpResponseBase, *, is_public: bool = False) -> None:
    headers = response.headers
    policy = directives(response)
    assert policy["default-src"] == "'none'"
    if "sandbox" in policy:
        # A customer's mail, shown in a frame of ours that can run nothing and belongs to no origin.
        assert "allow-scripts" not in policy["sandbox"]
        assert "allow-same-origin" not in policy["sandbox"]
        assert policy.get("script-src", "'none'") == "'none'"
        assert policy["frame-ancestors"] in {"'self'", "'none'"}
    else:
        assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in policy["script-src"]
        assert "*" not in policy["script-src"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}
    assert headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    kept_by = headers["Cache-Control"]
    assert is_public or "no-store" in kept_by or "private" in kept_by
    assert "Access-Control-Allow-Origin" not in headers


@_each([a for a in API if "GET" in a.scopes])
def test_every_api_answer_carries_the_security_headers(address, world):
    url = address.url(own_arguments(address, world))
    _key, key = api_key(world.shop, address.scopes["GET"])

    for given in (None, key):
        response = call("GET", url, given)
        assert_safe_headers(response)
        assert response.headers["Content-Type"].startswith(
            ("application/json", "application/problem+json")
        )


def test_pages_that_are_not_found_carry_them_too(world):
    for client in (browser(), browser(world.agents["owner"])):
        assert_safe_headers(client.get("/nothing/here/"))
