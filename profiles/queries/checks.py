"""Promises about customers that can be checked on the live database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from ecrm.kernel.models import EventRecord
from ecrm.kernel.verify import invariant
from profiles import extensions
from profiles.events import ProfileCreated
from profiles.models import Identifier, Profile, ProfileShop

AT_MOST = 100
# The job that gathers them runs each minute.
STRAGGLERS_MAY_FOR = timedelta(minutes=10)


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


@invariant("R21.merged", "Whoever was merged owns nothing any more: all of it is the survivor's.")
def rows_of_merged_profiles() -> Iterable[str]:
    """Each table in which rows point at a merged profile longer than stragglers may."""
    settled = now() - STRAGGLERS_MAY_FOR
    found = []
    for holding in extensions.holdings.all():
        if holding.stays:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM {holding.table} t"  # noqa: S608 - names from the registry
                f" JOIN profiles_merge m ON m.merged_id = t.{holding.column}"
                " WHERE m.undone_at IS NULL AND m.merged_at < %s",
                [settled],
            )
            if count := cursor.fetchone()[0]:
                found.append(f"{count} rows of {holding.table} belong to merged profiles")
    return found
