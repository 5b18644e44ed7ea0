"""Writing a message down: rendered once, known by its key, refused when it could do harm."""

from __future__ import annotations

import threading
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from messaging import queries, services
from messaging.mime import writing
from messaging.models import Intervention, OutgoingMessage
from messaging.rules import delivery, message_ids, names, refusals
from messaging.services import outgoing
from messaging.services.keys import accepted_keys, signing_key
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import OutgoingMessageFactory


def queue(**options: object) -> int:
    values: dict[str, object] = {
        "shop_id": options.pop("shop_id", None) or ShopFactory().pk,
        "to": "claire@example.org",
        "profile_id": None,
        "purpose": "transactional",
        "language": "fr",
        "subject": "Votre commande",
        "text": "Merci.",
        "dedupe_key": "order:1",
        **options,
    }
    return services.queue_mail(**values)  # type: ignore[arg-type] # options of the test


@pytest.mark.django_db
def test_a_queued_mail_comes_from_its_shop() -> None:
    shop = ShopFactory(sender_name="Maison Été", support_email="bonjour@maison.example")

    message = OutgoingMessage.objects.get(pk=queue(shop_id=shop.pk, about="order:1"))

    assert (message.from_name, message.from_address) == ("Maison Été", "bonjour@maison.example")
    assert message.message_id.endswith("@maison.example>")
    assert message_ids.uuid_of(message.message_id, keys=accepted_keys()) == message.uuid
    assert not message.is_automatic
    info = queries.outgoing(message.pk)
    assert (info.state, info.to, info.subject) == (
        "pending",
        "claire@example.org",
        "Votre commande",
    )
    assert queries.outgoing_many([message.pk])[message.pk] == info


@pytest.mark.django_db
def test_the_same_key_gives_the_first_message() -> None:
    shop = ShopFactory()

    first = queue(shop_id=shop.pk)
    second = queue(shop_id=shop.pk, subject="Autre chose")

    assert first == second
    assert OutgoingMessage.objects.get().subject == "Votre commande"


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_key_queue_one_message() -> None:
    shop = ShopFactory()
    barrier = threading.Barrier(4)
    ids: list[int] = []

    def run() -> None:
        barrier.wait()
        ids.append(queue(shop_id=shop.pk))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 1
    assert OutgoingMessage.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b, c@d.example", "a@b.example\r\nBcc: c@d.example", "a b@c.example"]
)
def test_a_recipient_must_be_one_address(to: str) -> None:
    with pytest.raises(outgoing.InvalidRecipient):
        queue(to=to)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options",
    [
        {"subject": "a\r\nBcc: x@y.example"},
        {"in_reply_to": "<a@b>\nX: y"},
        {"references": ["<a@b>\n"]},
    ],
)
def test_a_line_break_in_a_header_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(outgoing.InvalidHeader):
        queue(**options)

    assert not OutgoingMessage.objects.exists()


@pytest.mark.django_db
def test_a_name_with_an_address_gives_the_address() -> None:
    assert (
        OutgoingMessage.objects.get(pk=queue(to="Claire <Claire@Example.org>")).recipient
        == "claire@example.org"
    )


@pytest.mark.django_db
def test_html_alone_gets_a_text() -> None:
    message = OutgoingMessage.objects.get(pk=queue(text=None, html="<p>Bonjour <b>Claire</b></p>"))

    assert message.text == "Bonjour Claire"


@pytest.mark.django_db
def test_a_template_is_rendered_in_the_language_of_the_customer(settings, tmp_path) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    (tmp_path / "x").mkdir()
    (tmp_path / "x/m.subject.txt").write_text("{% load i18n %}{% translate 'Yes' %}\n {{ name }}\n")
    (tmp_path / "x/m.txt").write_text("Bonjour {{ name }}")

    message = OutgoingMessage.objects.get(
        pk=queue(template="x/m", context={"name": "Zoé\r\nBcc: x@y"}, subject=None, text=None)
    )

    assert message.subject == "Oui Zoé Bcc: x@y"
    assert (message.html, message.is_automatic, message.template) == ("", True, "x/m")


@pytest.mark.django_db
def test_django_s_own_mail_is_queued_and_kept_secret(settings) -> None:
    settings.EMAIL_BACKEND = "messaging.adapters.email.QueueEmailBackend"
    mail = EmailMultiAlternatives(
        "Reset", "link", "Maison <no-reply@maison.example>", ["agent@maison.example"]
    )
    mail.attach_alternative("<a>link</a>", "text/html")

    with django_mail.get_connection() as backend:
        backend.send_messages([mail])

    message = OutgoingMessage.objects.get()
    assert (message.shop, message.recipient, message.is_confidential) == (
        None,
        "agent@maison.example",
        True,
    )
    assert queries.outgoing(message.pk).text == ""
    assert message.html == "<a>link</a>"


# --- What people do ---


@pytest.mark.django_db
def test_a_waiting_message_can_be_stopped() -> None:
    agent, message = AgentFactory(), OutgoingMessageFactory()

    outgoing.cancel_message(message.pk, by=agent)

    message.refresh_from_db()
    assert message.state == "cancelled"
    assert Intervention.objects.get().by == agent


@pytest.mark.django_db
def test_a_sent_message_cannot_be_stopped() -> None:
    message = OutgoingMessageFactory(state="sent", sent_at=now(), settled_at=now())

    with pytest.raises(outgoing.MessageNotCancellable):
        outgoing.cancel_message(message.pk, by=None)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["failed", "skipped", "ambiguous"])
def test_a_message_that_did_not_go_can_be_sent_again(state: str) -> None:
    old = now() - timedelta(days=9)
    message = OutgoingMessageFactory(state=state, reason="refused", settled_at=old, queued_at=old)

    outgoing.retry_message(message.pk, by=None)

    message.refresh_from_db()
    assert (message.state, message.reason, message.settled_at) == ("pending", "", None)
    assert message.retried_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["pending", "sent", "cancelled"])
def test_other_messages_cannot_be_sent_again(state: str) -> None:
    moment = None if state == "pending" else now()
    message = OutgoingMessageFactory(state=state, settled_at=moment, sent_at=moment)

    with pytest.raises(outgoing.MessageNotRetryable):
        outgoing.retry_message(message.pk, by=None)


# --- Rules ---


def test_every_state_of_the_model_has_its_moves() -> None:
    assert set(delivery.MOVES) == set(OutgoingMessage.State.values)
    assert all(moves <= set(delivery.MOVES) for moves in delivery.MOVES.values())


def test_a_move_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(RuntimeError):
        OutgoingMessage(state="sent").move_to("pending")


def test_pauses_grow_to_their_limit() -> None:
    assert [delivery.deferral(n).total_seconds() / 60 for n in (1, 2, 3, 7, 50)] == [
        5,
        10,
        20,
        240,
        240,
    ]
    assert [delivery.server_pause(n).total_seconds() for n in (1, 2, 7, 50)] == [1, 2, 60, 60]
    assert delivery.lost_pause(5).total_seconds() == 16
    assert delivery.lost_pause(6).total_seconds() == 300


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (550, "5.1.1 no such user", "unknown_recipient"),
        (552, "5.2.2 over quota", "mailbox_full"),
        (550, "5.7.1 spam", "blocked"),
        (550, "5.2.9 odd", "mailbox_unavailable"),
        (552, "too big", "too_large"),
        (571, "go away", "refused"),
        (451, "4.7.1 greylisted", "try_later"),
        (452, "4.2.2 over quota", "mailbox_full"),
        (452, "busy", "server_full"),
    ],
)
def test_refusals_have_a_stable_word(code: int, text: str, reason: str) -> None:
    assert refusals.reason_of(code, text) == reason


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Claire Dubois", ("Claire", "Dubois")),
        ("Dubois, Claire", ("Claire", "Dubois")),
        ("Claire", ("Claire", "")),
        ("Anna Maria de la Cruz", ("Anna", "Maria de la Cruz")),
        ("claire@example.org", ("", "")),
        ("", ("", "")),
    ],
)
def test_names_are_split(text: str, name: tuple[str, str]) -> None:
    assert names.split_name(text) == name


def test_only_our_own_ids_are_recognised() -> None:
    import uuid

    identity = uuid.uuid4()
    ours = message_ids.message_id(identity, domain="maison.example", key=signing_key())

    assert message_ids.uuid_of(ours, keys=[b"older", signing_key()]) == identity
    assert message_ids.uuid_of(ours.replace("maison", "andere"), keys=[signing_key()]) == identity
    assert message_ids.uuid_of(ours, keys=[b"another key"]) is None
    assert (
        message_ids.uuid_of(ours.replace(identity.hex, uuid.uuid4().hex), keys=[signing_key()])
        is None
    )
    assert message_ids.uuid_of("<x@y>", keys=[signing_key()]) is None


@given(st.text(max_size=300))
def test_ids_are_found_in_any_text(text: str) -> None:
    found = message_ids.ids_in(text + " <a@b> " + text)

    assert "<a@b>" in found
    assert len(found) == len(set(found)) <= message_ids.MOST_REFERENCES


# --- The bytes we send ---

LINE = st.text(
    st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs", "Cc"]), max_size=200
)


@given(
    subject=LINE,
    name=LINE,
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400),
)
def test_what_is_written_can_be_read_back(subject: str, name: str, text: str) -> None:
    raw = writing.build(draft(subject=subject, sender_name=name, text=text, html=f"<p>{text}</p>"))

    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    mail = message_from_bytes(raw, policy=policy.default)
    plain, markup = mail.iter_parts()
    assert plain.get_content().rstrip("\n") == text.rstrip("\n")
    assert markup.get_content().rstrip("\n") == f"<p>{text}</p>"
    assert " ".join(str(mail["Subject"]).split()) == " ".join(subject.split())


@pytest.mark.parametrize(
    "name", ["subject", "sender_name", "recipient", "message_id", "in_reply_to"]
)
@pytest.mark.parametrize(
    "poison", ["a\r\nBcc: x@y", "a\nBcc: x@y", "é\r\nBcc: x@y", "a\0b", "a\rb"]
)
def test_no_value_begins_another_header(name: str, poison: str) -> None:
    with pytest.raises(writing.LineBreakInHeader):
        writing.build(draft(**{name: poison}))


def test_the_same_draft_gives_the_same_bytes() -> None:
    one = draft(html="<p>x</p>")

    assert writing.build(one) == writing.build(one)


def test_a_thread_is_named_in_the_headers() -> None:
    mail = message_from_bytes(
        writing.build(
            draft(in_reply_to="<a@b>", references=["<r@b>", "<a@b>"], is_automatic=False)
        ),
        policy=policy.default,
    )

    assert mail["In-Reply-To"] == "<a@b>"
    assert str(mail["References"]).split() == ["<r@b>", "<a@b>"]
    assert mail["Auto-Submitted"] is None


def draft(**changes: object) -> writing.Draft:
    values: dict[str, object] = {
        "sender_name": "Maison Été",
        "sender_address": "bonjour@maison.example",
        "recipient": "claire@example.org",
        "subject": "Votre commande",
        "text": "Merci.",
        "html": "",
        "message_id": "<a@maison.example>",
        "in_reply_to": "",
        "references": [],
        "written_at": now(),
        "is_automatic": True,
        **changes,
    }
    return writing.Draft(**values)  # type: ignore[arg-type] # options of the test
