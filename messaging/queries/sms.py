"""What the pages of SMS show."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from messaging.models import ReceivedSms, SmsAccount


def accounts(shop_ids: Iterable[int]) -> list[SmsAccount]:
    """The SMS accounts of these shops, the active ones first. Runs one query."""
    rows = SmsAccount.objects.filter(shop_id__in=list(shop_ids)).select_related("shop")
    return list(rows.order_by("-is_active", "shop__name", "pk"))


def account(account_id: int, *, shop_ids: frozenset[int]) -> SmsAccount | None:
    """One account with its shop, when the agent may manage it. Runs one query."""
    rows = SmsAccount.objects.filter(pk=account_id, shop_id__in=shop_ids)
    return rows.select_related("shop").first()


def accounts_with(provider: str) -> list[SmsAccount]:
    """The accounts with this provider, also those switched off: their reports still come. One query."""
    return list(SmsAccount.objects.filter(provider=provider).order_by("-is_active", "pk"))


def received(
    shop_ids: frozenset[int], *, words: str = "", order: str = ""
) -> QuerySet[ReceivedSms]:
    """What customers wrote to these shops by SMS, newest first."""
    rows = ReceivedSms.objects.filter(shop_id__in=shop_ids).select_related("shop", "profile")
    if order == "message":
        rows = rows.filter(order="")
    elif order:
        rows = rows.filter(order=order)
    if words:
        rows = rows.filter(Q(from_number__icontains=words) | Q(text__icontains=words))
    return rows.order_by("-received_at", "-pk")


def texts_received(ids: Iterable[int]) -> dict[int, str]:
    """What was written, by id. Runs one query."""
    return dict(ReceivedSms.objects.filter(pk__in=list(ids)).values_list("pk", "text"))
