"""What of ours is forgotten by age, and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.errors import DomainError
from profiles.extensions.privacy import Ageing, ageing
from profiles.models import Consent, ConsentState
from profiles.rules import OF_MACHINES
from profiles.rules import consents as consent_rules
from profiles.services import consents, erasing, months

SOURCE = "retention"
_LIVING = "t.merged_into_id IS NULL AND t.erased_at IS NULL"
_PERSON = (
    "EXISTS (SELECT 1 FROM profiles_identifier i WHERE i.profile_id = t.id"  # noqa: S608 - constants of ours
    f" AND i.kind NOT IN ({', '.join(repr(kind) for kind in sorted(OF_MACHINES))}))"
)
_BOUGHT = (
    "EXISTS (SELECT 1 FROM profiles_figures f WHERE f.profile_id = t.id AND f.orders_count > 0)"
)
_LAST_CONTACT = (
    "greatest(t.last_seen_at,"
    " (SELECT max(f.last_order_at) FROM profiles_figures f WHERE f.profile_id = t.id),"
    " (SELECT max(r.last_request_at) FROM profiles_requestfigures r WHERE r.profile_id = t.id))"
)
PROSPECTS = _("3 years after the last contact: CNIL, reference for commercial management (2022)")
NEEDED = _("As long as needed for the purpose: art. 5(1)(e) GDPR")
MEASURED = _("25 months at most: CNIL, guidelines on audience measurement (2020)")


def register() -> None:
    """Fill the registry."""
    for rule in (*_people(), *_traces()):
        ageing.register(rule)


def erase_people(profile_ids: Sequence[int], *, at: datetime) -> list[int]:
    """Erase these customers as if they had asked for it. Returns who was erased."""
    erased = []
    for profile_id in profile_ids:
        try:
            erasing.erase(profile_id, by=None, source=SOURCE, at=at)
        except DomainError:
            continue
        erased.append(profile_id)
    return erased


def forget_questions(entry_ids: Sequence[int]) -> list[int]:
    """Remove questions nobody confirmed from the ledger; what was said before them stands again."""
    rows = Consent.objects.filter(pk__in=entry_ids)
    profile_ids = sorted(set(rows.values_list("profile_id", flat=True)))
    with erasing.ledger_open(), connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {ConsentState._meta.db_table} s"  # noqa: S608, SLF001 - our own table
            f" WHERE s.profile_id = ANY(%s) AND mod(s.stand, {consent_rules.STEP}) = ANY(%s)",
            [profile_ids, list(entry_ids)],
        )
        rows.delete()
    for profile_id in profile_ids:
        consents.settle_again(profile_id)
    return list(entry_ids)


def empty_months(cutoff: datetime) -> int:
    """Empty the partitions of activities of which every row is older. Returns how many rows."""
    return sum(months.empty_month(month) for month in months.months_before(cutoff))


def _people() -> tuple[Ageing, ...]:
    erased = _("They are erased as if they had asked for it: orders stay, without their names.")
    return (
        Ageing(
            key="profiles.prospect",
            table="profiles_profile",
            label=_("Prospects who never ordered"),
            help=erased,
            source=PROSPECTS,
            days=1096,
            least=30,
            age=_LAST_CONTACT,
            where=f"{_LIVING} AND {_PERSON} AND NOT {_BOUGHT}",
            carry_out=lambda ids, at: erase_people(ids, at=at),
            batch=20,
            link="profiles:profile-page",
            order=10,
        ),
        Ageing(
            key="profiles.customer",
            table="profiles_profile",
            label=_("Customers without contact"),
            help=erased,
            source=_(
                "5 years after the last contact: limitation period, art. 2224 of the Civil Code"
            ),
            days=1827,
            least=365,
            age=_LAST_CONTACT,
            where=f"{_LIVING} AND {_PERSON} AND {_BOUGHT}",
            carry_out=lambda ids, at: erase_people(ids, at=at),
            batch=20,
            link="profiles:profile-page",
            order=11,
        ),
        Ageing(
            key="profiles.visitor",
            table="profiles_profile",
            label=_("Visitors nobody identified"),
            help=_("Known by a cookie or a device only; what they did goes with them."),
            source=MEASURED,
            days=761,
            least=7,
            age="t.last_seen_at",
            where=f"{_LIVING} AND NOT {_PERSON} AND NOT {_BOUGHT}",
            carry_out=lambda ids, at: erase_people(ids, at=at),
            batch=20,
            link="profiles:profile-page",
            order=12,
        ),
    )


def _traces() -> tuple[Ageing, ...]:
    return (
        Ageing(
            key="profiles.activity",
            table="profiles_activity",
            label=_("Activities on the site"),
            help=_("Months which are over age as a whole are emptied at once."),
            source=MEASURED,
            days=761,
            least=7,
            age="t.occurred_at",
            shop="t.shop_id",
            whole=empty_months,
            link="",
            order=20,
        ),
        Ageing(
            key="profiles.membershipchange",
            table="profiles_membershipchange",
            label=_("Who entered and left segments"),
            help=_("Who is in a segment now stays."),
            source=MEASURED,
            days=761,
            least=30,
            age="t.at",
            link="",
            order=21,
        ),
        Ageing(
            key="profiles.parkedcall",
            table="profiles_parkedcall",
            label=_("Calls nobody understood"),
            help=_("They go after 90 days in any case."),
            source=NEEDED,
            days=30,
            age="t.received_at",
            shop="t.shop_id",
            link="",
            order=22,
        ),
        Ageing(
            key="profiles.question",
            table="profiles_consent",
            label=_("Consents nobody confirmed"),
            help=_("Questions sent by mail of which nobody followed the link."),
            source=NEEDED,
            days=30,
            age="t.answered_at",
            where=(
                "t.answer = 'pending' AND NOT EXISTS"
                " (SELECT 1 FROM profiles_consent c WHERE c.confirms_id = t.id)"
            ),
            shop="t.shop_id",
            carry_out=lambda ids, _at: forget_questions(ids),
            link="profiles:consent-list",
            example="t.profile_id",
            order=23,
        ),
        Ageing(
            key="kernel.accesslog",
            table="axes_accesslog",
            label=_("Sign-ins of agents"),
            help=_("Address and browser of each sign-in; the audit log keeps that it happened."),
            source=_("6 to 12 months: CNIL, recommendation on logging (2021)"),
            days=365,
            least=30,
            age="t.attempt_time",
            link="",
            order=60,
        ),
    )
