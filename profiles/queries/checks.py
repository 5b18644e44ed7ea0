"""Promises about customers that can be checked on the live database."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from ecrm.kernel.models import EventRecord
from ecrm.kernel.verify import invariant
from profiles.events import ProfileCreated
from profiles.models import Identifier, Profile, ProfileShop

AT_MOST = 100


@invariant("R21.known", "Every customer is known to at least one shop.")
def unknown_profiles() -> Iterable[str]:
    """Each profile which no agent could ever see."""
    rows = Profile.objects.living().exclude(
        Exists(ProfileShop.objects.filter(profile=OuterRef("pk")))
    )
    return [
        f"profile {pk} is known to no shop" for pk in rows.values_list("pk", flat=True)[:AT_MOST]
    ]


@invariant("R21.keys", "An identifier which leads to somebody else has a holder.")
def orphan_identifiers() -> Iterable[str]:
    """Each shared identifier that leads to nobody any more."""
    holders = Identifier.objects.filter(is_key=True, kind=OuterRef("kind"), value=OuterRef("value"))
    rows = Identifier.objects.filter(is_key=False).exclude(Exists(holders))
    return [
        f"identifier {pk} is shared with nobody"
        for pk in rows.values_list("pk", flat=True)[:AT_MOST]
    ]


@invariant("R3.profiles", "Every customer was created once, by exactly one recorded fact.")
def profiles_without_one_creation() -> Iterable[str]:
    """Each profile without its ProfileCreated record."""
    records = EventRecord.objects.filter(name=ProfileCreated.name, profile_id=OuterRef("pk"))
    rows = Profile.objects.living().exclude(Exists(records))
    return [
        f"profile {pk} has no record of its creation"
        for pk in rows.values_list("pk", flat=True)[:AT_MOST]
    ]
