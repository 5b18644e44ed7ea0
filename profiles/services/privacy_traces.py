"""What operating the product leaves behind: journals, events, errors, notifications, searches."""

from __future__ import annotations

from typing import cast

from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import Fate, Personal, Subject
from profiles.models import Note, Segment, SegmentVersion, WallComment
from profiles.rules import erasure
from profiles.services.privacy_words import EVENTS, SEARCHED, STRAIGHT_FROM

# What is about the person and no record that stays.
_ABOUT_PERSON = (
    "(t.name LIKE 'profiles.%%'"
    " AND t.name NOT IN ('profiles.profile-created', 'profiles.profile-erased'))"
)
_FOLLOWED = (
    "t.event_id IN (SELECT t.id FROM kernel_eventrecord t"  # noqa: S608 - constants of ours
    f" WHERE t.profile_id = ANY(%(profiles)s) AND {_ABOUT_PERSON})"
)
_FACT = {
    "at": ("t.occurred_at", _("Date")),
    "name": ("t.name", _("Event")),
    "shop": ("(SELECT s.name FROM company_shop s WHERE s.id = t.shop_id)", _("Shop")),
    "details": ("t.payload", _("Details")),
}


def merging() -> tuple[Personal, ...]:
    """Merges, tombstones and requests."""
    history = _("Says by numbers which records became one; it holds nothing about the person.")
    return (
        Personal(
            key="profiles.mergeentry",
            table="profiles_mergeentry",
            label=_("Journal of merges"),
            processing="operations",
            order=55,
            where=(
                "t.merge_id IN (SELECT m.id FROM profiles_merge m WHERE"
                " m.survivor_id = ANY(%(profiles)s) OR m.merged_id = ANY(%(profiles)s))"
            ),
            untold=STRAIGHT_FROM,
        ),
        Personal(
            key="profiles.merge",
            table="profiles_merge",
            label=_("Merges"),
            processing="operations",
            order=70,
            where="t.survivor_id = ANY(%(profiles)s) OR t.merged_id = ANY(%(profiles)s)",
            holdings=("profiles_merge.survivor_id", "profiles_merge.merged_id"),
            fate=Fate.KEPT,
            why=history,
            columns={
                "merged": ("t.merged_id", _("Merged record")),
                "merged_at": ("t.merged_at", _("Date")),
                "undone_at": ("t.undone_at", _("Undone")),
            },
        ),
        Personal(
            key="profiles.duplicatepair",
            table="profiles_duplicatepair",
            label=_("Possible duplicates"),
            processing="operations",
            order=60,
            where="t.low_id = ANY(%(profiles)s) OR t.high_id = ANY(%(profiles)s)",
            holdings=("profiles_duplicatepair.low_id", "profiles_duplicatepair.high_id"),
            untold=_("Speaks of somebody else too, and is only a guess."),
        ),
        Personal(
            key="profiles.tombstone",
            table="profiles_tombstone",
            label=_("Tombstones"),
            processing="operations",
            order=70,
            holdings=("profiles_tombstone.profile_id",),
            fate=Fate.KEPT,
            why=_("Keyed hashes nobody can read; they keep old copies from bringing you back."),
            untold=_("Keyed hashes nobody can read; they keep old copies from bringing you back."),
            number="digest",
        ),
        Personal(
            key="profiles.privacyrequest",
            table="profiles_privacyrequest",
            label=_("Requests about personal data"),
            processing="operations",
            order=70,
            holdings=("profiles_privacyrequest.profile_id",),
            fate=Fate.KEPT,
            why=_("Proof that the request was answered, in numbers only (art. 5(2) GDPR)."),
            columns={
                "kind": ("t.kind", _("Kind")),
                "received_at": ("t.received_at", _("Received")),
                "state": ("t.state", _("State")),
                "answered_at": ("t.answered_at", _("Answered")),
            },
        ),
    )


def traces() -> tuple[Personal, ...]:
    """Events and what follows from them, errors, notifications, searches, the audit log."""
    searches = _("The search of a colleague stays, without what names you.")
    return (
        Personal(
            key="kernel.delivery",
            table="kernel_delivery",
            label=_("Work that follows from events"),
            processing="operations",
            order=4,
            where=(
                f"(t.event_id IN ({EVENTS}) AND (t.state IN ('pending', 'parked') OR t.last_error <> ''))"
                f" OR t.last_error {SEARCHED}"
            ),
            fate=Fate.EMPTIED,
            changes=(
                "last_error = '',"
                " settled_at = CASE WHEN state IN ('pending', 'parked') THEN %(at)s ELSE settled_at END,"
                " lease_token = NULL,"
                " state = CASE WHEN state IN ('pending', 'parked') THEN 'discarded' ELSE state END"
            ),
            why=_("Numbers only: that something followed from an event, and with which result."),
            untold=_("Numbers only: that something followed from an event, and with which result."),
        ),
        Personal(
            key="kernel.followed",
            table="kernel_delivery",
            label=_("Work that followed from what is erased"),
            processing="operations",
            order=57,
            where=_FOLLOWED,
            untold=_("Numbers only: that something followed from an event, and with which result."),
        ),
        Personal(
            key="kernel.event",
            table="kernel_eventrecord",
            label=_("Timeline entries"),
            processing="operations",
            order=90,
            holdings=("kernel.event",),
            where=f"t.profile_id = ANY(%(profiles)s) AND {_ABOUT_PERSON}",
            columns=_FACT,
        ),
        Personal(
            key="kernel.fact",
            table="kernel_eventrecord",
            label=_("Facts about orders, requests and messages"),
            processing="operations",
            order=91,
            where=f"t.profile_id = ANY(%(profiles)s) AND NOT {_ABOUT_PERSON}",
            fate=Fate.KEPT,
            why=_(
                "Numbers of records which stay, and when something happened to them; no content."
            ),
            columns=_FACT,
        ),
        Personal(
            key="kernel.jobrun",
            table="kernel_jobrun",
            label=_("Errors of jobs"),
            processing="operations",
            order=60,
            where=f"t.error {SEARCHED}",
            fate=Fate.EMPTIED,
            changes="error = ''",
            why=_("Says that a job failed, no longer with whose data."),
            untold=_("Technical messages."),
        ),
        Personal(
            key="kernel.idempotencykey",
            table="kernel_idempotencykey",
            label=_("Answers kept for repeated requests"),
            processing="operations",
            order=60,
            where=f"t.body::text {SEARCHED}",
            fate=Fate.EMPTIED,
            changes="body = '{}'::jsonb",
            why=_("The same request sent again has no effect, and gets an empty answer."),
            untold=_("Copies of what stands elsewhere, kept for 7 days."),
        ),
        Personal(
            key="backoffice.notification",
            table="backoffice_notification",
            label=_("Notifications of agents"),
            processing="operations",
            order=60,
            where=f"t.url ~ ANY(%(routes)s) OR t.title_values::text {SEARCHED}",
            untold=_("Copies of what stands elsewhere, kept for a short time."),
        ),
        Personal(
            key="backoffice.savedview",
            table="backoffice_savedview",
            label=_("Saved searches of agents"),
            processing="operations",
            order=60,
            where=f"t.query {SEARCHED} OR t.name {SEARCHED}",
            untold=searches,
        ),
        *(
            Personal(
                key=f"profiles.{name}rules",
                table=f"profiles_{name}",
                label=label,
                processing="operations",
                order=60,
                where=f"t.rules::text {SEARCHED}",
                fate=Fate.EMPTIED,
                carry_out=rewrite,
                why=searches,
                untold=searches,
            )
            for name, label, rewrite in (
                ("segment", _("Rules of segments that name you"), _rewrite_segments),
                ("segmentversion", _("Former rules of segments that name you"), _rewrite_versions),
            )
        ),
        *(
            Personal(
                key=f"profiles.{name}elsewhere",
                table=f"profiles_{name}",
                label=label,
                processing="operations",
                order=62,
                where=f"t.text {SEARCHED} AND {elsewhere}",
                fate=Fate.EMPTIED,
                carry_out=rewrite,
                why=_("Written about somebody else; the name, address or number is taken out."),
                untold=_("Written about another customer."),
            )
            for name, label, elsewhere, rewrite in (
                (
                    "note",
                    _("Notes about others that name the customer"),
                    "t.profile_id <> ALL(%(profiles)s)",
                    lambda subject: _leave_out(Note, subject),
                ),
                (
                    "wallcomment",
                    _("Comments about others that name the customer"),
                    f"t.event_id NOT IN ({EVENTS})",
                    lambda subject: _leave_out(WallComment, subject),
                ),
            )
        ),
        Personal(
            key="company.auditentry",
            table="company_auditentry",
            label=_("Audit log"),
            processing="operations",
            order=95,
            where="t.target = ANY(SELECT 'profile:' || p FROM unnest(%(profiles)s::bigint[]) AS p)",
            fate=Fate.KEPT,
            why=_(
                "Names customers by number only; a chain of hashes proves that nothing was removed."
            ),
            columns={
                "at": ("t.at", _("Date")),
                "action": ("t.action", _("Action")),
            },
        ),
    )


def _leave_out(model: type[Note] | type[WallComment], subject: Subject) -> int:
    """Take out of agents' words about others what names the person; his own rows are gone before."""
    found = model._default_manager.raw(  # noqa: SLF001 - either of two models
        f"SELECT t.* FROM {model._meta.db_table} t WHERE t.text {SEARCHED}",  # noqa: S608, SLF001 - a model's table
        subject.values,
    )
    rows = cast("list[Note | WallComment]", list(found))
    for row in rows:
        row.text = erasure.without(row.text, subject.patterns)
        row.save(update_fields=["text"])
    return len(rows)


def _rewrite_segments(subject: Subject) -> int:
    return _rewrite(Segment, subject)


def _rewrite_versions(subject: Subject) -> int:
    return _rewrite(SegmentVersion, subject)


def _rewrite(model: type[Segment] | type[SegmentVersion], subject: Subject) -> int:
    """Put a word into rules that name the person; they stay valid and match nobody by it."""
    found = model._default_manager.raw(  # noqa: SLF001 - either of two models
        f"SELECT t.* FROM {model._meta.db_table} t WHERE t.rules::text {SEARCHED}",  # noqa: S608, SLF001 - a model's table
        subject.values,
    )
    rows = cast("list[Segment | SegmentVersion]", list(found))
    for row in rows:
        row.rules = erasure.redacted(row.rules, subject.patterns)
        row.save(update_fields=["rules"])
    return len(rows)
