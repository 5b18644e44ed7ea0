"""What follows when a customer is met or corrected."""

from __future__ import annotations

from ecrm.kernel import live
from ecrm.kernel.events import subscribe
from profiles import queries
from profiles.events import ProfileChanged, ProfileCreated


@subscribe(ProfileCreated, io=True)
def show_new_profile(event: ProfileCreated) -> None:
    """Let open lists and the customer's page look again."""
    live.hint(f"profiles:shop:{event.shop_id}", f"profile:{event.profile_id}")


@subscribe(ProfileChanged, io=True)
def show_changed_profile(event: ProfileChanged) -> None:
    """Let the customer's page and the lists of his shops look again."""
    shops = queries.shops_of(event.profile_id)
    live.hint(f"profile:{event.profile_id}", *(f"profiles:shop:{shop_id}" for shop_id in shops))
