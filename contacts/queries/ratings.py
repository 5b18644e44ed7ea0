"""What customers thought of our answers: one rating by its link, the latest of a customer, a shop's wish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from contacts.models import Rating, RatingPolicy
from ecrm.kernel.prepared import Rows

SALT = "contacts.rating"
LINK_LIVES = timedelta(days=90)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What the page behind the link of a mail shows."""

    rating_id: int
    shop_id: int
    number: int
    subject: str
    language: str
    score: int | None
    comment: str


def token_of(rating_id: int) -> str:
    """What a link carries that answers this question; nobody can make it up."""
    return signing.dumps(rating_id, salt=SALT)


def link_of(rating_id: int) -> str:
    """The address at which the customer answers."""
    path = reverse("contacts-public:rating", args=[token_of(rating_id)])
    return f"{settings.ECRM_BASE_URL}{path}"


def question(token: str) -> Question | None:
    """The question of a link; None when the link is false, old, or its ticket gone. One query."""
    try:
        rating_id = int(signing.loads(token, salt=SALT, max_age=LINK_LIVES))
    except (signing.BadSignature, TypeError, ValueError):
        return None
    row = Rating.objects.select_related("ticket").filter(pk=rating_id).first()
    if row is None:
        return None
    return Question(
        rating_id=row.pk,
        shop_id=row.ticket.shop_id,
        number=row.ticket.number,
        subject=row.ticket.subject,
        language=row.ticket.language,
        score=row.score,
        comment=row.comment,
    )


def asking_shops(shop_ids: Iterable[int]) -> set[int]:
    """Those of the shops which ask their customers. One query."""
    rows = RatingPolicy.objects.filter(shop_id__in=list(shop_ids), is_asking=True)
    return set(rows.values_list("shop_id", flat=True))


_LATEST = Rows(
    "latest_rating_of_profile",
    Rating,
    """
WHERE score IS NOT NULL AND ticket_id IN (
    SELECT id FROM contacts_ticket
    WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])
)
ORDER BY rated_at DESC, id DESC LIMIT 1
""",
)


def latest_of(profile_id: int, *, shop_ids: Iterable[int]) -> Rating | None:
    """The customer's latest rating in these shops. One query; its ticket is another."""
    return next(iter(_LATEST.all(profile_id=profile_id, shop_ids=list(shop_ids))), None)


def ratings_of(ticket_ids: Iterable[int]) -> dict[int, Rating]:
    """The ratings of these tickets, by ticket. One query."""
    rows = Rating.objects.filter(ticket_id__in=set(ticket_ids), score__isnull=False)
    return {row.ticket_id: row for row in rows}
