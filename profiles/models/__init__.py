"""Every model of the module; Django looks for them here."""

from profiles.models.activity import Activity, ActivityQuerySet, ParkedCall, TrackedMessage
from profiles.models.address import PostalAddress
from profiles.models.duplicates import Bookmark, DuplicatePair, LikenessKey
from profiles.models.figures import Figures
from profiles.models.identity import Identifier, IdentifierQuerySet, IdentityRule
from profiles.models.merging import Merge, MergeEntry
from profiles.models.notes import Note, NoteQuerySet, WallComment, WallCommentQuerySet
from profiles.models.profile import Profile, ProfileQuerySet, ProfileShop

__all__ = [
    "Activity",
    "ActivityQuerySet",
    "Bookmark",
    "DuplicatePair",
    "Figures",
    "Identifier",
    "IdentifierQuerySet",
    "IdentityRule",
    "LikenessKey",
    "Merge",
    "MergeEntry",
    "Note",
    "NoteQuerySet",
    "ParkedCall",
    "PostalAddress",
    "Profile",
    "ProfileQuerySet",
    "ProfileShop",
    "TrackedMessage",
    "WallComment",
    "WallCommentQuerySet",
]
