"""Mailboxes opened by OAuth 2: a real token server, a real IMAP server that asks for the token."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.urls import reverse
from django.utils.timezone import now

from company.models import AuditEntry
from ecrm.kernel import crypto
from messaging.models import Mailbox, MailboxSignIn, RawMail
from messaging.rules import sign_in as rules
from messaging.services import fetching, mailboxes, sign_ins
from messaging.services.mailboxes import ImapAccount
from messaging.services.sign_ins import OAuthClient
from messaging.transports.imap import ImapFailed, ImapSession
from tests.company.factories import AgentFactory
from tests.messaging.factories import MailboxFactory, mail_bytes
from tests.messaging.imap_server import USER, ImapServer
from tests.messaging.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def tokens(settings: Any) -> Iterator[TokenServer]:
    server = TokenServer()
    settings.ECRM_PRIVATE_HOSTS = [server.place]
    yield server
    server.stop()


@pytest.fixture
def server(tokens: TokenServer) -> Iterator[ImapServer]:
    server = ImapServer()
    server.tokens = tokens.access_tokens
    server.start()
    yield server
    server.stop()


def account(tokens: TokenServer, port: int = 9, **client: Any) -> ImapAccount:
    return ImapAccount(
        host="127.0.0.1",
        port=port,
        security="none",
        username=USER,
        oauth=OAuthClient(
            **{
                "provider": "other",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "authorize_url": "https://provider.example/sign-in",
                "token_url": tokens.url,
                "scope": "imap",
            }
            | client
        ),
    )


def mailbox_of(tokens: TokenServer, port: int = 9, **client: Any) -> Mailbox:
    mailbox = MailboxFactory()
    change(mailbox, account(tokens, port, **client))
    return Mailbox.objects.get(pk=mailbox.pk)


def change(mailbox: Mailbox, given: ImapAccount) -> None:
    mailboxes.change_mailbox(
        mailbox.pk, address=mailbox.address, account=given, is_active=True, by=None
    )


def fetch(mailbox: Mailbox) -> int:
    session = ImapSession(fetching.login_of(mailbox))
    try:
        session.open()
        return fetching.fetch_new(mailbox.pk, session=session, folder=mailbox.folder)
    finally:
        session.close()


def test_signing_in_on_the_provider_s_page_opens_the_mailbox(
    client: Any, tokens: TokenServer, server: ImapServer
) -> None:
    mailbox = mailbox_of(tokens, server.port)
    agent = AgentFactory(owner=True)
    client.force_login(agent)
    server.append(mail_bytes())

    page = client.get(reverse("messaging:mailbox-edit", args=[mailbox.pk]))
    brought = tokens.allow(page.context["sign_in_url"], code="c0de")
    shown = client.get(reverse("messaging:mailbox-sign-in"), brought)
    assert mailbox.address in shown.content.decode()
    assert tokens.asked == []
    answered = client.post(reverse("messaging:mailbox-sign-in"), brought)

    assert answered.url == reverse("messaging:mailbox-edit", args=[mailbox.pk])
    assert fetch(mailbox) == 1
    assert AuditEntry.objects.filter(action="messaging.mailbox-signed-in").exists()
    row = MailboxSignIn.objects.get()
    stored = repr([getattr(row, field.attname) for field in row._meta.concrete_fields])
    assert "access-" not in stored
    assert "refresh-" not in stored
    assert CLIENT_SECRET not in stored


def test_a_code_is_worth_nothing_to_whoever_did_not_begin_the_sign_in(tokens: TokenServer) -> None:
    mailbox = mailbox_of(tokens)
    mine, somebody = AgentFactory(), AgentFactory()
    brought = tokens.allow(sign_ins.address(mailbox, by=mine), code="c0de")
    forged = signing.dumps({"mailbox": mailbox.pk, "agent": mine.pk}, salt="other")

    for state, agent in ((brought["state"], somebody), (forged, mine), ("", mine)):
        with pytest.raises(sign_ins.StaleSignIn):
            sign_ins.redeem(state, code="c0de", by=agent)

    assert tokens.asked == []
    # Another sign-in of the same agent has another verifier: a stolen code fails at the provider.
    other = sign_ins.address(mailbox, by=mine)
    state = other.split("state=")[1].split("&")[0].replace("%3A", ":")
    with pytest.raises(sign_ins.SignInFailed):
        sign_ins.redeem(state, code="c0de", by=mine)


def test_an_access_token_is_used_until_shortly_before_it_ends(tokens: TokenServer) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")
    tokens.refresh_tokens = {"r"}
    at = now()

    first = sign_ins.access_token(mailbox.pk, at=at)
    again = sign_ins.access_token(mailbox.pk, at=at + timedelta(minutes=57))
    later = sign_ins.access_token(mailbox.pk, at=at + timedelta(minutes=59))

    assert (first, again, later) == ("access-1", "access-1", "access-2")


def test_a_refresh_token_that_the_provider_replaces_is_replaced_here_too(
    tokens: TokenServer,
) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")
    tokens.refresh_tokens, tokens.rotates, tokens.seconds = {"r"}, True, 0

    given = [sign_ins.access_token(mailbox.pk) for _ in range(3)]

    assert given == ["access-1", "access-2", "access-3"]
    assert [asked["refresh_token"] for asked in tokens.asked] == ["r", "refresh-1", "refresh-2"]


def test_a_refused_refresh_turns_the_mailbox_red_and_says_what_to_do(
    tokens: TokenServer, client: Any
) -> None:
    mailbox = mailbox_of(tokens, refresh_token="revoked")
    client.force_login(AgentFactory(owner=True))

    for _ in range(2):
        with pytest.raises(ImapFailed) as refused:
            fetching.login_of(mailbox)
        fetching.report_failure(mailbox.pk, error=str(refused.value), at=now())

    assert len(tokens.asked) == 1, "a refused token is not shown again"
    page = client.get(reverse("messaging:mailbox-list")).content.decode()
    assert "Please sign in again." in page
    assert (
        "Sign in again"
        in client.get(reverse("messaging:mailbox-edit", args=[mailbox.pk])).content.decode()
        or "Please sign in again." in page
    )


def test_a_provider_that_is_away_is_asked_again(tokens: TokenServer) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")
    tokens.refresh_tokens, tokens.broken = {"r"}, 503

    with pytest.raises(ImapFailed):
        fetching.login_of(mailbox)
    tokens.broken = 0

    assert fetching.login_of(mailbox).access_token == "access-2"


def test_a_redirect_of_the_token_server_does_not_carry_the_secret_elsewhere(
    tokens: TokenServer,
) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")
    tokens.broken = 307

    with pytest.raises(ImapFailed):
        fetching.login_of(mailbox)

    assert len(tokens.asked) == 1


def test_a_token_that_the_mail_server_refuses_is_asked_for_anew(
    tokens: TokenServer, server: ImapServer, transactional_db: None
) -> None:
    mailbox = mailbox_of(tokens, server.port, refresh_token="r")
    tokens.refresh_tokens = {"r"}
    server.append(mail_bytes())
    sign_ins.access_token(mailbox.pk)
    tokens.access_tokens.clear()  # the provider withdrew it before its time
    watch = fetching.Watch(mailbox.pk)

    watch.start()
    came = _wait_until(RawMail.objects.exists)
    watch.stopping.set()
    watch.join(20)

    assert came
    assert [asked["grant_type"] for asked in tokens.asked] == ["refresh_token"] * 2


def test_a_secret_goes_only_to_the_place_it_was_given_for(tokens: TokenServer) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")

    change(mailbox, account(tokens, 10, client_secret=None))

    row = MailboxSignIn.objects.get()
    assert (row.refresh_token_encrypted, row.signed_in_at) == ("", None)
    assert crypto.decrypt(row.client_secret_encrypted) == CLIENT_SECRET


def test_back_to_a_password_forgets_the_tokens(tokens: TokenServer) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r")

    change(mailbox, ImapAccount(host="127.0.0.1", username=USER, password="p"))

    assert not MailboxSignIn.objects.exists()
    assert fetching.login_of(Mailbox.objects.get()).password == "p"


@pytest.mark.parametrize("url", ["http://169.254.169.254/token", "https://127.0.0.1/token"])
def test_nobody_makes_us_call_our_own_network(tokens: TokenServer, url: str) -> None:
    mailbox = mailbox_of(tokens, refresh_token="r", token_url=url)

    with pytest.raises(ImapFailed):
        fetching.login_of(mailbox)


def test_no_secret_is_logged(tokens: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mailbox = mailbox_of(tokens, refresh_token="hush-hush")
    tokens.refresh_tokens = {"hush-hush"}
    sign_ins.access_token(mailbox.pk)
    tokens.refresh_tokens.clear()
    sign_ins.forget_access(mailbox.pk)
    with pytest.raises(sign_ins.SignInFailed):
        sign_ins.access_token(mailbox.pk)

    told = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert "invalid_grant" in told
    for secret in ("hush-hush", CLIENT_SECRET, "access-1"):
        assert secret not in told


def test_the_addresses_of_the_great_providers_are_known() -> None:
    google = rules.shape("google")
    microsoft = rules.shape("microsoft", tenant="contoso")

    assert google.token_url == "https://oauth2.googleapis.com/token"
    assert "access_type=offline" in rules.authorization_url(
        google, client_id="c", redirect_uri="r", state="s", verifier="v", login_hint=""
    )
    assert microsoft.authorize_url.startswith("https://login.microsoftonline.com/contoso/")
    assert "offline_access" in microsoft.scope


def test_a_user_name_cannot_forge_the_parts_of_the_answer() -> None:
    with pytest.raises(ValueError, match="control"):
        rules.xoauth2("x\x01auth=Bearer y", "token")


def test_the_form_asks_for_what_the_way_in_needs(client: Any) -> None:
    mailbox = MailboxFactory()
    client.force_login(AgentFactory(owner=True))
    url = reverse("messaging:mailbox-edit", args=[mailbox.pk])
    common = {
        "address": mailbox.address,
        "port": 993,
        "security": "tls",
        "username": "x@maison.example",
        "folder": "INBOX",
    }

    refused = client.post(url, common | {"sign_in": "other", "token_url": "http://nearby/token"})
    kept = client.post(
        url, common | {"sign_in": "google", "client_id": "c", "client_secret": "s"}, follow=True
    )

    assert refused.status_code == 422
    assert {"host", "client_id", "token_url"} <= set(refused.context["form"].errors)
    assert Mailbox.objects.get().host == "imap.gmail.com"
    assert "accounts.google.com" in kept.context["sign_in_url"]
    tested = client.post(url, common | {"sign_in": "google", "client_id": "c", "test": "1"})
    assert "Nobody has signed in" in tested.content.decode()


def _edit(mailbox: Mailbox) -> str:
    return reverse("messaging:mailbox-edit", args=[mailbox.pk])


def _wait_until(happened: Any, seconds: float = 60) -> bool:
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if happened():
            return True
        pause.wait(0.1)
    return False
