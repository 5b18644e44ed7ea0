"""The pages of the post office."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from ecrm.kernel import crypto
from messaging.models import DeliveryAttempt, Mailbox, MailServer, OutgoingMessage, RawMail
from messaging.services import outgoing
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import (
    AttachmentFactory,
    MailboxFactory,
    MailFactory,
    OutgoingMessageFactory,
    RawMailFactory,
)
from tests.messaging.imap_server import PASSWORD, USER, ImapServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return ShopFactory()


@pytest.fixture
def client(shop) -> Client:
    client = Client()
    client.force_login(AgentFactory(role="manager", shop=shop))
    return client


def failed(**options: object) -> OutgoingMessage:
    """A message that a server refused."""
    message = OutgoingMessageFactory(
        state="failed",
        reason="unknown_recipient",
        reason_detail="550 5.1.1",
        settled_at=now(),
        **options,
    )
    DeliveryAttempt.objects.create(
        message=message,
        number=1,
        host="mx.example:25",
        lease_token=message.uuid,
        outcome="rejected",
        reply_code=550,
        reply_text="5.1.1 no such user",
        started_at=now(),
        finished_at=now(),
    )
    return message


# --- Outgoing ---


def test_the_log_costs_the_same_for_one_message_and_for_many(
    client, shop, assert_flat_queries
) -> None:
    url = reverse("messaging:outgoing-list")

    assert_flat_queries(lambda: client.get(url), add_rows=lambda: failed(shop=shop), budget=14)


def test_the_log_shows_only_mail_of_the_agent_s_shops(client, shop) -> None:
    OutgoingMessageFactory(shop=shop, recipient="ours@example.org")
    OutgoingMessageFactory(recipient="theirs@example.org")
    OutgoingMessageFactory(
        shop=None, from_name="", from_address="x@y.example", recipient="agent@example.org"
    )

    page = client.get(reverse("messaging:outgoing-list")).content.decode()

    assert "ours@example.org" in page
    assert "theirs@example.org" not in page
    assert "agent@example.org" not in page


def test_an_owner_sees_that_account_mail_went_but_not_what_it_says(shop) -> None:
    client = Client()
    client.force_login(AgentFactory(owner=True))
    message = OutgoingMessageFactory(
        shop=None,
        from_name="",
        from_address="x@y.example",
        is_confidential=True,
        text="https://secret/",
    )

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()

    assert message.recipient in page
    assert "https://secret/" not in page
    assert client.get(reverse("messaging:outgoing-frame", args=[message.pk])).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=claire", {"claire@example.org"}),
        ("q=Retard", {"late@example.org"}),
        ("state=waiting", {"claire@example.org"}),
        ("state=failed", {"late@example.org"}),
        ("purpose=marketing", set()),
    ],
)
def test_the_log_is_narrowed_by_search_and_filters(
    client, shop, query: str, found: set[str]
) -> None:
    OutgoingMessageFactory(shop=shop, recipient="claire@example.org")
    failed(shop=shop, recipient="late@example.org", subject="Retard")

    page = client.get(f"{reverse('messaging:outgoing-list')}?{query}").content.decode()

    assert {who for who in ("claire@example.org", "late@example.org") if who in page} == found


@pytest.mark.parametrize("page", ["outgoing-list", "template-list", "suppression-list"])
def test_the_rail_shows_that_a_page_of_the_post_office_is_open(client, page: str) -> None:
    rail = client.get(reverse(f"messaging:{page}")).content.decode().split('id="rail-list"')[1]

    entry = rail[rail.index('href="/mail/"') : rail.index("</li>", rail.index('href="/mail/"'))]
    assert 'aria-current="page"' in entry


def test_a_message_says_why_it_did_not_go(client, shop) -> None:
    message = failed(shop=shop)

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()

    assert "The address does not exist" in page
    assert "mx.example:25 refused it" in page
    assert "550 5.1.1 no such user" in page


def test_a_waiting_message_says_that_the_server_is_down(client, shop) -> None:
    MailServer.objects.create(
        host="mx.example:25",
        failures=2,
        failing_since=now() - timedelta(minutes=3),
        next_try_at=now(),
        last_error="Connection refused",
    )
    message = OutgoingMessageFactory(shop=shop)

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()

    assert "Connection refused" in page


def test_htmx_gets_the_rows_or_the_panel(client, shop) -> None:
    message = OutgoingMessageFactory(shop=shop)

    rows = client.get(
        reverse("messaging:outgoing-list"), headers={"HX-Request": "true", "HX-Target": "list"}
    )
    panel = client.get(
        reverse("messaging:outgoing-page", args=[message.pk]),
        headers={"HX-Request": "true", "HX-Target": "panel"},
    )

    assert b"<html" not in rows.content
    assert b"ec-panel-head" in panel.content
    assert "HX-Target" in rows["Vary"]


def test_the_preview_can_run_nothing_and_load_nothing(client, shop) -> None:
    message = OutgoingMessageFactory(
        shop=shop,
        html="<!doctype html><html><head><title>x</title></head><body>Bonjour</body></html>",
    )

    response = client.get(reverse("messaging:outgoing-frame", args=[message.pk]))

    policy = response["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert b'<head><base target="_blank"><title>' in response.content


def test_a_message_can_be_stopped_and_sent_again(client, shop) -> None:
    waiting, refused = OutgoingMessageFactory(shop=shop), failed(shop=shop)

    client.post(reverse("messaging:outgoing-cancel", args=[waiting.pk]))
    client.post(reverse("messaging:outgoing-retry", args=[refused.pk]))

    waiting.refresh_from_db()
    refused.refresh_from_db()
    assert (waiting.state, refused.state) == ("cancelled", "pending")
    page = client.get(reverse("messaging:outgoing-page", args=[waiting.pk])).content.decode()
    assert "stopped it" in page


def test_what_cannot_be_stopped_says_so(client, shop) -> None:
    message = failed(shop=shop)

    response = client.post(reverse("messaging:outgoing-cancel", args=[message.pk]))

    assert [str(m) for m in get_messages(response.wsgi_request)] == [
        "This message can no longer be stopped."
    ]


def test_a_reader_of_the_log_cannot_send_again(shop) -> None:
    client = Client()
    client.force_login(AgentFactory(role="viewer", shop=shop))
    message = failed(shop=shop)

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()

    assert reverse("messaging:outgoing-retry", args=[message.pk]) not in page
    assert client.post(reverse("messaging:outgoing-retry", args=[message.pk])).status_code == 403


# --- Received ---


def test_the_received_mail_costs_the_same_for_one_and_many(
    client, shop, assert_flat_queries
) -> None:
    url = reverse("messaging:received-list")
    box = MailboxFactory(shop=shop)

    assert_flat_queries(
        lambda: client.get(url), add_rows=lambda: MailFactory(mailbox=box), budget=18
    )


def test_the_outcomes_add_up_before_the_agent_s_eyes(client, shop) -> None:
    box = MailboxFactory(shop=shop)
    MailFactory(mailbox=box, raw__outcome="message-added", raw__settled_at=now())
    MailFactory(mailbox=box)
    RawMailFactory(mailbox=box, quarantined=True)

    response = client.get(reverse("messaging:received-list"))

    sums = response.context["sums"]
    assert sums["total"] == sum(part["number"] for part in sums["parts"]) == 3
    assert "Please run manage.py verify" not in response.content.decode()


def test_a_quarantined_mail_can_be_saved_and_read_again(client, shop) -> None:
    raw = RawMailFactory(mailbox__shop=shop, quarantined=True)

    page = client.get(reverse("messaging:received-page", args=[raw.pk])).content.decode()
    saved = client.get(reverse("messaging:raw-download", args=[raw.pk]))
    client.post(reverse("messaging:raw-retry", args=[raw.pk]))

    assert "It has no headers" in page
    assert saved.content == bytes(raw.content.body)
    assert saved["Content-Disposition"] == f'attachment; filename="mail-{raw.pk}.eml"'
    raw.refresh_from_db()
    assert raw.state == "received"


def test_a_received_mail_is_shown_with_its_own_pictures_only(client, shop) -> None:
    mail = MailFactory(
        mailbox__shop=shop, html_clean='<p>Photo <img src="cid:a"><img src="cid:gone"></p>'
    )
    picture = AttachmentFactory(mail=mail, content_id="a", is_inline=True)

    frame = client.get(reverse("messaging:received-frame", args=[mail.pk])).content.decode()

    assert f'src="{reverse("messaging:attachment", args=[picture.pk])}"' in frame
    assert "cid:" not in frame


def test_files_are_saved_and_never_run(client, shop) -> None:
    mail = MailFactory(mailbox__shop=shop)
    page = AttachmentFactory(mail=mail, name='évil".html', content_type="text/html")
    picture = AttachmentFactory(mail=mail, position=1)

    saved = client.get(reverse("messaging:attachment", args=[page.pk]))
    shown = client.get(reverse("messaging:attachment", args=[picture.pk]))

    assert saved["Content-Type"] == "application/octet-stream"
    assert saved["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in saved["Content-Security-Policy"]
    assert saved["X-Content-Type-Options"] == "nosniff"
    assert shown["Content-Type"] == "image/png"


# --- Mailboxes ---


@pytest.fixture
def server() -> Iterator[ImapServer]:
    server = ImapServer()
    server.start()
    yield server
    server.stop()


def given(shop, **changes: object) -> dict[str, object]:
    return {
        "shop": shop.pk,
        "address": "Bonjour@Maison.example",
        "host": "127.0.0.1",
        "port": 993,
        "security": "none",
        "username": USER,
        "password": PASSWORD,
        "folder": "INBOX",
        **changes,
    }


def test_a_mailbox_is_added_and_its_password_kept_encrypted(client, shop) -> None:
    response = client.post(reverse("messaging:mailbox-create"), given(shop))

    assert response.status_code == 302
    mailbox = Mailbox.objects.get()
    assert mailbox.address == "bonjour@maison.example"
    assert PASSWORD not in mailbox.secret_encrypted
    assert crypto.decrypt(mailbox.secret_encrypted) == PASSWORD


def test_a_connection_is_tried_before_anything_is_kept(client, shop, server: ImapServer) -> None:
    url = reverse("messaging:mailbox-create")
    htmx = {"HX-Request": "true", "HX-Target": "connection"}

    good = client.post(url, given(shop, port=server.port, test="1"), headers=htmx)
    bad = client.post(url, given(shop, port=server.port, password="no", test="1"), headers=htmx)
    unfinished = client.post(url, given(shop, password="", test="1"), headers=htmx)

    assert "can be reached" in good.content.decode()
    assert "ec-alert-error" in bad.content.decode()
    assert "The server asks for a password." in unfinished.content.decode()
    assert not Mailbox.objects.exists()


def test_a_stored_password_is_kept_but_never_sent_to_another_server(client, shop) -> None:
    client.post(reverse("messaging:mailbox-create"), given(shop))
    mailbox = Mailbox.objects.get()
    url = reverse("messaging:mailbox-edit", args=[mailbox.pk])

    same = client.post(url, given(shop, password="", folder="Support", is_active="on"))
    elsewhere = client.post(url, given(shop, password="", host="evil.example", test="1"))

    mailbox.refresh_from_db()
    assert same.status_code == 302
    assert (mailbox.folder, crypto.decrypt(mailbox.secret_encrypted)) == ("Support", PASSWORD)
    assert elsewhere.status_code == 422
    assert "please enter the password again" in elsewhere.content.decode()


def test_the_password_is_never_shown_again(client, shop) -> None:
    client.post(reverse("messaging:mailbox-create"), given(shop))

    page = client.get(reverse("messaging:mailbox-edit", args=[Mailbox.objects.get().pk]))

    assert PASSWORD not in page.content.decode()


def test_an_address_belongs_to_one_mailbox(client, shop) -> None:
    MailboxFactory(address="bonjour@maison.example")

    response = client.post(reverse("messaging:mailbox-create"), given(shop))

    assert response.status_code == 422
    assert "Another mailbox has this address." in response.content.decode()


def test_a_mailbox_cannot_be_added_to_a_shop_of_others(client, shop) -> None:
    response = client.post(reverse("messaging:mailbox-create"), given(ShopFactory()))

    assert response.status_code == 422
    assert not Mailbox.objects.exists()


def test_the_list_of_mailboxes_says_how_each_is_doing(client, shop, assert_flat_queries) -> None:
    MailboxFactory(
        shop=shop, host="imap.example", failures=1, failing_since=now(), last_error="no route"
    )
    RawMailFactory(mailbox=MailboxFactory(shop=shop), quarantined=True)
    url = reverse("messaging:mailbox-list")

    page = client.get(url).content.decode()

    assert "Cannot be fetched" in page
    assert "no route" in page
    assert "outcome=quarantined" in page
    assert_flat_queries(
        lambda: client.get(url), add_rows=lambda: MailboxFactory(shop=shop), budget=14
    )


# --- Timeline ---


def test_mail_stands_on_the_customer_s_timeline(shop) -> None:
    from messaging.web import timeline
    from tests.profiles.factories import ProfileFactory

    profile = ProfileFactory()
    message = failed(shop=shop, profile=profile, subject="Votre commande")
    record = type(
        "Record", (), {"pk": 1, "payload": {"message_id": message.pk, "reason": "refused"}}
    )

    texts = timeline._failed([record])  # type: ignore[list-item] # only what a record shows

    assert texts[1].detail == "Votre commande"
    assert "The server refused the message" in texts[1].title


def test_only_who_sees_a_shop_s_mail_may_follow_it(shop) -> None:
    from messaging import permissions

    agent = AgentFactory(role="viewer", shop=shop)

    assert permissions.may_follow(agent, f"mail:shop:{shop.pk}")
    assert not permissions.may_follow(agent, f"mail:shop:{ShopFactory().pk}")
    assert not permissions.may_follow(agent, "mail:shop:x")
    assert not permissions.may_follow(agent, f"orders:shop:{shop.pk}")


def test_cancelling_what_is_being_sent_is_refused(shop) -> None:
    message = OutgoingMessageFactory(
        shop=shop, state="claimed", lease_until=now(), lease_token="0" * 32
    )

    with pytest.raises(outgoing.MessageNotCancellable):
        outgoing.cancel_message(message.pk, by=None)


def test_raw_mail_of_other_shops_cannot_be_saved(client) -> None:
    raw = RawMailFactory()

    assert client.get(reverse("messaging:raw-download", args=[raw.pk])).status_code == 404
    assert RawMail.objects.exists()
