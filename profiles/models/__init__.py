"""Every model of the module; Django looks for them here."""

from profiles.models.activity import Activity, ActivityQuerySet, ParkedCall, TrackedMessage
from profiles.models.address import PostalAddress
from profiles.models.attributes import Attribute, AttributeValue
from profiles.models.consents import Consent, ConsentState, ConsentWording
from profiles.models.duplicates import Bookmark, DuplicatePair, LikenessKey
from profiles.models.exports import Export
from profiles.models.figures import Figures, RequestFigures
from profiles.models.identity import Identifier, IdentifierQuerySet, IdentityRule
from profiles.models.imports import (
    Import,
    ImportBlock,
    ImportedCustomer,
    ImportFault,
    ImportKey,
)
from profiles.models.merging import Merge, MergeEntry
from profiles.models.notes import Note, NoteQuerySet, WallComment, WallCommentQuerySet
from profiles.models.predictions import LifetimeModel, Prediction, Rfm, SelfCheck
from profiles.models.privacy import (
    PrivacyRequest,
    PrivacyRequestQuerySet,
    RetentionRule,
    RetentionRun,
    Tombstone,
)
from profiles.models.profile import Profile, ProfileQuerySet, ProfileShop
from profiles.models.segments import (
    ListMember,
    Membership,
    MembershipChange,
    Segment,
    SegmentAudit,
    SegmentCursor,
    SegmentFlip,
    SegmentQuerySet,
    SegmentTouch,
    SegmentVersion,
)
from profiles.models.tags import ProfileTag, Tag, TagChange

__all__ = [
    "Activity",
    "ActivityQuerySet",
    "Attribute",
    "AttributeValue",
    "Bookmark",
    "Consent",
    "ConsentState",
    "ConsentWording",
    "DuplicatePair",
    "Export",
    "Figures",
    "Identifier",
    "IdentifierQuerySet",
    "IdentityRule",
    "Import",
    "ImportBlock",
    "ImportFault",
    "ImportKey",
    "ImportedCustomer",
    "LifetimeModel",
    "LikenessKey",
    "ListMember",
    "Membership",
    "MembershipChange",
    "Merge",
    "MergeEntry",
    "Note",
    "NoteQuerySet",
    "ParkedCall",
    "PostalAddress",
    "Prediction",
    "PrivacyRequest",
    "PrivacyRequestQuerySet",
    "Profile",
    "ProfileQuerySet",
    "ProfileShop",
    "ProfileTag",
    "RequestFigures",
    "RetentionRule",
    "RetentionRun",
    "Rfm",
    "Segment",
    "SegmentAudit",
    "SegmentCursor",
    "SegmentFlip",
    "SegmentQuerySet",
    "SegmentTouch",
    "SegmentVersion",
    "SelfCheck",
    "Tag",
    "TagChange",
    "Tombstone",
    "TrackedMessage",
    "WallComment",
    "WallCommentQuerySet",
]
