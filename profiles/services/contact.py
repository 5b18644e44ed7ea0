"""One contact of somebody through some door: whose it is, and what it adds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from django.db import connection

from ecrm.kernel import outbox
from profiles import queries, rules
from profiles.events import ProfileCreated, VisitorRecognised
from profiles.models import Profile, ProfileShop
from profiles.queries import Holder
from profiles.rules import claims as claim_rules
from profiles.rules import policies as policy_rules
from profiles.rules.addresses import Place
from profiles.services import addresses, consents, newcomers, proving, suggestions
from profiles.types import Identity

_CUT = 120
_GENDERS = frozenset(Profile.Gender.values)


def told_details(identity: Identity) -> rules.Details:
    """The details of a person as a profile keeps them: trimmed, cut to length, unknown values left out."""
    return rules.Details(
        first_name=identity.first_name.strip()[:_CUT],
        last_name=identity.last_name.strip()[:_CUT],
        locale=rules.normalise_locale(identity.locale),
        country=rules.normalise_country(identity.country),
        city=identity.city.strip()[:_CUT],
        birthday=identity.birthday,
        gender=identity.gender if identity.gender in _GENDERS else "",
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
        self._loose = self._loose_claims() if identity.is_proven else frozenset()
        # Claims of others which gave way to this contact.
        self._freed: Sequence[rules.Key] = ()

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
            if key not in self._loose
        }

    def _loose_claims(self) -> frozenset[rules.Key]:
        """Keys that others hold by their word alone: they do not lead the proven owner astray."""
        if not any(holder.is_claimed for holder in self._found.values()):
            return frozenset()
        return claim_rules.loose(
            {
                key: claim_rules.Hold(holder.profile_id, holder.is_claimed, tuple(holder.kinds))
                for key, holder in self._found.items()
            }
        )

    @property
    def _free(self) -> list[rules.Key]:
        return [key for key in self._keys if key not in self._found]

    # --- First contact ----------------------------------------------------------------------------

    def create(self) -> int | None:
        """A new profile with the free keys, or None when somebody else took one meanwhile."""
        self._freed = self._claims_of_others(None)
        if not proving.release(self._freed):
            return None
        profile_id = newcomers.insert(
            self._details,
            keys=sorted([*self._free, *self._freed]),
            places=self._places,
            shop_id=self._shop_id,
            accepts_marketing=self._identity.accepts_marketing,
            is_claimed=not self._identity.is_proven,
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
        claimed = self._claims_of_others(profile_id)
        free = sorted([*self._free, *claimed])
        if holder is not None:
            free = policy_rules.fitting(free, Counter(holder.kinds), queries.policies())
        self._freed = [key for key in claimed if key in free]
        if not proving.release(self._freed):
            return False
        if not _take_keys(profile_id, free, source=self._source, at=self._at):
            return False
        proving.vouch(self._own_claims(profile_id))
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

    def _claims_of_others(self, profile_id: int | None) -> list[rules.Key]:
        """What others than this profile claimed and a proven owner names."""
        if not self._identity.is_proven:
            return []
        return [
            key
            for key in self._keys
            if (holder := self._found.get(key))
            and holder.is_claimed
            and holder.profile_id != profile_id
        ]

    def _own_claims(self, profile_id: int) -> list[rules.Key]:
        """What this very profile held by somebody's word, and is proven now."""
        return [
            key
            for key in self._keys
            if (holder := self._found.get(key))
            and holder.is_claimed
            and holder.profile_id == profile_id
        ]

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
        suggestions.note_claimed(
            profile_id,
            others={
                self._found[key].profile_id: key.kind
                for key in self._freed
                if not claim_rules.is_computer(self._found[key].kinds)
            },
            at=self._at,
        )
        of_people = [
            key for key in contested if key.kind not in rules.OF_MACHINES and key not in self._freed
        ]
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
            if policies[key.kind].joins_visitors and self._is_visitor(self._found[key])
        }

    def _is_visitor(self, holder: Holder) -> bool:
        """True when nothing but computers is left of somebody, without what gave way to this contact."""
        freed = [k for k in self._freed if self._found[k].profile_id == holder.profile_id]
        return rules.OF_MACHINES.issuperset(claim_rules.left_over(holder.kinds, freed))


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
