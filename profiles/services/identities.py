"""Finding or creating the one profile of a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel.errors import DomainError
from profiles import queries, rules
from profiles.rules import erasure
from profiles.services import addresses, proving, segments_following
from profiles.services.contact import Contact
from profiles.types import Identity, Resolution

ATTEMPTS = 5


class NobodyIdentified(DomainError):
    """None of the identifiers leads to a person: all are empty, malformed or blocked."""

    code = "nobody_identified"
    status = 422


class ResolutionFailed(DomainError):
    """Others kept creating and removing the same identifiers while we looked; try again."""

    code = "resolution_failed"


@transaction.atomic(savepoint=False)
def resolve(
    identity: Identity,
    *,
    shop_id: int,
    source: str,
    at: datetime | None = None,
    said_at: datetime | None = None,
) -> Resolution:
    """The profile of a person, created at the first contact.

    However many contacts arrive at once, one person gets one profile: the database lets an identifier
    lead to one profile only, and whoever comes second finds the first. A known person whose details
    did not change costs one SELECT. Identifiers which lead to different people become a suggestion,
    never a merge; a visitor known by his computer only is joined to the person a proven contact
    names. An identity that is not proven changes nothing of a known profile. One without usable
    identifier is a new profile each time. What somebody erased said before his erasure (`said_at`,
    usually the moment of the contact) is answered with the empty record that is left of him
    (`is_erased`), and nothing is written. Publishes ProfileCreated, VisitorRecognised. Raises
    ResolutionFailed.
    """
    moment = at or now()
    keys: Sequence[rules.Key] = usable_keys(identity, shop_id=shop_id)
    places = addresses.places_of(identity)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(
            keys, shop_id=shop_id, at=said_at or moment, places=[p.fingerprint for p in places]
        )
        if found.dead:
            buried = _buried(keys, found, identity)
            if buried is not None:
                return Resolution(profile_id=buried, created=False, is_erased=True)
            keys = _living(keys, found)
        if any(holder.is_merged for holder in found.values()):
            continue
        contact = Contact(identity, keys, places, found, shop_id=shop_id, source=source, at=moment)
        profile_id = contact.choose()
        if profile_id is None:
            created_id = contact.create()
            if created_id is not None:
                return Resolution(profile_id=created_id, created=True)
        elif contact.tell(profile_id):
            return Resolution(profile_id=profile_id, created=False)
    raise ResolutionFailed(_("This customer is being created elsewhere. Please try again."))


@transaction.atomic
def identify(
    identity: Identity,
    *,
    shop_id: int,
    source: str,
    at: datetime | None = None,
    said_at: datetime | None = None,
) -> Resolution:
    """Like resolve, for doors which must name somebody; what the door verified is verified for us.

    Raises NobodyIdentified, ResolutionFailed.
    """
    if not usable_keys(identity, shop_id=shop_id):
        raise NobodyIdentified(
            _("Give an e-mail address, a telephone number or an id that identifies one person.")
        )
    found = resolve(identity, shop_id=shop_id, source=source, at=at, said_at=said_at)
    if identity.is_proven and not found.is_erased:
        for key in usable_keys(identity, shop_id=shop_id):
            if key.kind in identity.verified:
                proving.verify(found.profile_id, kind=key.kind, value=key.value)
    if not found.created and not found.is_erased:
        # No event follows from what a door tells of somebody we know: his segments look by themselves.
        segments_following.touch_segments([found.profile_id], facts=[segments_following.TOLD])
    return found


@transaction.atomic(savepoint=False)
def learn(
    profile_id: int, *, identity: Identity, shop_id: int, source: str, at: datetime | None = None
) -> None:
    """Attach what a door now knows to a profile that is already decided.

    Used when an order names its customer better than before: the order keeps its profile, identifiers
    of somebody else become a suggestion, those of somebody erased since are left out. A profile merged
    meanwhile stands for its survivor. Raises ResolutionFailed.
    """
    moment = at or now()
    keys: Sequence[rules.Key] = usable_keys(identity, shop_id=shop_id)
    places = addresses.places_of(identity)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(
            keys, shop_id=shop_id, at=moment, places=[p.fingerprint for p in places]
        )
        keys = _living(keys, found)
        contact = Contact(identity, keys, places, found, shop_id=shop_id, source=source, at=moment)
        known = any(holder.profile_id == profile_id for holder in found.values())
        whom = profile_id if known else queries.survivor(profile_id)
        if not any(holder.is_merged for holder in found.values()) and contact.tell(whom):
            return
    raise ResolutionFailed(_("This customer is being created elsewhere. Please try again."))


def _buried(keys: Sequence[rules.Key], found: queries.Holders, identity: Identity) -> int | None:
    """What is left of the erased person whose own contact this is; None when it is somebody else's."""
    held = found.keys() - found.dead.keys()
    if not erasure.is_replay(keys, dead=found.dead, held=held, is_proven=identity.is_proven):
        return None
    return found.dead[min(found.dead)]


def _living(keys: Sequence[rules.Key], found: queries.Holders) -> list[rules.Key]:
    """The keys that nobody was erased with, and their holders only."""
    for key in found.dead:
        found.pop(key, None)
    return [key for key in keys if key not in found.dead]


def usable_keys(identity: Identity, *, shop_id: int) -> list[rules.Key]:
    """The identity's usable identifiers, normalised, in the one order in which all writers lock them.

    A customer id that nobody vouches for is left out: it would open somebody's account.
    """
    shop = company.shop(shop_id)
    email = rules.normalise_email(identity.email)
    if email is not None and email == rules.normalise_email(shop.support_email):
        email = None
    region = rules.normalise_country(identity.country) or shop.market
    customer_id = rules.normalise_opaque(identity.customer_id) if identity.is_proven else None
    values = {
        rules.EMAIL: email,
        rules.PHONE: rules.normalise_phone(identity.phone, region=region),
        rules.CUSTOMER_ID: customer_id,
        rules.ANONYMOUS_ID: rules.normalise_opaque(identity.anonymous_id),
        rules.DEVICE: rules.normalise_opaque(identity.device_id),
        rules.SOCIAL: rules.normalise_social(identity.social),
    }
    policies = queries.policies()
    return sorted(
        rules.Key(kind, value, shop_id if kind == rules.CUSTOMER_ID else None)
        for kind, value in values.items()
        if value and not policies[kind].blocks(value)
    )
