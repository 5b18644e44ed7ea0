"""Finding or creating the one profile of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles import queries, rules
from profiles.events import ProfileCreated
from profiles.models import Identifier, IdentityConflict, Profile, ProfileShop
from profiles.queries import Holder
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
    identity: Identity, *, shop_id: int, source: str, at: datetime | None = None
) -> Resolution:
    """The profile of a person, created at the first contact.

    However many contacts arrive at once, one person gets one profile: the database lets an identifier
    lead to one profile only, and whoever comes second finds the first. A known person whose details
    did not change costs one SELECT. Identifiers which lead to different people are recorded as a
    conflict, never merged. An identity without usable identifier is a new profile each time.
    Publishes ProfileCreated. Raises ResolutionFailed.
    """
    moment = at or now()
    keys = _keys(identity, shop_id=shop_id)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(keys, shop_id=shop_id)
        profile_id = rules.choose(keys, _candidates(found))
        if profile_id is None:
            created_id = _create(identity, keys, found, shop_id=shop_id, source=source, at=moment)
            if created_id is not None:
                return Resolution(profile_id=created_id, created=True)
        elif _learn(profile_id, identity, keys, found, shop_id=shop_id, source=source, at=moment):
            return Resolution(profile_id=profile_id, created=False)
    raise ResolutionFailed(_("This customer is being created elsewhere. Please try again."))


@transaction.atomic
def identify(
    identity: Identity, *, shop_id: int, source: str, at: datetime | None = None
) -> Resolution:
    """Like resolve, for doors which must name somebody. Raises NobodyIdentified, ResolutionFailed."""
    if not _keys(identity, shop_id=shop_id):
        raise NobodyIdentified(
            _("Give an e-mail address, a telephone number or an id that identifies one person.")
        )
    return resolve(identity, shop_id=shop_id, source=source, at=at)


@transaction.atomic(savepoint=False)
def learn(
    profile_id: int, *, identity: Identity, shop_id: int, source: str, at: datetime | None = None
) -> None:
    """Attach what a door now knows to a profile that is already decided.

    Used when an order names its customer better than before: the order keeps its profile, identifiers
    of somebody else are recorded as a conflict. Raises ResolutionFailed.
    """
    moment = at or now()
    keys = _keys(identity, shop_id=shop_id)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(keys, shop_id=shop_id)
        if _learn(profile_id, identity, keys, found, shop_id=shop_id, source=source, at=moment):
            return
    raise ResolutionFailed(_("This customer is being created elsewhere. Please try again."))


def _keys(identity: Identity, *, shop_id: int) -> list[rules.Key]:
    """The identity's usable identifiers, normalised, in the one order in which all writers lock them."""
    shop = company.shop(shop_id)
    email = rules.normalise_email(identity.email)
    if email is not None and email == rules.normalise_email(shop.support_email):
        email = None
    region = rules.normalise_country(identity.country) or shop.market
    phone = rules.normalise_phone(identity.phone, region=region)
    customer_id = rules.normalise_opaque(identity.customer_id)
    anonymous_id = rules.normalise_opaque(identity.anonymous_id)
    keys = [
        rules.Key(rules.EMAIL, email) if email else None,
        rules.Key(rules.PHONE, phone) if phone else None,
        rules.Key(rules.CUSTOMER_ID, customer_id, shop_id) if customer_id else None,
        rules.Key(rules.ANONYMOUS_ID, anonymous_id) if anonymous_id else None,
    ]
    return sorted(key for key in keys if key is not None)


def _candidates(found: Mapping[rules.Key, Holder]) -> dict[rules.Key, rules.Candidate]:
    return {
        key: rules.Candidate(holder.profile_id, holder.is_identified)
        for key, holder in found.items()
    }


def _details(identity: Identity) -> rules.Details:
    return rules.Details(
        first_name=identity.first_name.strip()[:120],
        last_name=identity.last_name.strip()[:120],
        locale=rules.normalise_locale(identity.locale),
        country=rules.normalise_country(identity.country),
        city=identity.city.strip()[:120],
    )


# --- First contact --------------------------------------------------------------------------------


def _create(
    identity: Identity,
    keys: Sequence[rules.Key],
    found: Mapping[rules.Key, Holder],
    *,
    shop_id: int,
    source: str,
    at: datetime,
) -> int | None:
    """A new profile with the free keys, or None when somebody else took one of them meanwhile."""
    details = _details(identity)
    profile = Profile.objects.create(
        first_name=details.first_name,
        last_name=details.last_name,
        search_name=rules.searchable(details.first_name, details.last_name),
        locale=details.locale,
        country=details.country,
        city=details.city,
        source=source,
        created_at=now(),
        first_seen_at=at,
        last_seen_at=at,
    )
    free = [key for key in keys if key not in found]
    if not _take_keys(profile.pk, free, source=source, at=at):
        _forget(profile)
        return None
    ProfileShop.objects.create(
        profile=profile, shop_id=shop_id, accepts_marketing=identity.accepts_marketing, since=at
    )
    _note_contested(profile.pk, keys, found, shop_id=shop_id, source=source, at=at)
    outbox.publish(ProfileCreated(profile_id=profile.pk, shop_id=shop_id, source=source), at=at)
    return profile.pk


def _forget(profile: Profile) -> None:
    """Remove a profile nobody has seen: it was created in this transaction and lost the race."""
    Identifier.objects.filter(profile=profile).delete()
    profile.delete()


_TAKE_KEYS = """
INSERT INTO profiles_identifier
    (profile_id, kind, value, shop_id, is_key, is_verified, source, first_seen_at, last_seen_at)
SELECT %s, k.kind, k.value, k.shop_id, true, false, %s, %s, %s
FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS k (kind, value, shop_id)
ON CONFLICT DO NOTHING
"""


def _take_keys(profile_id: int, keys: Sequence[rules.Key], *, source: str, at: datetime) -> bool:
    """Make the keys lead to the profile. False when one of them has just been taken by another.

    The INSERT waits for a transaction which is taking the same key; afterwards the caller looks again.
    Keys come sorted, so that two transactions never wait for each other.
    """
    if not keys:
        return True
    columns = ([k.kind for k in keys], [k.value for k in keys], [k.shop_id for k in keys])
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_KEYS, [profile_id, source, at, at, *columns])
        return bool(cursor.rowcount == len(keys))


# --- Later contacts -------------------------------------------------------------------------------


def _learn(
    profile_id: int,
    identity: Identity,
    keys: Sequence[rules.Key],
    found: Mapping[rules.Key, Holder],
    *,
    shop_id: int,
    source: str,
    at: datetime,
) -> bool:
    """Add what is new about a known person. False when a key was taken meanwhile: look again."""
    free = [key for key in keys if key not in found]
    if not _take_keys(profile_id, free, source=source, at=at):
        return False
    _note_contested(profile_id, keys, found, shop_id=shop_id, source=source, at=at)
    holder = next((h for h in found.values() if h.profile_id == profile_id), None)
    is_own_account = any(
        key.kind == rules.CUSTOMER_ID and found[key].profile_id == profile_id for key in found
    )
    _meet_shop(profile_id, identity, holder, shop_id=shop_id, at=at)
    _refresh(profile_id, identity, holder, is_authoritative=is_own_account, at=at)
    return True


def _meet_shop(
    profile_id: int, identity: Identity, holder: Holder | None, *, shop_id: int, at: datetime
) -> None:
    wish = identity.accepts_marketing
    if holder and holder.is_known_to_shop and wish in {None, holder.accepts_marketing}:
        return
    row, is_new = ProfileShop.objects.get_or_create(
        profile_id=profile_id, shop_id=shop_id, defaults={"accepts_marketing": wish, "since": at}
    )
    if not is_new and wish is not None and row.accepts_marketing != wish:
        row.accepts_marketing = wish
        row.save(update_fields=["accepts_marketing"])


def _refresh(
    profile_id: int,
    identity: Identity,
    holder: Holder | None,
    *,
    is_authoritative: bool,
    at: datetime,
) -> None:
    """Write down better details and the latest contact, when there is something to write."""
    told = _details(identity)
    if holder and not _is_news(holder, told, is_authoritative=is_authoritative, at=at):
        return
    profile = Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    known = _known(profile)
    merged = rules.merged_details(
        known, told, is_authoritative=is_authoritative and at >= profile.last_seen_at
    )
    profile.first_name, profile.last_name = merged.first_name, merged.last_name
    profile.search_name = rules.searchable(merged.first_name, merged.last_name)
    profile.locale, profile.country, profile.city = merged.locale, merged.country, merged.city
    profile.first_seen_at = min(profile.first_seen_at, at)
    profile.last_seen_at = max(profile.last_seen_at, at)
    profile.save()


def _is_news(holder: Holder, told: rules.Details, *, is_authoritative: bool, at: datetime) -> bool:
    is_newest = at >= holder.last_seen_at
    merged = rules.merged_details(
        holder.details, told, is_authoritative=is_authoritative and is_newest
    )
    return (
        merged != holder.details
        or at < holder.first_seen_at
        or rules.is_stale(holder.last_seen_at, at)
    )


def _known(profile: Profile) -> rules.Details:
    return rules.Details(
        first_name=profile.first_name,
        last_name=profile.last_name,
        locale=profile.locale,
        country=profile.country,
        city=profile.city,
    )


def _note_contested(
    profile_id: int,
    keys: Sequence[rules.Key],
    found: Mapping[rules.Key, Holder],
    *,
    shop_id: int,
    source: str,
    at: datetime,
) -> None:
    """Record which identifiers of this contact lead to somebody else; nothing is merged here."""
    contested = [
        key
        for key in rules.contested(keys, _candidates(found), profile_id=profile_id)
        if key.kind != rules.ANONYMOUS_ID
    ]
    if not contested:
        return
    noted = Identifier.objects.filter(profile_id=profile_id, is_key=False)
    known = set(noted.values_list("kind", "value"))
    for key in contested:
        if (key.kind, key.value) not in known:
            _note_one(profile_id, key, shop_id=shop_id, source=source, at=at)


def _note_one(profile_id: int, key: rules.Key, *, shop_id: int, source: str, at: datetime) -> None:
    theirs = Identifier.objects.leading(key.kind, key.value, shop_id=key.shop_id).get()
    IdentityConflict.objects.get_or_create(
        profile_id=profile_id,
        identifier=theirs,
        defaults={"shop_id": shop_id, "source": source, "seen_at": at},
    )
    Identifier.objects.get_or_create(
        profile_id=profile_id,
        kind=key.kind,
        value=key.value,
        is_key=False,
        defaults={
            "shop_id": key.shop_id,
            "source": source,
            "first_seen_at": at,
            "last_seen_at": at,
        },
    )
