"""Finding or creating the one profile of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles import queries, rules
from profiles.events import ProfileCreated, VisitorRecognised
from profiles.models import Profile, ProfileShop
from profiles.queries import Holder
from profiles.rules import policies as policy_rules
from profiles.rules.addresses import Place
from profiles.services import addresses, consents, newcomers, segments_following, suggestions
from profiles.types import Identity, Resolution

ATTEMPTS = 5
_CUT = 120


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
    did not change costs one SELECT. Identifiers which lead to different people become a suggestion,
    never a merge; a visitor known by his computer only is joined to the person a proven contact
    names. An identity that is not proven changes nothing of a known profile. One without usable
    identifier is a new profile each time. Publishes ProfileCreated, VisitorRecognised. Raises
    ResolutionFailed.
    """
    moment = at or now()
    keys = usable_keys(identity, shop_id=shop_id)
    places = addresses.places_of(identity)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(keys, shop_id=shop_id, places=[p.fingerprint for p in places])
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
    identity: Identity, *, shop_id: int, source: str, at: datetime | None = None
) -> Resolution:
    """Like resolve, for doors which must name somebody. Raises NobodyIdentified, ResolutionFailed."""
    if not usable_keys(identity, shop_id=shop_id):
        raise NobodyIdentified(
            _("Give an e-mail address, a telephone number or an id that identifies one person.")
        )
    found = resolve(identity, shop_id=shop_id, source=source, at=at)
    if not found.created:
        # No event follows from what a door tells of somebody we know: his segments look by themselves.
        segments_following.touch_segments([found.profile_id], facts=[segments_following.TOLD])
    return found


@transaction.atomic(savepoint=False)
def learn(
    profile_id: int, *, identity: Identity, shop_id: int, source: str, at: datetime | None = None
) -> None:
    """Attach what a door now knows to a profile that is already decided.

    Used when an order names its customer better than before: the order keeps its profile, identifiers
    of somebody else become a suggestion. A profile merged meanwhile stands for its survivor. Raises
    ResolutionFailed.
    """
    moment = at or now()
    keys = usable_keys(identity, shop_id=shop_id)
    places = addresses.places_of(identity)
    for _attempt in range(ATTEMPTS):
        found = queries.holders(keys, shop_id=shop_id, places=[p.fingerprint for p in places])
        contact = Contact(identity, keys, places, found, shop_id=shop_id, source=source, at=moment)
        known = any(holder.profile_id == profile_id for holder in found.values())
        whom = profile_id if known else queries.survivor(profile_id)
        if not any(holder.is_merged for holder in found.values()) and contact.tell(whom):
            return
    raise ResolutionFailed(_("This customer is being created elsewhere. Please try again."))


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


def told_details(identity: Identity) -> rules.Details:
    """The details of a person as a profile keeps them: trimmed, cut to length, unknown values left out."""
    return rules.Details(
        first_name=identity.first_name.strip()[:_CUT],
        last_name=identity.last_name.strip()[:_CUT],
        locale=rules.normalise_locale(identity.locale),
        country=rules.normalise_country(identity.country),
        city=identity.city.strip()[:_CUT],
        birthday=identity.birthday,
        gender=identity.gender if identity.gender in Profile.Gender.values else "",
        timezone=identity.timezone.strip()[:63],
        currency=identity.currency.strip().upper()[:3],
    )


class Contact:
    """One contact of somebody through some door, and who holds its identifiers."""

    def __init__(
        self,
        identity: Identity,
        keys: Sequence[rules.Key],
        places: Sequence[Place],
        found: Mapping[rules.Key, Holder],
        *,
        shop_id: int,
        source: str,
        at: datetime,
    ) -> None:
        self._identity, self._keys, self._places, self._found = identity, keys, places, found
        self._shop_id, self._source, self._at = shop_id, source, at
        self._details = told_details(identity)

    def choose(self) -> int | None:
        """Whose contact it is, or None when it is somebody new.

        A visitor is who his computer says: what he types leads to nobody, because anybody can type it.
        """
        keys = self._keys
        machines = [key for key in keys if key.kind in rules.OF_MACHINES]
        if machines and not self._identity.is_proven:
            keys = machines
        return rules.choose(keys, self._candidates(), priority=queries.policies().priority)

    def _candidates(self) -> dict[rules.Key, rules.Candidate]:
        return {
            key: rules.Candidate(holder.profile_id, holder.is_identified)
            for key, holder in self._found.items()
        }

    @property
    def _free(self) -> list[rules.Key]:
        return [key for key in self._keys if key not in self._found]

    # --- First contact ----------------------------------------------------------------------------

    def create(self) -> int | None:
        """A new profile with the free keys, or None when somebody else took one meanwhile."""
        profile_id = newcomers.insert(
            self._details,
            keys=self._free,
            places=self._places,
            shop_id=self._shop_id,
            accepts_marketing=self._identity.accepts_marketing,
            source=self._source,
            at=self._at,
        )
        if profile_id is None:
            return None
        self._note_others(profile_id)
        outbox.publish(
            ProfileCreated(profile_id=profile_id, shop_id=self._shop_id, source=self._source),
            at=self._at,
        )
        return profile_id

    # --- Later contacts ---------------------------------------------------------------------------

    def tell(self, profile_id: int) -> bool:
        """Add what is new about a known person. False when a key was taken meanwhile: look again."""
        holder = next((h for h in self._found.values() if h.profile_id == profile_id), None)
        if not self._identity.is_proven:
            self._meet_shop(profile_id, holder, wish=None)
            is_open = holder is not None and not holder.is_verified
            told = self._details if is_open else rules.Details()
            self._refresh(profile_id, holder, told, is_authoritative=False)
            return True
        free = self._free
        if holder is not None:
            free = policy_rules.fitting(free, Counter(holder.kinds), queries.policies())
        if not _take_keys(profile_id, free, source=self._source, at=self._at):
            return False
        self._note_others(profile_id)
        self._meet_shop(profile_id, holder, wish=self._identity.accepts_marketing)
        self._refresh(
            profile_id, holder, self._details, is_authoritative=self._is_own_account(profile_id)
        )
        known = holder.places if holder else frozenset()
        new = [place for place in self._places if place.kind + place.fingerprint not in known]
        addresses.keep(profile_id, places=new, source=self._source, at=self._at)
        return True

    def _is_own_account(self, profile_id: int) -> bool:
        return any(
            key.kind == rules.CUSTOMER_ID and holder.profile_id == profile_id
            for key, holder in self._found.items()
        )

    def _meet_shop(self, profile_id: int, holder: Holder | None, *, wish: bool | None) -> None:
        if holder and holder.is_known_to_shop and wish in {None, holder.accepts_marketing}:
            return
        if not (holder and holder.is_known_to_shop):
            ProfileShop.objects.get_or_create(
                profile_id=profile_id, shop_id=self._shop_id, defaults={"since": self._at}
            )
        if wish is not None:
            consents.note_wish(
                profile_id,
                shop_id=self._shop_id,
                accepts_marketing=wish,
                source=self._source,
                at=self._at,
            )

    def _refresh(
        self, profile_id: int, holder: Holder | None, told: rules.Details, *, is_authoritative: bool
    ) -> None:
        """Write down better details and the latest contact, when there is something to write."""
        if holder and not self._is_news(holder, told, is_authoritative=is_authoritative):
            return
        profile = Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
        is_newest = self._at >= profile.last_seen_at
        merged = rules.merged_details(
            details_of(profile), told, is_authoritative=is_authoritative and is_newest
        )
        for name, value in asdict(merged).items():
            setattr(profile, name, value)
        profile.search_name = rules.searchable(merged.first_name, merged.last_name)
        profile.first_seen_at = min(profile.first_seen_at, self._at)
        profile.last_seen_at = max(profile.last_seen_at, self._at)
        profile.save()

    def _is_news(self, holder: Holder, told: rules.Details, *, is_authoritative: bool) -> bool:
        is_newest = self._at >= holder.last_seen_at
        merged = rules.merged_details(
            holder.details, told, is_authoritative=is_authoritative and is_newest
        )
        return (
            merged != holder.details
            or self._at < holder.first_seen_at
            or rules.is_stale(holder.last_seen_at, self._at)
        )

    # --- Identifiers of others --------------------------------------------------------------------

    def _note_others(self, profile_id: int) -> None:
        """Record which identifiers lead to somebody else; nobody is merged here.

        What a visitor only claims is not even a suggestion: anybody could fill the queue with it.
        """
        if not self._identity.is_proven:
            return
        contested = rules.contested(self._keys, self._candidates(), profile_id=profile_id)
        for visitor_id in sorted(self._visitors(contested)):
            outbox.publish(
                VisitorRecognised(
                    profile_id=profile_id, visitor_profile_id=visitor_id, shop_id=self._shop_id
                ),
                at=self._at,
            )
        of_people = [key for key in contested if key.kind not in rules.OF_MACHINES]
        if of_people:
            suggestions.note_shared(
                profile_id,
                keys=of_people,
                found={key: self._found[key].profile_id for key in of_people},
                source=self._source,
                at=self._at,
            )

    def _visitors(self, contested: Sequence[rules.Key]) -> set[int]:
        """The anonymous profiles behind these keys which the rules let join an identified person."""
        if not any(key.kind in rules.STRONG for key in self._keys):
            return set()
        policies = queries.policies()
        return {
            self._found[key].profile_id
            for key in contested
            if policies[key.kind].joins_visitors and self._found[key].is_visitor
        }


def details_of(profile: Profile) -> rules.Details:
    """What a profile knows of its person beside identifiers."""
    names = asdict(rules.Details())
    return replace(rules.Details(), **{name: getattr(profile, name) for name in names})


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
