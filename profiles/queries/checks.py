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
from profiles.extensions import privacy as privacy_types
from profiles.models import Identifier, Profile, ProfileShop
from profiles.queries import privacy, tombstones

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


@invariant("R21.erased", "Nobody who was erased is back by something older than his erasure.")
def erased_and_back() -> Iterable[str]:
    """Each identifier that a replay or a re-import brought back, and tombstones nobody can ask."""
    return tombstones.broken()[:AT_MOST]


@invariant("R21.empty", "What is left of an erased customer says nothing about him.")
def erased_and_named() -> Iterable[str]:
    """Each kind of data that erased customers still have although it must be gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(id) FROM profiles_profile WHERE erased_at < %s",
            [now() - STRAGGLERS_MAY_FOR],
        )
        profile_ids = cursor.fetchone()[0] or []
    subject = privacy_types.Subject(profile_ids=tuple(profile_ids), at=now())
    gone = [item for item in privacy.declared() if item.fate == privacy_types.Fate.ERASED]
    return [
        f"{count} rows of {item.table} belong to erased customers"
        for item in gone
        if profile_ids and (count := privacy.count(item, subject))
    ]
