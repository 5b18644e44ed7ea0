"""Writing the requests of the demo world: real mails in, real answers out, as they happened."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from company.types import Agent
from contacts import services as contacts
from contacts.services import history, triage
from demo import mime, queries
from demo.rules.brand import Shop
from demo.rules.knowing import rating_of
from demo.rules.talking import Talk, Word
from demo.services import mailbox
from demo.services.texts import the_brand
from demo.services.trade import DELIVERY_TIME, KEPT_SINCE, Placed
from messaging import queries as messages
from messaging import services as messaging
from profiles import services as profiles
from profiles.types import Identity

NAMESPACE = uuid.UUID("5a0f3a0e-6a7e-4c1c-9b44-2f6d1c9a7b10")
ANSWERS_CONFIRMATION_SHARE = 0.6
PHOTO_SIZE = (96, 64)


@dataclass(slots=True)
class _Thread:
    """A request while it is being written; `references` are the Message-IDs so far."""

    talk: Talk
    shop: Shop
    shop_id: int
    agent: Agent
    ticket_id: int = 0
    references: list[str] = field(default_factory=list)
    last_answer: str = ""


def write_talks(
    talks: Sequence[Talk],
    *,
    shop_ids: Mapping[str, int],
    agents: Mapping[str, Agent],
    placed: Mapping[str, Placed],
    today: datetime,
    seed: int,
) -> None:
    """Say again everything that was said, and end each request as it ended."""
    for talk in talks:
        thread = _Thread(
            talk=talk,
            shop=the_brand().shop(talk.person.shop),
            shop_id=shop_ids[talk.person.shop],
            agent=agents[talk.agent],
        )
        _open(thread, placed)
        for index, word in enumerate(talk.words[1:], start=1):
            _say(thread, word, index, today)
        if len(talk.words) == 1 and talk.is_taken:
            _take(thread, talk.words[0].at)
        _end(thread)
        _rate(thread, today, seed=seed)


def _open(thread: _Thread, placed: Mapping[str, Placed]) -> None:
    talk, word = thread.talk, thread.talk.words[0]
    order = placed.get(talk.purchase.external_id) if talk.purchase else None
    if talk.channel == "email":
        chance = Random(talk.key)
        if order and order.confirmation and chance.random() < ANSWERS_CONFIRMATION_SHARE:
            thread.references.append(order.confirmation)
        _receive(thread, word, 0)
    else:
        thread.ticket_id = contacts.open_ticket(
            shop_id=thread.shop_id,
            profile_id=_profile(thread, word.at),
            subject=talk.subject,
            text=word.text,
            channel=talk.channel,
            language=talk.language,
            reply_to=talk.person.email,
            order_id=order.order_id if order else None,
            at=word.at,
        ).pk


def _say(thread: _Thread, word: Word, index: int, today: datetime) -> None:
    client_id = uuid.uuid5(NAMESPACE, f"{thread.talk.key}:{index}")
    if word.who == "note":
        contacts.add_note(
            thread.ticket_id, text=word.text, client_id=client_id, by=thread.agent, at=word.at
        )
    elif word.who == "agent":
        _answer(thread, word, client_id, today)
    else:
        _receive(thread, word, index)


def _answer(thread: _Thread, word: Word, client_id: uuid.UUID, today: datetime) -> None:
    if not thread.last_answer:
        _sort(thread, word.at)
    message = contacts.reply(
        thread.ticket_id, text=word.text, client_id=client_id, by=thread.agent, at=word.at
    )
    if message.outgoing_id is None:
        return
    messaging.record_sent({message.outgoing_id: word.at + DELIVERY_TIME})
    sent = messages.outgoing(message.outgoing_id)
    if today - word.at <= KEPT_SINCE * 2:
        raw = mime.compose(
            from_name=thread.shop.sender_name,
            from_address=thread.shop.support_email,
            to_address=sent.to,
            subject=sent.subject,
            text=sent.text,
            html=queries.designs([sent.id], shop_ids=[thread.shop_id])[sent.id],
            message_id=sent.message_id_header,
            written_at=word.at,
            references=thread.references,
        )
        mailbox.keep(raw, owner=sent.to, is_read=today - word.at > KEPT_SINCE, at=word.at)
    thread.references.append(sent.message_id_header)
    thread.last_answer = word.text


def _sort(thread: _Thread, at: datetime) -> None:
    """What an agent does before his first answer: tags, and how urgent it is."""
    just_before = at - timedelta(seconds=40)
    triage.change_tags(thread.ticket_id, add=thread.talk.tags, by=thread.agent, at=just_before)
    triage.change_priority(
        thread.ticket_id, to=thread.talk.priority, by=thread.agent, at=just_before
    )


def _take(thread: _Thread, opened_at: datetime) -> None:
    """Somebody looks after it, and has not answered yet."""
    moment = opened_at + timedelta(seconds=50)
    contacts.assign(thread.ticket_id, to=thread.agent.pk, by=thread.agent, at=moment)
    contacts.change_state(thread.ticket_id, to="open", by=thread.agent, at=moment)


def _end(thread: _Thread) -> None:
    for ending in thread.talk.endings:
        by = None if ending.state == "closed" else thread.agent
        if ending.until is not None:
            contacts.snooze(thread.ticket_id, until=ending.until, by=by, at=ending.at)
        else:
            contacts.change_state(thread.ticket_id, to=ending.state, by=by, at=ending.at)


def _rate(thread: _Thread, today: datetime, *, seed: int) -> None:
    """What the customer thought, some hours after his request was solved."""
    solved = next(
        (end.at for end in thread.talk.endings if end.state in {"solved", "closed"}), None
    )
    opinion = rating_of(thread.talk.key, thread.talk.language, seed=seed)
    if solved is None or opinion is None or not thread.last_answer:
        return
    rated_at = min(solved + timedelta(hours=5), today - timedelta(minutes=1))
    score, comment = opinion
    history.record_rating(
        thread.ticket_id,
        score=score,
        comment=comment,
        asked_at=solved,
        rated_at=max(solved, rated_at),
    )


def _receive(thread: _Thread, word: Word, index: int) -> None:
    """The customer's mail takes the way of every mail: bytes, meaning, request."""
    talk, person = thread.talk, thread.talk.person
    message_id = (
        f"<{uuid.uuid5(NAMESPACE, f'{talk.key}:{index}').hex}@{person.email.rpartition('@')[2]}>"
    )
    quote = f"\n\n> {mime.quoted(thread.last_answer)[2:]}\n" if thread.last_answer else "\n"
    raw = mime.compose(
        from_name=f"{person.first_name} {person.last_name}",
        from_address=person.email,
        to_name=thread.shop.sender_name,
        to_address=thread.shop.support_email,
        subject=mime.reply_subject(talk.subject) if thread.references else talk.subject,
        text=word.text + quote,
        message_id=message_id,
        written_at=word.at,
        references=thread.references,
        files=[_photo(talk.key)] if talk.has_photo and index == 0 else [],
    )
    mailbox_id = messages.mailbox_for(thread.shop.support_email)
    if mailbox_id is None:
        raise LookupError(f"Nobody receives mail at {thread.shop.support_email}.")
    mail_id = messaging.import_received(raw, mailbox_id=mailbox_id, at=word.at)
    message = contacts.receive_mail(mail_id, at=word.at) if mail_id is not None else None
    if message is not None:
        thread.ticket_id = message.ticket_id
    mailbox.keep(raw, owner=person.email, is_sent=True, at=word.at)
    thread.references.append(message_id)


def _profile(thread: _Thread, at: datetime) -> int:
    person = thread.talk.person
    identity = Identity(
        email=person.email,
        customer_id=person.customer_id,
        first_name=person.first_name,
        last_name=person.last_name,
        locale=person.locale,
        country=person.country,
        city=person.city,
        is_proven=True,
    )
    return profiles.resolve(identity, shop_id=thread.shop_id, source="form", at=at).profile_id


def _photo(key: str) -> mime.File:
    """A small picture of cloth with a seam, drawn from the key."""
    chance = Random(f"photo:{key}")
    width, height = PHOTO_SIZE
    base = [chance.randint(70, 200) for _channel in range(3)]
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            seam = -50 if abs(x - width // 2 - (y % 7) // 3) < 2 else 0
            weave = 14 if (x + y) % 4 < 2 else 0
            grain = chance.randint(-9, 9)
            rows += bytes(max(0, min(255, part + seam + weave + grain)) for part in base)
    return mime.File(name="photo.png", content_type="image/png", content=_png(width, height, rows))


def _png(width: int, height: int, rows: bytearray) -> bytes:
    def block(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    picture = zlib.compress(bytes(rows), 6)
    return (
        b"\x89PNG\r\n\x1a\n"
        + block(b"IHDR", header)
        + block(b"IDAT", picture)
        + block(b"IEND", b"")
    )
