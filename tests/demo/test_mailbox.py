"""The demo mailbox over real SMTP, and its pages."""

from __future__ import annotations

import re
import smtplib
import threading
from datetime import UTC, datetime

import pytest
from django.test import override_settings
from django.urls import reverse

from demo import mime, transports
from demo.models import DemoMail
from demo.services import mailbox
from messaging import services as messaging
from messaging.models import RawMail
from tests.company.factories import ShopFactory
from tests.story.outside import free_port, wait_for

CUSTOMER = "lea@mail.example"


@pytest.fixture
def post_office(transactional_db):
    """The demo's SMTP server in a thread; its port."""
    port, stop = free_port(), threading.Event()
    options = {"port": port, "deliver": mailbox.receive}
    thread = threading.Thread(target=transports.serve, args=(stop,), kwargs=options)
    thread.start()
    wait_for("the SMTP server", lambda: smtplib.SMTP("127.0.0.1", port).quit())
    with override_settings(ECRM_DEMO=True, ECRM_DEMO_SMTP_PORT=port):
        yield port
    stop.set()
    thread.join()


@pytest.fixture
def shop(transactional_db):
    shop = ShopFactory(support_email="bonjour@alba.example")
    messaging.create_mailbox(shop_id=shop.pk, address="bonjour@alba.example", by=None)
    return shop


def mail_to(recipient: str, **changes) -> bytes:
    parts = {
        "from_name": "Maison Alba",
        "from_address": "bonjour@alba.example",
        "to_address": recipient,
        "subject": "Votre commande",
        "text": "Merci !",
        "message_id": "<one@alba.example>",
        "written_at": datetime.now(UTC),
    }
    return mime.compose(**(parts | changes))


def send(port: int, recipient: str, raw: bytes) -> None:
    transports.submit(raw, sender="bonjour@alba.example", recipient=recipient, port=port)


def test_mail_to_a_customer_lies_in_his_mailbox(post_office):
    send(post_office, CUSTOMER, mail_to(CUSTOMER))

    mail = DemoMail.objects.get()
    assert (mail.owner, mail.subject, mail.read_at) == (CUSTOMER, "Votre commande", None)
    assert not RawMail.objects.exists()


def test_the_same_mail_twice_is_one_mail(post_office):
    raw = mail_to(CUSTOMER)

    send(post_office, CUSTOMER, raw)
    send(post_office, CUSTOMER, raw)

    assert DemoMail.objects.count() == 1


def test_mail_to_the_shop_takes_the_real_way_in(post_office, shop):
    raw = mail_to("bonjour@alba.example", from_address=CUSTOMER)

    send(post_office, "bonjour@alba.example", raw)

    assert RawMail.objects.get().source == "smtp"
    assert not DemoMail.objects.exists()


def test_a_customer_answers_in_the_thread(post_office, shop, client):
    send(post_office, CUSTOMER, mail_to(CUSTOMER))
    mail = DemoMail.objects.get()

    answer = client.post(reverse("demo:answer", args=[mail.pk]), {"text": "Merci à vous !"})

    own = DemoMail.objects.get(is_sent=True)
    assert answer.url == reverse("demo:mail", args=[own.pk])
    assert own.references == ["<one@alba.example>"]
    assert own.thread == mail.thread
    raw = bytes(RawMail.objects.get().content.body)
    assert b"In-Reply-To: <one@alba.example>" in raw
    assert mime.read(raw).text.startswith("Merci à vous !")


def test_a_new_mail_can_be_written(post_office, shop, client):
    form = {
        "to_address": "bonjour@fr.maison-alba.example",
        "name": "Léa Roux",
        "address": CUSTOMER,
        "subject": "Question",
        "text": "Bonjour ?",
    }

    answer = client.post(reverse("demo:write"), form)

    assert answer.status_code == 302
    assert DemoMail.objects.filter(owner=CUSTOMER, is_sent=True).count() == 1


@override_settings(ECRM_DEMO=True)
def test_an_answer_is_kept_in_the_form_when_the_server_is_away(client, db):
    mailbox.keep(mail_to(CUSTOMER), owner=CUSTOMER)
    mail = DemoMail.objects.get()

    with override_settings(ECRM_DEMO_SMTP_PORT=free_port()):
        answer = client.post(reverse("demo:answer", args=[mail.pk]), {"text": "Noch da?"})

    assert answer.status_code == 422
    assert "Noch da?" in answer.content.decode()
    assert DemoMail.objects.count() == 1


@override_settings(ECRM_DEMO=True)
def test_looking_at_a_mail_changes_nothing_and_reading_it_is_a_post(client, db):
    mailbox.keep(mail_to(CUSTOMER), owner=CUSTOMER)
    mail = DemoMail.objects.get()

    assert client.get(reverse("demo:mail", args=[mail.pk])).status_code == 200
    mail.refresh_from_db()
    assert mail.read_at is None

    assert client.post(reverse("demo:mark-read", args=[mail.pk])).status_code == 204
    mail.refresh_from_db()
    assert mail.read_at is not None


@override_settings(ECRM_DEMO=True)
def test_the_html_of_a_mail_runs_nothing(client, db):
    mailbox.keep(mail_to(CUSTOMER, html="<p>Hi</p><script>alert(1)</script>"), owner=CUSTOMER)
    mail = DemoMail.objects.get()

    page = client.get(reverse("demo:mail", args=[mail.pk])).content.decode()
    body = client.get(reverse("demo:mail-body", args=[mail.pk]))

    assert "<script>alert(1)" not in page
    frame = re.search(r"<iframe[^>]*>", page)
    assert frame is not None
    assert 'sandbox="allow-same-origin"' in frame[0]
    policy = body.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy


@override_settings(ECRM_DEMO=True)
def test_a_file_is_saved_and_never_shown(client, db):
    file = mime.File(name="x.html", content_type="text/html", content=b"<script>alert(1)</script>")
    mailbox.keep(mail_to(CUSTOMER, files=[file]), owner=CUSTOMER)
    mail = DemoMail.objects.get()

    answer = client.get(reverse("demo:mail-file", args=[mail.pk, 0]))

    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert client.get(reverse("demo:mail-file", args=[mail.pk, 1])).status_code == 404


@override_settings(ECRM_DEMO=False)
@pytest.mark.parametrize("name", ["demo:mailbox", "demo:write", "demo:shop"])
def test_outside_demo_mode_there_is_nothing(client, db, name):
    assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse(name)).status_code in {404, 405}


@override_settings(ECRM_DEMO=True)
def test_a_narrow_screen_leads_back_to_the_mailbox_of_the_open_mail(client, transactional_db):
    for owner in (CUSTOMER, "ben@mail.example"):
        raw = mail_to(owner, subject=f"For {owner}", message_id=f"<{owner}>")
        mailbox.keep(raw, owner=owner, at=datetime.now(UTC))
    mail = DemoMail.objects.get(owner=CUSTOMER)

    opened = client.get(reverse("demo:mail", args=[mail.pk])).content.decode()
    back = f"{reverse('demo:mailbox')}?of={mail.pk}"

    assert back in opened
    assert f"For {CUSTOMER}" in client.get(back).content.decode()
