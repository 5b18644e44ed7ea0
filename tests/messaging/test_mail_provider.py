"""Mail by the API of a provider: single mails, batches, and what becomes of a call without an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecrm.kernel.models import EventRecord
from messaging.mime import mass
from messaging.mime.blanks import Dialect, Form
from messaging.models import DeliveryAttempt, MailServer, OutgoingMessage
from messaging.rules.hits import CLICKS, OPENS
from messaging.services import carriers, mailings, provider_calls
from messaging.services.mailings import MassRecipient
from messaging.services.mass_by_provider import ProviderMassSender
from messaging.services.sending import Sender
from messaging.transports import journal
from messaging.transports.provider_api import InvalidProviderUrl, Provider
from messaging.transports.providers import Tracked
from tests.messaging.conftest import Clock
from tests.messaging.factories import EagerShopFactory, OutgoingMessageFactory
from tests.messaging.mail_provider import Server
from tests.messaging.test_faults import assert_promises_kept, run_and_die

pytestmark = pytest.mark.django_db(transaction=True)

HTML = "<p>Bonjour {{ first_name }}, -20%recipient.b0% {% x %} <a href='https://shop.example/a'>voir</a></p>"
PROVIDERS = ["mailgun", "brevo"]
both = pytest.mark.parametrize("provider", PROVIDERS)
SEND_MASS = """
import sys, django; django.setup()
from pathlib import Path
from messaging.services.mass_by_provider import ProviderMassSender
ProviderMassSender(sys.argv[1], journals=Path(sys.argv[2])).send_due()
"""


def queue(*people: str, same_address: bool = False) -> list[OutgoingMessage]:
    """One mass mail for each of these first names."""
    shop = EagerShopFactory()
    wording = mailings.keep_wording(
        shop_id=shop.pk,
        language="fr",
        subject="{{ first_name }}, l'été est là",
        html_source=HTML,
    )
    recipients = [
        MassRecipient(
            to=f"{'one' if same_address else number}@example.org",
            profile_id=None,
            data={"first_name": name} if name else {},
            dedupe_key=f"campaign:1:{number}",
        )
        for number, name in enumerate(people)
    ]
    mailings.queue_many(wording, recipients=recipients, about="campaign:1")
    return list(OutgoingMessage.objects.order_by("pk"))


def send(sender: ProviderMassSender) -> None:
    while sender.send_due():
        pass


def states() -> list[str]:
    return list(OutgoingMessage.objects.order_by("pk").values_list("state", flat=True))


# --- Single mails ---


@both
def test_a_single_mail_keeps_its_headers_and_learns_the_number_the_provider_gives_it(
    provider: str, mail_provider: Server, make_sender: Callable[..., Sender]
) -> None:
    message = OutgoingMessageFactory(
        from_name='Café "Ô"',
        text="Voici {{ params.b0 }} et %unsubscribe_url%.",
        html="<p>Voici {{ params.b0 }}</p>",
        in_reply_to="<question@example.org>",
        references=["<first@example.org>", "<question@example.org>"],
        reply_to="answers@example.com",
    )

    assert make_sender(mail_provider.url(provider)).send_due()

    [taken] = mail_provider.desk.taken
    message.refresh_from_db()
    headers = {name.lower(): value for name, value in taken.headers.items()}
    assert (taken.recipient, taken.subject) == (message.recipient, message.subject)
    assert taken.text == message.text, "nothing of it is a mark"
    assert taken.html == message.html
    assert headers["message-id"] == message.message_id
    assert headers["in-reply-to"] == "<question@example.org>"
    assert headers["references"] == "<first@example.org> <question@example.org>"
    assert headers["auto-submitted"] == "auto-generated"
    assert "list-unsubscribe" not in headers
    assert taken.metadata == {"ecrm_message": message.message_id}
    assert message.state == "sent"
    assert message.provider_id == taken.provider_id
    assert_promises_kept()


def test_the_attempt_is_committed_before_the_provider_hears_of_it(
    mail_provider: Server, make_sender: Callable[..., Sender]
) -> None:
    OutgoingMessageFactory()
    seen: list[str] = []

    def look() -> None:
        from django.db import connection

        seen.extend(DeliveryAttempt.objects.values_list("outcome", flat=True))
        connection.close()

    mail_provider.desk.on_call = look
    make_sender(mail_provider.url("mailgun")).send_due()

    assert seen == ["attempting"]


def test_a_single_mail_without_an_answer_is_sent_once_more_and_then_left_to_a_person(
    mail_provider: Server, make_sender: Callable[..., Sender], clock: Clock
) -> None:
    OutgoingMessageFactory()
    mail_provider.desk.drop_after = 5
    sender = make_sender(mail_provider.url("brevo"))

    sender.send_due()
    assert states() == ["deferred"]
    for _ in range(3):
        clock.forward(minutes=2)
        sender.send_due()

    assert states() == ["ambiguous"]
    assert len(mail_provider.desk.taken) == 2
    ids = {mail.headers["Message-ID"] for mail in mail_provider.desk.taken}
    assert len(ids) == 1, "so that the receiver can see the twin"


@pytest.mark.parametrize("code", [401, 429, 500, 503])
def test_a_provider_in_trouble_is_left_alone_for_longer_and_longer(
    code: int, mail_provider: Server, make_sender: Callable[..., Sender], clock: Clock
) -> None:
    messages = [OutgoingMessageFactory(), OutgoingMessageFactory()]
    mail_provider.desk.answer = (code, {"message": "no"})
    sender = make_sender(mail_provider.url("mailgun"))

    sender.send_due()
    assert not sender.send_due(), "it is left alone"
    clock.forward(minutes=1)
    sender.send_due()

    assert states() == ["deferred", "deferred"]
    assert MailServer.objects.get().failures == 2
    mail_provider.desk.answer = None
    clock.forward(minutes=5)
    sender.send_due()
    assert states() == ["sent", "sent"]
    assert MailServer.objects.get().failures == 0
    assert {message.deferrals for message in messages} == {0}


def test_a_refused_mail_fails_with_a_stable_reason(
    mail_provider: Server, make_sender: Callable[..., Sender]
) -> None:
    OutgoingMessageFactory(recipient="bad@example.org")
    mail_provider.desk.bad = "bad@example.org"

    make_sender(mail_provider.url("brevo")).send_due()

    message = OutgoingMessage.objects.get()
    assert (message.state, message.reason) == ("failed", "refused")
    assert message.reason_detail.startswith("400 ")


# --- Mass mail ---


@both
def test_one_call_carries_many_and_each_gets_his_own_mail(
    provider: str, mail_provider: Server, make_provider_sender: Callable[..., Any]
) -> None:
    messages = queue("Amélie", "Bob", "Claire")

    send(make_provider_sender(mail_provider.url(provider)))

    desk = mail_provider.desk
    assert states() == ["sent"] * 3
    assert [len(call) for call in desk.calls] == [3]
    assert "Amélie" not in str(desk.bodies[0].get("html") or desk.bodies[0].get("htmlContent"))
    for message, taken, name in zip(messages, desk.taken, ["Amélie", "Bob", "Claire"], strict=True):
        message.refresh_from_db()
        headers = {key.lower(): value for key, value in taken.headers.items()}
        assert taken.recipient == message.recipient
        assert taken.subject == f"{name}, l'été est là"
        assert f"Bonjour {name}, -20%recipient.b0% {{% x %}} " in taken.html
        assert "/t/t" in taken.html, "links are noted"
        assert f"Bonjour {name}" in taken.text
        assert headers["message-id"] == message.message_id
        assert headers["list-unsubscribe"].startswith("<http")
        assert "mailto:" in headers["list-unsubscribe"]
        assert headers["auto-submitted"] == "auto-generated"
        assert taken.metadata == {"ecrm_message": message.message_id}
        assert message.provider_id == taken.provider_id
    assert len({mail.headers.get("List-Unsubscribe") for mail in desk.taken}) == 3
    assert set(DeliveryAttempt.objects.values_list("outcome", flat=True)) == {"accepted"}
    settled = EventRecord.objects.filter(name="messaging.batch-settled")
    assert sum(record.payload["sent"] for record in settled) == 3
    assert_promises_kept()


def test_what_a_provider_might_escape_goes_in_a_mail_of_its_own(
    mail_provider: Server, make_provider_sender: Callable[..., Any]
) -> None:
    queue("Amélie", "<b>O'Neil</b>", "Claire")

    send(make_provider_sender(mail_provider.url("brevo")))

    assert [len(call) for call in mail_provider.desk.calls] == [2, 1]
    [odd] = [mail for mail in mail_provider.desk.taken if mail.recipient == "1@example.org"]
    assert "Bonjour &lt;b&gt;O&#x27;Neil&lt;/b&gt;" in odd.html
    assert "/t/t" in odd.html
    assert odd.subject == "<b>O'Neil</b>, l'été est là"


def test_the_same_address_twice_is_never_in_one_call(
    mail_provider: Server, make_provider_sender: Callable[..., Any]
) -> None:
    queue("Amélie", "Bob", same_address=True)

    send(make_provider_sender(mail_provider.url("mailgun")))

    assert [len(call) for call in mail_provider.desk.calls] == [1, 1]
    assert {mail.subject[:3] for mail in mail_provider.desk.taken} == {"Amé", "Bob"}


def test_one_bad_address_keeps_nobody_else_from_his_mail(
    mail_provider: Server, make_provider_sender: Callable[..., Any]
) -> None:
    queue(*["Claire"] * 9)
    mail_provider.desk.bad = "6@example.org"

    send(make_provider_sender(mail_provider.url("mailgun")))

    assert states() == ["sent"] * 6 + ["failed"] + ["sent"] * 2
    assert len(mail_provider.desk.taken) == 8
    assert OutgoingMessage.objects.get(state="failed").reason == "refused"
    assert_promises_kept()


@both
def test_a_batch_without_an_answer_is_unclear_and_never_sent_again(
    provider: str, mail_provider: Server, make_provider_sender: Callable[..., Any], clock: Clock
) -> None:
    queue("Amélie", "Bob")
    mail_provider.desk.drop_after = 1
    sender = make_provider_sender(mail_provider.url(provider))

    send(sender)
    clock.forward(hours=5)
    send(sender)

    assert states() == ["ambiguous", "ambiguous"]
    assert len(mail_provider.desk.taken) == 2
    assert set(OutgoingMessage.objects.values_list("reason", flat=True)) == {"answer_lost"}
    assert_promises_kept()


@pytest.mark.parametrize("code", [429, 503])
def test_a_batch_that_came_too_early_waits_without_losing_an_attempt(
    code: int, mail_provider: Server, make_provider_sender: Callable[..., Any], clock: Clock
) -> None:
    queue("Amélie", "Bob")
    mail_provider.desk.answer = (code, {"message": "slow down"})
    sender = make_provider_sender(mail_provider.url("mailgun"))

    send(sender)
    assert states() == ["deferred", "deferred"]
    assert set(OutgoingMessage.objects.values_list("attempts", "deferrals")) == {(0, 0)}
    mail_provider.desk.answer = None
    clock.forward(minutes=2)
    send(sender)

    assert states() == ["sent", "sent"]


@pytest.mark.parametrize("code", [200, 502, 504])
def test_an_answer_that_proves_nothing_leaves_it_open(
    code: int, mail_provider: Server, make_provider_sender: Callable[..., Any]
) -> None:
    queue("Amélie")
    mail_provider.desk.answer = (code, {"odd": "answer"})

    send(make_provider_sender(mail_provider.url("mailgun")))

    assert states() == ["ambiguous"]


def test_a_provider_that_is_not_there_costs_nothing(
    mail_provider: Server, make_provider_sender: Callable[..., Any], clock: Clock
) -> None:
    queue("Amélie")
    sender = make_provider_sender(mail_provider.url("mailgun"))
    mail_provider.stop()

    send(sender)
    assert states() == ["deferred"]
    mail_provider.start()
    clock.forward(minutes=2)
    send(sender)

    assert states() == ["sent"]


def test_the_journal_names_every_mail_before_the_provider_hears_of_it(
    mail_provider: Server, make_provider_sender: Callable[..., Any], tmp_path: Path
) -> None:
    messages = queue("Amélie", "Bob")
    told: list[journal.Story] = []
    mail_provider.desk.on_call = lambda: told.extend(
        journal.read(path) for path in (tmp_path / "journals").glob("*/*.journal")
    )

    send(make_provider_sender(mail_provider.url("mailgun")))

    assert [set(story.started) for story in told] == [{message.pk for message in messages}]


@pytest.mark.faults
def test_a_sender_killed_after_the_call_repeats_nothing(
    mail_provider: Server, make_provider_sender: Callable[..., Any], tmp_path: Path
) -> None:
    queue("Amélie", "Bob")
    url, place = mail_provider.url("mailgun"), tmp_path / "journals"

    run_and_die(SEND_MASS, url, str(place), failpoint="messaging.after-provider-call")
    assert states() == ["claimed", "claimed"]
    send(make_provider_sender(url, journals=place))

    assert states() == ["ambiguous", "ambiguous"]
    assert len(mail_provider.desk.taken) == 2
    assert_promises_kept()


# --- Reports, settings, words ---


def test_a_report_with_the_number_of_a_whole_batch_finds_its_recipient() -> None:
    first, second = (OutgoingMessageFactory(provider_id="1.0@provider.example") for _ in range(2))

    def found(recipient: str) -> OutgoingMessage | None:
        return provider_calls._message(
            Tracked(
                happening="delivered",
                message_id="<1.0@provider.example>",
                recipient=recipient,
                detail="",
                is_permanent=False,
            )
        )

    assert found(second.recipient.upper()) == second
    assert found(first.recipient) == first
    assert found("nobody@example.org") is None


def test_a_provider_goes_before_a_mail_server(settings: Any) -> None:
    settings.ECRM_SMTP_URL, settings.ECRM_ESP_URL = "smtp://mail.example", ""
    assert carriers.route() == "smtp://mail.example"

    settings.ECRM_ESP_URL = "brevo://KEY"
    assert carriers.route() == "brevo://KEY"
    assert carriers.carrier_to(carriers.route()).name == "api.brevo.com"


def test_an_address_of_a_provider_says_key_and_region() -> None:
    provider = Provider.from_url("mailgun://Key%2F1@api.eu.mailgun.net")

    assert (provider.key, provider.api) == ("Key/1", "https://api.eu.mailgun.net/v3/")
    for wrong in ("mailgun://", "nobody://KEY", "brevo://@api.brevo.com"):
        with pytest.raises(InvalidProviderUrl):
            Provider.from_url(wrong)


def test_the_picture_and_personal_links_are_blanks_too() -> None:
    dialect = Dialect(mark="[KEY]", special=re.compile("#"), is_verbatim=True)
    html = "<p>#1 <a href='{{ link }}'>a</a> <a href='https://x.example'>b</a></p></body>"
    words = mass.Words(from_name="", from_address="", subject="", text="", html=html)
    form = Form(words, dialect=dialect, base="https://crm.example", noted=CLICKS | OPENS)

    filled = form.html
    values = form.fill({"link": "https://y.example/?a=1&b=2"}, token="tok")
    for key, value in values.items():
        filled = filled.replace(f"[{key}]", value)

    assert filled == (
        "<p>#1 <a href='https://crm.example/t/tok/1/'>a</a> "
        "<a href='https://crm.example/t/tok/2/'>b</a></p>"
        '<img src="https://crm.example/t/tok/" width="1" height="1" alt=""></body>'
    )
