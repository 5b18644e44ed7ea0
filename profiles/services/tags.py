"""Sticking tags to customers, one or many at once, and taking it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles.events import TagsChanged
from profiles.models import Profile, ProfileTag, Tag, TagChange
from profiles.queries.identities import is_known_to
from profiles.rules import tags as rules

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"
LIMIT = 500


class UnusableTag(DomainError):
    """The text is empty, or the customer carries too many tags."""

    code = "unusable_tag"
    status = 422


class NotYourCustomersTags(DomainError):
    """None of the shops in which the agent may change customers knows this one."""

    code = "not_your_customer"


class TooManyCustomers(DomainError):
    """More customers than one press should change."""

    code = "too_many_customers"
    status = 422


class TagUndoTooLate(DomainError):
    """It is too long ago, was another agent's, or was taken back before."""

    code = "undo_too_late"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """How many customers got the tag, and what takes it back."""

    name: str
    count: int
    change_id: int | None


@transaction.atomic
def change_tags(
    profile_id: int,
    *,
    by: Agent | None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    at: datetime | None = None,
) -> None:
    """Stick tags to a customer and take others off.

    Raises UnusableTag, NotYourCustomersTags, Profile.DoesNotExist; publishes TagsChanged when
    anything changed.
    """
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    if by is not None and not is_known_to(profile_id, company.shop_ids(by, CHANGE)):
        raise NotYourCustomersTags(_("You may not change customers of this shop."))
    moment = at or now()
    gone_keys = [rules.key_of(text) for text in remove]
    gone = list(ProfileTag.objects.filter(profile_id=profile_id, tag__key__in=gone_keys))
    ProfileTag.objects.filter(pk__in=[row.pk for row in gone]).delete()
    wanted = [tag_called(name, at=moment) for name in rules.each_once(add)]
    carried = set(ProfileTag.objects.filter(profile_id=profile_id).values_list("tag_id", flat=True))
    new = [tag for tag in wanted if tag.pk not in carried]
    if len(carried) + len(new) > rules.MOST:
        raise UnusableTag(_("A customer carries at most %(number)s tags.") % {"number": rules.MOST})
    ProfileTag.objects.bulk_create(
        ProfileTag(profile_id=profile_id, tag=tag, added_at=moment) for tag in new
    )
    _publish(profile_id, [tag.pk for tag in new], [row.tag_id for row in gone], by=by, at=moment)


@transaction.atomic
def tag_many(
    profile_ids: Collection[int], *, name: str, by: Agent, at: datetime | None = None
) -> Tagged:
    """Stick one tag to many customers; those of other shops, and those who have it, are left alone.

    Raises UnusableTag and TooManyCustomers; publishes TagsChanged for each who got it; audited.
    """
    if len(profile_ids) > LIMIT:
        raise TooManyCustomers(_("Choose at most %(limit)s customers at once.") % {"limit": LIMIT})
    moment = at or now()
    if not rules.name_of(name):
        raise UnusableTag(_("Type a tag."))
    tag = tag_called(name, at=moment)
    shop_ids = company.shop_ids(by, CHANGE)
    mine = Profile.objects.known_to(shop_ids).living().filter(pk__in=profile_ids)
    locked = mine.select_for_update(of=("self",), no_key=True).order_by("pk")
    ids = [profile.pk for profile in locked]
    having = set(
        ProfileTag.objects.filter(tag=tag, profile_id__in=ids).values_list("profile_id", flat=True)
    )
    new = [profile_id for profile_id in ids if profile_id not in having]
    if not new:
        return Tagged(name=tag.name, count=0, change_id=None)
    ProfileTag.objects.bulk_create(
        ProfileTag(profile_id=profile_id, tag=tag, added_at=moment) for profile_id in new
    )
    change = TagChange.objects.create(agent_id=by.pk, tag=tag, rows=new, created_at=moment)
    for profile_id in new:
        _publish(profile_id, [tag.pk], [], by=by, at=moment)
    record_audit(
        action="profiles.customers-tagged",
        target=f"tag:{tag.pk}",
        by=by,
        changes={"tag": tag.name, "customers": len(new)},
        at=moment,
    )
    return Tagged(name=tag.name, count=len(new), change_id=change.pk)


@transaction.atomic
def undo_tagging(change_id: int, *, by: Agent, at: datetime | None = None) -> int:
    """Take the tag off again whom the press gave it to. Returns how many still carried it.

    Raises TagUndoTooLate; publishes TagsChanged for each.
    """
    moment = at or now()
    change = (
        TagChange.objects.select_for_update(of=("self",))
        .filter(pk=change_id, agent_id=by.pk, undone_at=None)
        .filter(created_at__gte=moment - TagChange.UNDO_WINDOW)
        .first()
    )
    if change is None:
        raise TagUndoTooLate(_("This can't be undone any more."))
    rows = ProfileTag.objects.filter(tag_id=change.tag_id, profile_id__in=change.rows)
    carrying = sorted(rows.values_list("profile_id", flat=True))
    rows.delete()
    for profile_id in carrying:
        _publish(profile_id, [], [change.tag_id], by=by, at=moment)
    change.undone_at = moment
    change.save(update_fields=["undone_at"])
    return len(carrying)


@transaction.atomic
def tag_called(name: str, *, at: datetime) -> Tag:
    """The tag of this name, however it is written; new when nobody used it yet. Raises UnusableTag."""
    key = rules.key_of(name)
    if not key:
        raise UnusableTag(_("Type a tag."))
    defaults = {"name": rules.name_of(name), "created_at": at}
    tag, _is_new = Tag.objects.get_or_create(key=key, defaults=defaults)
    return tag


def _publish(
    profile_id: int,
    added: Collection[int],
    removed: Collection[int],
    *,
    by: Agent | None,
    at: datetime,
) -> None:
    if not added and not removed:
        return
    event = TagsChanged(
        profile_id=profile_id,
        added=" ".join(map(str, added)),
        removed=" ".join(map(str, removed)),
        agent_id=by.pk if by else None,
    )
    outbox.publish(event, at=at)
