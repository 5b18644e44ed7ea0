"""Many contacts of one shop at once, for imports of the past.

The rows are the ones which `resolve`, contact by contact, would have written. People nobody knew are
written together, as long as all their contacts name them in the same words; everybody else is left to
`resolve`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils.timezone import now

from ecrm.kernel import history, outbox
from profiles import rules
from profiles.events import ProfileCreated
from profiles.models import (
    Consent,
    ConsentState,
    Identifier,
    PostalAddress,
    Profile,
    ProfileShop,
)
from profiles.models.consents import Channel, Purpose
from profiles.queries import tombstones
from profiles.rules import consents
from profiles.services import addresses
from profiles.services.contact import told_details
from profiles.services.identities import resolve, usable_keys
from profiles.types import Identity, Resolution


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """What a door knew of a person at this moment, and how old that knowledge is where it is older."""

    identity: Identity
    at: datetime
    said_at: datetime | None = None

    @property
    def age(self) -> datetime:
        """The moment that tells a replay from a new contact."""
        return self.said_at or self.at


class _Overtaken(Exception):
    """Another transaction took one of the identifiers meanwhile."""


@transaction.atomic
def resolve_many(contacts: Sequence[Contact], *, shop_id: int, source: str) -> list[Resolution]:
    """The profiles of many contacts, as `resolve` one after the other would find or create them.

    Everything is recorded as history: ProfileCreated stands on the timelines, nothing follows from
    it. Raises ResolutionFailed.
    """
    newcomers = _newcomers(contacts, shop_id=shop_id)
    with outbox.as_history():
        try:
            with transaction.atomic():
                _write(newcomers, shop_id=shop_id, source=source)
        except _Overtaken:
            newcomers = []
        found = {index: person for person in newcomers for index in person.indexes}
        return [
            found[index].resolution(index)
            if index in found
            else resolve(
                contact.identity,
                shop_id=shop_id,
                source=source,
                at=contact.at,
                said_at=contact.said_at,
            )
            for index, contact in enumerate(contacts)
        ]


@dataclass(slots=True)
class _Newcomer:
    """Somebody new, with all his contacts (their places in the list), the first one first."""

    identity: Identity
    keys: Sequence[rules.Key]
    indexes: list[int]
    met_at: datetime
    profile: Profile = field(default_factory=Profile)

    def resolution(self, index: int) -> Resolution:
        """What `resolve` would have answered to this contact."""
        return Resolution(profile_id=self.profile.pk, created=index == self.indexes[0])

    def describe(self, moments: Iterable[datetime]) -> None:
        """Write into the profile what the contacts say; the later ones move only when he was seen."""
        details, profile = told_details(self.identity), self.profile
        for name, value in asdict(details).items():
            setattr(profile, name, value)
        profile.search_name = rules.searchable(details.first_name, details.last_name)
        profile.created_at = now()
        profile.first_seen_at = profile.last_seen_at = self.met_at
        for at in moments:
            if at < profile.first_seen_at or rules.is_stale(profile.last_seen_at, at):
                profile.first_seen_at = min(profile.first_seen_at, at)
                profile.last_seen_at = max(profile.last_seen_at, at)


# --- Who can be written together ------------------------------------------------------------------


def _newcomers(contacts: Sequence[Contact], *, shop_id: int) -> list[_Newcomer]:
    """The people nobody knew whom all their contacts name alike, in the order of first contacts."""
    keys_of: dict[Identity, list[rules.Key]] = {}
    for contact in contacts:
        if contact.identity not in keys_of:
            keys_of[contact.identity] = usable_keys(contact.identity, shop_id=shop_id)
    every = {key for keys in keys_of.values() for key in keys}
    first = min((contact.age for contact in contacts), default=now())
    erased = tombstones.dead(every, at=first).keys()
    shared = _shared(keys_of.values()) | _held(every, shop_id=shop_id) | erased
    found: list[_Newcomer] = []
    by_identity: dict[Identity, _Newcomer] = {}
    for index, contact in enumerate(contacts):
        identity, keys = contact.identity, keys_of[contact.identity]
        if not shared.isdisjoint(keys):
            continue
        person = by_identity.get(identity)
        if person is not None:
            person.indexes.append(index)
            continue
        person = _Newcomer(identity=identity, keys=keys, indexes=[index], met_at=contact.at)
        if _is_found_again(identity, keys):
            by_identity[identity] = person
        found.append(person)
    for person in found:
        person.describe(contacts[index].at for index in person.indexes)
    return found


def _is_found_again(identity: Identity, keys: Sequence[rules.Key]) -> bool:
    """Whether the same words lead to the same person the next time; with no key nobody is."""
    return identity.is_proven and any(key.kind in rules.STRONG for key in keys)


def _shared(keys_of_identities: Iterable[Sequence[rules.Key]]) -> set[rules.Key]:
    """The keys with which several identities come."""
    seen: set[rules.Key] = set()
    shared: set[rules.Key] = set()
    for keys in keys_of_identities:
        shared |= seen.intersection(keys)
        seen.update(keys)
    return shared


def _held(keys: Collection[rules.Key], *, shop_id: int) -> set[rules.Key]:
    """The keys which lead to somebody already. Two queries."""
    leading = Identifier.objects.filter(is_key=True)
    open_values = {key.value for key in keys if key.shop_id is None}
    own_values = {key.value for key in keys if key.shop_id is not None}
    rows = [
        *leading.filter(shop=None, value__in=open_values).values_list("kind", "value", "shop_id"),
        *leading.filter(shop_id=shop_id, value__in=own_values).values_list(
            "kind", "value", "shop_id"
        ),
    ]
    return {rules.Key(kind, value, shop) for kind, value, shop in rows}.intersection(keys)


# --- Writing them ---------------------------------------------------------------------------------

_TAKE_KEYS = """
INSERT INTO profiles_identifier
    (profile_id, kind, value, shop_id, is_key, is_verified, source, first_seen_at, last_seen_at)
SELECT k.profile_id, k.kind, k.value, k.shop_id, true, false, %s, k.at, k.at
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
    AS k (profile_id, kind, value, shop_id, at)
ON CONFLICT DO NOTHING
"""


def _write(people: Sequence[_Newcomer], *, shop_id: int, source: str) -> None:
    """Everything `resolve` writes about somebody new, in seven statements. Raises _Overtaken."""
    for person in people:
        person.profile.source = source
    Profile.objects.bulk_create(person.profile for person in people)
    _take_keys(people, source=source)
    ProfileShop.objects.bulk_create(
        ProfileShop(
            profile=person.profile,
            shop_id=shop_id,
            since=person.met_at,
        )
        for person in people
    )
    _note_wishes(people, shop_id=shop_id, source=source)
    PostalAddress.objects.bulk_create(
        PostalAddress(
            profile=person.profile,
            fingerprint=place.fingerprint,
            **asdict(place),
            source=source,
            first_seen_at=person.met_at,
            last_seen_at=person.met_at,
        )
        for person in people
        for place in addresses.places_of(person.identity)
    )
    history.record(
        (
            ProfileCreated(profile_id=person.profile.pk, shop_id=shop_id, source=source),
            person.met_at,
        )
        for person in people
    )


def _note_wishes(people: Iterable[_Newcomer], *, shop_id: int, source: str) -> None:
    """What each person let come along about marketing, as the ledger of consents keeps it."""
    entries = Consent.objects.bulk_create(
        Consent(
            profile=person.profile,
            shop_id=shop_id,
            channel=Channel.EMAIL,
            purpose=Purpose.MARKETING,
            answer=wish,
            is_incidental=True,
            source=source,
            answered_at=person.met_at,
            recorded_at=person.profile.created_at,
        )
        for person in people
        if (wish := consents.wish(accepts_marketing=person.identity.accepts_marketing))
    )
    ConsentState.objects.bulk_create(
        ConsentState(
            profile_id=entry.profile_id,
            shop_id=shop_id,
            channel=entry.channel,
            purpose=entry.purpose,
            stand=consents.ANSWERS.index(entry.answer) * consents.STEP + entry.pk,
        )
        for entry in entries
    )


def _take_keys(people: Iterable[_Newcomer], *, source: str) -> None:
    """Let the keys lead to their people, in the one order of all writers. Raises _Overtaken."""
    rows = sorted(
        ((key, person.profile.pk, person.met_at) for person in people for key in person.keys),
        key=lambda row: row[0],
    )
    if not rows:
        return
    columns = (
        [profile_id for _key, profile_id, _at in rows],
        [key.kind for key, _profile_id, _at in rows],
        [key.value for key, _profile_id, _at in rows],
        [key.shop_id for key, _profile_id, _at in rows],
        [at for _key, _profile_id, at in rows],
    )
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_KEYS, [source, *columns])
        if cursor.rowcount != len(rows):
            raise _Overtaken
