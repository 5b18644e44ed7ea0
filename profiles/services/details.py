"""What agents correct about a customer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles import rules
from profiles.events import ProfileChanged
from profiles.models import Profile

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"
LONGEST_NAME = 120


class NotYourCustomer(DomainError):
    """None of the shops in which the agent may change customers knows this one."""

    code = "not_your_customer"


class UnusableDetails(DomainError):
    """A name is too long or the language is none; `fields` says which."""

    code = "unusable_details"
    status = 422


@transaction.atomic
def change_profile(
    profile_id: int,
    *,
    first_name: str,
    last_name: str,
    locale: str,
    by: Agent | None,
    at: datetime | None = None,
) -> bool:
    """Correct a customer's name and language; False when nothing differs. `by=None` is the system.

    Raises Profile.DoesNotExist, NotYourCustomer, UnusableDetails; publishes ProfileChanged and leaves
    the names of the changed fields, never their content, in the audit log.
    """
    wanted = _usable(first_name=first_name, last_name=last_name, locale=locale)
    profile = Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    shop_id = _shop_of_change(profile, by)
    changed = [name for name, value in wanted.items() if getattr(profile, name) != value]
    if not changed:
        return False
    for name in changed:
        setattr(profile, name, wanted[name])
    profile.search_name = rules.searchable(profile.first_name, profile.last_name)
    profile.save(update_fields=[*changed, "search_name"])
    moment = at or now()
    outbox.publish(ProfileChanged(profile_id=profile_id, agent_id=by.pk if by else None), at=moment)
    record_audit(
        action="profiles.profile-changed",
        target=f"profile:{profile_id}",
        by=by,
        shop_id=shop_id,
        changes={"fields": changed},
        at=moment,
    )
    return True


def _usable(*, first_name: str, last_name: str, locale: str) -> dict[str, str]:
    found = {
        "first_name": " ".join(first_name.split()),
        "last_name": " ".join(last_name.split()),
        "locale": rules.normalise_locale(locale),
    }
    faults = {
        name: _("At most %(number)s characters.") % {"number": LONGEST_NAME}
        for name in ("first_name", "last_name")
        if len(found[name]) > LONGEST_NAME
    }
    if locale.strip() and not found["locale"]:
        faults["locale"] = _("This is no language we know.")
    if faults:
        raise UnusableDetails(_("Please correct the marked fields."), fields=faults)
    return found


def _shop_of_change(profile: Profile, by: Agent | None) -> int | None:
    """The customer's shop in whose name the agent acts. Raises NotYourCustomer."""
    if by is None:
        return None
    known_by = profile.shops.filter(shop_id__in=company.shop_ids(by, CHANGE))
    shop_id = known_by.order_by("since", "id").values_list("shop_id", flat=True).first()
    if shop_id is None:
        raise NotYourCustomer(_("You may not change customers of this shop."))
    return shop_id
