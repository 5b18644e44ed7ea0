"""Reads of the customers' mailboxes and of the demo world."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, Sum

from demo import mime
from demo.models import Chapter, DemoMail, World
from ecrm.kernel import crypto
from messaging.queries import screens


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """One customer's mailbox in the list of mailboxes; `newest_id` is the mail it opens with."""

    address: str
    newest_id: int
    unread: int
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One row of a mailbox: the latest mail of a conversation."""

    latest: DemoMail
    count: int
    is_unread: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadMail:
    """A mail as the reading pane shows it."""

    mail: DemoMail
    letter: mime.Letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large the demo world is, written or about to be."""

    customers: int
    orders: int
    tickets: int


def owners(*, limit: int = 100) -> list[Owner]:
    """The customers' mailboxes, the liveliest first. Runs one query."""
    rows = (
        DemoMail.objects.values("owner")
        .annotate(
            latest=Max("at"),
            newest=Max("pk"),
            unread=Count("pk", filter=Q(is_sent=False, read_at=None)),
        )
        .order_by("-latest")[:limit]
    )
    return [
        Owner(address=row["owner"], newest_id=row["newest"], unread=row["unread"], at=row["latest"])
        for row in rows
    ]


def owner_of(mail_id: int) -> str:
    """Whose mailbox a mail lies in; empty when there is no such mail. Runs one query."""
    return DemoMail.objects.filter(pk=mail_id).values_list("owner", flat=True).first() or ""


def designs(mail_ids: Collection[int], *, shop_ids: Iterable[int]) -> dict[int, str]:
    """The HTML of mails we wrote, by their id; empty where there is none. Runs one query."""
    rows = screens.outgoing_log(frozenset(shop_ids)).filter(pk__in=mail_ids)
    return dict(rows.values_list("pk", "html"))


def conversations(owner: str, *, limit: int = 100) -> list[Conversation]:
    """A mailbox by conversation, the latest first. Runs one query."""
    rows: dict[str, list[DemoMail]] = {}
    for mail in DemoMail.objects.of(owner).for_list()[: limit * 5]:
        rows.setdefault(mail.thread, []).append(mail)
    found = [
        Conversation(
            latest=mails[0],
            count=len(mails),
            is_unread=any(mail.read_at is None for mail in mails),
        )
        for mails in rows.values()
    ]
    return found[:limit]


def thread(mail: DemoMail) -> Sequence[ReadMail]:
    """All mails of the conversation, oldest first. Runs one query."""
    mails = DemoMail.objects.filter(owner=mail.owner, thread=mail.thread).order_by("at", "pk")
    return [ReadMail(mail=item, letter=mime.read(bytes(item.raw))) for item in mails]


def world() -> World | None:
    """The demo world of this database, or None when there is none yet. Runs one query."""
    return World.objects.first()


def planned_size() -> Size:
    """How large the world is once every planned chapter is written. Runs one query."""
    ends = Chapter.objects.aggregate(
        customers=Max(F("first_person") + F("people")), orders=Sum("orders"), tickets=Sum("tickets")
    )
    return Size(**{name: value or 0 for name, value in ends.items()})


def shop_key(slug: str) -> str:
    """The API key of a demo shop's server; empty when the world is not there yet. Runs one query."""
    found = world()
    if found is None or not found.keys_encrypted:
        return ""
    keys: dict[str, str] = json.loads(crypto.decrypt(found.keys_encrypted))
    return keys.get(slug, "")


def chapters_to_write() -> list[Chapter]:
    """Parts of the world that are planned and not written, in their order. Runs one query."""
    return list(Chapter.objects.filter(is_written=False).order_by("number"))


def chapters_from(number: int) -> list[Chapter]:
    """The parts of the world from this one on, in their order. Runs one query."""
    return list(Chapter.objects.filter(number__gte=number).order_by("number"))


def is_complete() -> bool:
    """True when everything that was planned is written. Runs two queries."""
    found = world()
    if found is None:
        return True
    unwritten = Chapter.objects.filter(
        Q(is_written=False) | Q(number__gte=found.requests_from_chapter)
    )
    return not unwritten.exists()
