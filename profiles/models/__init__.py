"""Every model of the module; Django looks for them here."""

from profiles.models.figures import Figures
from profiles.models.identity import Identifier, IdentifierQuerySet, IdentityConflict
from profiles.models.profile import Profile, ProfileQuerySet, ProfileShop

__all__ = [
    "Figures",
    "Identifier",
    "IdentifierQuerySet",
    "IdentityConflict",
    "Profile",
    "ProfileQuerySet",
    "ProfileShop",
]
