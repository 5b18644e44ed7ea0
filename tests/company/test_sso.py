"""Single sign-on against an issuer that speaks OpenID Connect over real HTTP on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse

from company import services
from company.models import Agent
from tests.company.factories import AgentFactory

pytestmark = pytest.mark.django_db


class Issuer(BaseHTTPRequestHandler):
    """Vouches for whoever `person` is."""

    person: dict[str, Any] = {}

    def do_GET(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._answer(
            self.person
            if self.path == "/userinfo"
            else {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/keys",
            }
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "token", "token_type": "Bearer"})

    def log_message(self, *args: Any) -> None: ...

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def issuer(settings) -> Iterator[type[Issuer]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ECRM_REQUIRE_MFA = False
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": "Maison SSO",
                    "client_id": "ecrm",
                    "secret": "s",
                    "settings": {"server_url": f"http://127.0.0.1:{server.server_address[1]}"},
                }
            ]
        }
    }
    Issuer.person = {"sub": "42", "email": "camille@maison.example", "email_verified": True}
    yield Issuer
    server.shutdown()
    server.server_close()


def come_by_sso(client: Client) -> Any:
    start = client.post(reverse("openid_connect_login", args=["sso"]))
    state = parse_qs(urlsplit(start["Location"]).query)["state"][0]
    return client.get(
        reverse("openid_connect_callback", args=["sso"]), {"code": "x", "state": state}
    )


def is_in(client: Client) -> bool:
    return client.get("/settings/account/").status_code == 200


def test_the_sign_in_page_offers_it(issuer, client):
    assert "Maison SSO" in client.get("/login/").content.decode()


def test_an_agent_comes_in_and_is_linked_by_issuer_and_subject(issuer, client):
    agent = AgentFactory(email="camille@maison.example")

    response = come_by_sso(client)

    assert response["Location"] == "/"
    assert is_in(client)
    account = SocialAccount.objects.get()
    assert (account.user_id, account.provider, account.uid) == (agent.pk, "sso", "42")


@pytest.mark.parametrize("claim", [False, None, "true", "false", 1])
def test_an_address_the_issuer_has_not_verified_links_nothing(issuer, client, claim):
    AgentFactory(email="camille@maison.example")
    issuer.person = issuer.person | {"email_verified": claim}

    come_by_sso(client)

    assert not is_in(client)
    assert not SocialAccount.objects.exists()


def test_a_stranger_becomes_no_agent_and_hears_why(issuer, client):
    response = come_by_sso(client)

    assert response["Location"] == "/login/"
    assert "Ask for an invitation" in client.get("/login/").content.decode()
    assert not Agent.objects.exists()


def test_a_disabled_agent_stays_out(issuer, client):
    agent = AgentFactory(email="camille@maison.example")
    AgentFactory(owner=True)
    come_by_sso(client)
    services.disable_agent(agent.pk, by=None)

    again = Client()
    come_by_sso(again)

    assert not is_in(client)
    assert not is_in(again)


def test_another_subject_with_the_same_address_does_not_take_the_account_over_silently(
    issuer, client
):
    agent = AgentFactory(email="camille@maison.example")
    come_by_sso(client)
    issuer.person = issuer.person | {"sub": "43", "email": "other@maison.example"}

    again = Client()
    come_by_sso(again)

    assert not is_in(again)
    assert list(agent.socialaccount_set.values_list("uid", flat=True)) == ["42"]


def test_the_second_factor_is_still_asked_for(issuer, client):
    agent = AgentFactory(email="camille@maison.example")
    TOTP.activate(agent, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(agent)

    response = come_by_sso(client)

    assert response["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)


def test_an_answer_without_our_state_is_refused(issuer, client):
    AgentFactory(email="camille@maison.example")
    client.post(reverse("openid_connect_login", args=["sso"]))

    client.get(reverse("openid_connect_callback", args=["sso"]), {"code": "x", "state": "forged"})

    assert not is_in(client)


def test_a_link_alone_starts_nothing(issuer, client):
    response = client.get(reverse("openid_connect_login", args=["sso"]))

    assert response.status_code == 200
    assert "Maison SSO" in response.content.decode()
