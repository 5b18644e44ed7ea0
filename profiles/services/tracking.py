"""Taking in what browsers and servers tell about visitors: many calls at once, each exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel.errors import DomainError
from profiles import queries, rules
from profiles.models import ParkedCall
from profiles.rules import tracking as reading
from profiles.rules.tracking import Message, Unusable
from profiles.services import activities, claims, months, parking, traits, visitors
from profiles.services.identities import identify
from profiles.services.parking import Unreadable
from profiles.services.visitors import Met, Visitor

if TYPE_CHECKING:
    from company.types import Agent

OPERATE = "company.operate"


class NotYourCalls(DomainError):
    """The agent may not look after this shop's parked calls."""

    code = "not_your_calls"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Where calls come from.

    `is_proven` says that the sender keeps a secret key: only then a customer id opens a profile and a
    visitor is joined to the person. `kind` is what the address says, `clock` what the sender's clock
    showed when the calls left, and `at` ours when they came.
    """

    shop_id: int
    is_proven: bool
    kind: str | None
    clock: datetime | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of the calls of one request; `known` had been taken in before."""

    taken: int = 0
    parked: int = 0
    known: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """One call as it came, and what it says; without a message, the reason why nobody can tell."""

    item: Any
    digest: uuid.UUID
    message: Message | None
    reason: str = ""


def take(
    items: Sequence[Any],
    *,
    shop_id: int,
    is_proven: bool,
    kind: str | None = None,
    sent_at: str = "",
    may_be_large: bool = True,
    at: datetime | None = None,
) -> Taken:
    """Take in the calls of one request, each exactly once whatever comes again, in whatever order.

    What can't be understood is parked with its reason and blocks nothing. `may_be_large` is false when
    the whole request is smaller than one call may be. Raises ResolutionFailed.
    """
    sender = Sender(
        shop_id=shop_id,
        is_proven=is_proven,
        kind=kind,
        clock=reading.moment(sent_at),
        at=at or now(),
    )
    calls = []
    for position, item in enumerate(items):
        digest = reading.digest(item, shop_id=shop_id, sent_at=sent_at, position=position)
        calls.append(_read(item, digest, sender, may_be_large=may_be_large))
    _ensure_months(calls)
    return _take(calls, sender=sender)


def _read(item: Any, digest: uuid.UUID, sender: Sender, *, may_be_large: bool) -> _Call:
    try:
        if may_be_large:
            reading.check_size(item)
        message = reading.read(item, kind=sender.kind, sent_at=sender.clock, at=sender.at)
    except Unusable as unusable:
        return _Call(item=item, digest=digest, message=None, reason=unusable.reason)
    return _Call(item=item, digest=digest, message=message)


def _ensure_months(calls: Iterable[_Call]) -> None:
    found = {call.message.occurred_at for call in calls if call.message and call.message.name}
    months.ensure_months({months.month_of(moment) for moment in found})


@transaction.atomic
def _take(calls: Sequence[_Call], *, sender: Sender) -> Taken:
    new = _new(calls)
    parked = [Unreadable(item=call.item, reason=call.reason) for call in new if not call.message]
    parked += _identify(new, sender)
    deeds = [(c, c.message) for c in new if c.message and c.message.name]
    actors = [_visitor(message, sender) for _call, message in deeds]
    owners = _owners(
        (who, message) for who, (_call, message) in zip(actors, deeds, strict=True) if who
    )
    profile_ids = visitors.profiles_of(owners, shop_id=sender.shop_id)
    parked += [
        Unreadable(item=call.item, reason=ParkedCall.Reason.NOBODY)
        for who, (call, _message) in zip(actors, deeds, strict=True)
        if not who
    ]
    activities.write(
        [
            (message, profile_ids[who])
            for who, (_call, message) in zip(actors, deeds, strict=True)
            if who in profile_ids
        ],
        shop_id=sender.shop_id,
        at=sender.at,
    )
    parking.park(
        parked,
        shop_id=sender.shop_id,
        is_proven=sender.is_proven,
        kind=sender.kind,
        sent_at=sender.clock,
        at=sender.at,
    )
    return Taken(taken=len(new) - len(parked), parked=len(parked), known=len(calls) - len(new))


_CLAIM = """
INSERT INTO profiles_trackedmessage (digest)
SELECT d FROM unnest(%s::uuid[]) AS d ORDER BY d
ON CONFLICT DO NOTHING RETURNING digest
"""


def _new(calls: Sequence[_Call]) -> list[_Call]:
    """The calls nobody has taken in before; of doubles within the request the first one."""
    first: dict[uuid.UUID, _Call] = {}
    for call in calls:
        first.setdefault(call.digest, call)
    if not first:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [[str(digest) for digest in first]])
        claimed = {row[0] for row in cursor.fetchall()}
    return [call for digest, call in first.items() if digest in claimed]


# --- Who somebody is ------------------------------------------------------------------------------


def _identify(calls: Iterable[_Call], sender: Sender) -> list[Unreadable]:
    """Tell the profiles what identify and alias calls say, in the order of time; the refused ones."""
    named = [
        (call.message, call.item)
        for call in calls
        if call.message and call.message.kind in reading.OF_IDENTITY
    ]
    refused = []
    for message, item in sorted(named, key=lambda pair: pair[0].occurred_at):
        try:
            with transaction.atomic():
                _tell(message, sender)
        except DomainError:
            refused.append(Unreadable(item=item, reason=ParkedCall.Reason.REFUSED))
    return refused


def _tell(message: Message, sender: Sender) -> None:
    computer = message.previous_id or message.anonymous_id
    if computer is None and message.user_id and not sender.is_proven:
        computer = _claimed(message.user_id, sender).value
    identity = traits.identity_of(message, computer=computer, is_proven=sender.is_proven)
    met = identify(identity, shop_id=sender.shop_id, source=visitors.SOURCE, at=message.occurred_at)
    if met.is_erased:
        return
    traits.keep_attributes(
        met.profile_id,
        traits=message.traits,
        is_proven=sender.is_proven,
        source=visitors.SOURCE,
        at=message.occurred_at,
    )
    if not sender.is_proven:
        claims.claim_email(
            met.profile_id,
            identity=identity,
            shop_id=sender.shop_id,
            source=visitors.SOURCE,
            at=message.occurred_at,
        )


# --- Who did it -----------------------------------------------------------------------------------


def _visitor(message: Message, sender: Sender) -> Visitor | None:
    """Whose deed it is: the customer whom a secret key names, otherwise whose computer it was.

    A public key names customers only where there is no computer to name, and opens no account so. None
    when the company's rules say that these ids identify nobody.
    """
    customer = _key(rules.CUSTOMER_ID, message.user_id, shop_id=sender.shop_id)
    computer = _key(rules.ANONYMOUS_ID, message.anonymous_id)
    if sender.is_proven and customer:
        return Visitor(keys=(customer, computer) if computer else (customer,))
    if computer:
        return Visitor(keys=(computer,))
    if customer:
        return Visitor(keys=(customer, _claimed(customer.value, sender)), is_claimed=True)
    return None


def _key(kind: str, value: str | None, *, shop_id: int | None = None) -> rules.Key | None:
    if value is None or queries.policies()[kind].blocks(value):
        return None
    return rules.Key(kind, value, shop_id)


def _claimed(user_id: str, sender: Sender) -> rules.Key:
    """Stands for somebody whose customer id nobody vouches for."""
    return rules.Key(rules.ANONYMOUS_ID, f"user:{sender.shop_id}:{user_id}"[: rules.MAX_LENGTH])


def _owners(deeds: Iterable[tuple[Visitor, Message]]) -> dict[Visitor, Met]:
    """Each visitor with his first deed among these."""
    found: dict[Visitor, Met] = {}
    for visitor, message in deeds:
        known = found.get(visitor)
        if known is None or message.occurred_at < known.at:
            found[visitor] = Met(
                at=message.occurred_at,
                locale=rules.normalise_locale(message.locale),
                timezone=message.timezone,
            )
    return found


# --- What was parked ------------------------------------------------------------------------------


@transaction.atomic
def retry_parked(call_ids: Iterable[int], *, by: Agent, at: datetime | None = None) -> int:
    """Try parked calls again with what we understand today. Returns how many were taken in.

    Raises NotYourCalls.
    """
    moment = at or now()
    return sum(_retry(row, at=moment) for row in _locked(call_ids, by=by))


@transaction.atomic
def drop_parked(call_ids: Iterable[int], *, by: Agent, at: datetime | None = None) -> int:
    """Give parked calls up. Returns how many. Raises NotYourCalls."""
    ids = [row.pk for row in _locked(call_ids, by=by)]
    return ParkedCall.objects.filter(pk__in=ids).update(settled_at=at or now())


def _locked(call_ids: Iterable[int], *, by: Agent) -> list[ParkedCall]:
    waiting = ParkedCall.objects.waiting().filter(pk__in=list(call_ids)).order_by("pk")
    rows = list(waiting.select_for_update(of=("self",)))
    if not {row.shop_id for row in rows} <= company.shop_ids(by, OPERATE):
        raise NotYourCalls(_("You may not look after the calls of this shop."))
    return rows


def _retry(row: ParkedCall, *, at: datetime) -> bool:
    sender = Sender(
        shop_id=row.shop_id,
        is_proven=row.is_proven,
        kind=row.kind if row.kind in reading.KINDS else None,
        clock=row.sent_at,
        at=row.received_at,
    )
    call = _read(row.body, uuid.uuid4(), sender, may_be_large=True)
    if call.message is None:
        ParkedCall.objects.filter(pk=row.pk).update(reason=call.reason)
        return False
    _ensure_months([call])
    was_taken = bool(_take([call], sender=sender).taken)
    row.settled_at, row.was_taken = at, was_taken
    row.save(update_fields=["settled_at", "was_taken"])
    return was_taken
