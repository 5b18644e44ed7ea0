"""Who is proven to own an identifier: whoever only claimed it gives way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles.events import ProfileChanged
from profiles.models import Identifier, Profile
from profiles.queries.identities import is_known_to
from profiles.rules import Key
from profiles.services import segments_following

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"


class NotYourIdentifier(DomainError):
    """None of the shops in which the agent may change customers knows this one."""

    code = "not_your_customer"


class LeadsToAnother(DomainError):
    """The identifier is another customer's, who did more than claim it."""

    code = "leads_to_another"


_CLAIMED = """
FROM unnest(%s::text[], %s::text[]) AS k (kind, value)
WHERE i.kind = k.kind AND i.value = k.value AND i.shop_id IS NULL AND i.is_key AND i.is_claimed
"""


def release(keys: Sequence[Key]) -> bool:
    """Let claimed keys lead to nobody; who claimed them used them, no more. False when one is taken.

    Two statements, and none for no keys: it happens on the way of every order.
    """
    if not keys:
        return True
    columns = [[key.kind for key in keys], [key.value for key in keys]]
    with connection.cursor() as cursor:
        # Who has such a row of something merely used as well keeps one of the two.
        cursor.execute(
            "DELETE FROM profiles_identifier s USING profiles_identifier i,"
            " unnest(%s::text[], %s::text[]) AS k (kind, value)"
            " WHERE i.kind = k.kind AND i.value = k.value AND i.shop_id IS NULL AND i.is_key"
            " AND i.is_claimed AND s.profile_id = i.profile_id AND s.kind = i.kind"
            " AND s.value = i.value AND NOT s.is_key",
            columns,
        )
        cursor.execute(
            f"UPDATE profiles_identifier i SET is_key = false {_CLAIMED}",  # noqa: S608 - text of ours
            columns,
        )
        return bool(cursor.rowcount == len(keys))


def vouch(keys: Sequence[Key]) -> None:
    """Make what somebody claimed his own, because his door vouches for it now. One statement at most."""
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE profiles_identifier i SET is_claimed = false {_CLAIMED}",  # noqa: S608 - text of ours
            [[key.kind for key in keys], [key.value for key in keys]],
        )


@transaction.atomic
def verify(profile_id: int, *, kind: str, value: str) -> bool:
    """The customer has proven that this normalised identifier is his. False when he has none such.

    Who only claimed it elsewhere gives it up; a customer who did more keeps it, and so the answer is
    False too.
    """
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    own = Identifier.objects.select_for_update(of=("self",)).filter(
        profile_id=profile_id, kind=kind, value=value
    )
    row = own.order_by("-is_key").first()
    if row is None or (not row.is_key and not _is_free(row)):
        return False
    if not (row.is_verified and row.is_key):
        row.is_key, row.is_verified, row.is_claimed = True, True, False
        row.save(update_fields=["is_key", "is_verified", "is_claimed"])
        segments_following.touch_segments([profile_id], facts=[segments_following.TOLD])
    return True


@transaction.atomic
def set_verified(
    identifier_id: int, *, is_verified: bool, by: Agent, at: datetime | None = None
) -> Identifier:
    """An agent says that an identifier is surely the customer's, or takes that back.

    Raises Identifier.DoesNotExist, NotYourIdentifier, LeadsToAnother; publishes ProfileChanged and
    leaves a line in the audit log. The same again changes nothing.
    """
    moment = at or now()
    row = Identifier.objects.get(pk=identifier_id)
    if not is_known_to(row.profile_id, company.shop_ids(by, CHANGE)):
        raise NotYourIdentifier(_("You may not change customers of this shop."))
    if row.is_verified == is_verified:
        return row
    if not is_verified:
        Identifier.objects.filter(pk=row.pk).update(is_verified=False)
    elif not verify(row.profile_id, kind=row.kind, value=row.value):
        raise LeadsToAnother(_("This also belongs to another customer. Merge the two first."))
    row.refresh_from_db()
    outbox.publish(ProfileChanged(profile_id=row.profile_id, agent_id=by.pk), at=moment)
    record_audit(
        action="profiles.identifier-verified" if is_verified else "profiles.identifier-unverified",
        target=f"profile:{row.profile_id}",
        by=by,
        changes={"kind": row.kind, "identifier": row.pk},
        at=moment,
    )
    return row


def _is_free(row: Identifier) -> bool:
    """Whether the value leads to nobody, after somebody's mere claim of it was let go."""
    release([Key(row.kind, row.value)] if _is_claimed_elsewhere(row) else [])
    leading = Identifier.objects.leading(row.kind, row.value, shop_id=row.shop_id)
    return not leading.exists()


def _is_claimed_elsewhere(row: Identifier) -> bool:
    leading = Identifier.objects.leading(row.kind, row.value, shop_id=row.shop_id)
    return leading.filter(is_claimed=True).exists()
