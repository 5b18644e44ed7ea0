"""Facts which profiles publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileCreated(Event):
    """A person was met for the first time, through this door (`order`, `email`, `api` …)."""

    name: ClassVar[str] = "profiles.profile-created"
    profile_id: int
    shop_id: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileChanged(Event):
    """An agent, or nobody (the system), corrected what we know of a person."""

    name: ClassVar[str] = "profiles.profile-changed"
    profile_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorRecognised(Event):
    """A proven contact of this person came from a visitor we knew only by his computer."""

    name: ClassVar[str] = "profiles.visitor-recognised"
    profile_id: int
    visitor_profile_id: int
    shop_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfilesMerged(Event):
    """An agent, or nobody (the system), made one profile of two: the other one went into this."""

    name: ClassVar[str] = "profiles.profiles-merged"
    profile_id: int
    merged_profile_id: int
    merge_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeUndone(Event):
    """A merge was taken back: the other profile lives again and owns what it owned."""

    name: ClassVar[str] = "profiles.merge-undone"
    profile_id: int
    merged_profile_id: int
    merge_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributesChanged(Event):
    """Somebody told more about a person; `keys` names the attributes, divided by spaces."""

    name: ClassVar[str] = "profiles.attributes-changed"
    profile_id: int
    keys: str
    source: str
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TagsChanged(Event):
    """Tags were stuck to a person or taken off; their ids, divided by spaces."""

    name: ClassVar[str] = "profiles.tags-changed"
    profile_id: int
    added: str
    removed: str
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageChanged(Event):
    """Somebody moved a shop's customer to another stage of his life with it, or let the rule decide."""

    name: ClassVar[str] = "profiles.stage-changed"
    profile_id: int
    shop_id: int
    stage: str
    is_fixed: bool
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnerChanged(Event):
    """An agent became the one who cares for a shop's customer, or nobody did."""

    name: ClassVar[str] = "profiles.owner-changed"
    profile_id: int
    shop_id: int
    owner_id: int | None
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentGranted(Event):
    """A person allowed a shop something; `consent_id` is the entry of the ledger."""

    name: ClassVar[str] = "profiles.consent-granted"
    profile_id: int
    shop_id: int
    consent_id: int
    channel: str
    purpose: str
    source: str
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentWithdrawn(Event):
    """A person does not allow it any more."""

    name: ClassVar[str] = "profiles.consent-withdrawn"
    profile_id: int
    shop_id: int
    consent_id: int
    channel: str
    purpose: str
    source: str
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentAsked(Event):
    """A person is to confirm, by a link sent to his address, that he allows it."""

    name: ClassVar[str] = "profiles.consent-asked"
    profile_id: int
    shop_id: int
    consent_id: int
    channel: str
    purpose: str
    source: str
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentEntered(Event):
    """A customer came to fulfil a segment's rules, or was put on a list.

    `cause` is event, time, audit or hand. Who was there when rules were saved is told by SegmentComputed.
    """

    name: ClassVar[str] = "profiles.segment-entered"
    segment_id: int
    profile_id: int
    shop_id: int | None
    cause: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentLeft(Event):
    """A customer no longer fulfils a segment's rules, or was taken from a list."""

    name: ClassVar[str] = "profiles.segment-left"
    segment_id: int
    profile_id: int
    shop_id: int | None
    cause: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentComputed(Event):
    """The members of a segment were worked out for its new rules."""

    name: ClassVar[str] = "profiles.segment-computed"
    segment_id: int
    shop_id: int | None
    version: int
    members_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteWritten(Event):
    """An agent wrote a note about a person, in the name of a shop."""

    name: ClassVar[str] = "profiles.note-written"
    profile_id: int
    shop_id: int
    note_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteChanged(Event):
    """A note was edited, removed or brought back."""

    name: ClassVar[str] = "profiles.note-changed"
    profile_id: int
    shop_id: int
    note_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WallCommented(Event):
    """A comment under a fact on the wall was written, removed or brought back."""

    name: ClassVar[str] = "profiles.wall-commented"
    fact_id: int
    shop_id: int
    comment_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFinished(Event):
    """A table of customers was imported to its end."""

    name: ClassVar[str] = "profiles.import-finished"
    import_id: int
    shop_id: int
    created: int
    changed: int
    faulty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportFinished(Event):
    """A table of customers is ready to be taken along."""

    name: ClassVar[str] = "profiles.export-finished"
    export_id: int
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileErased(Event):
    """A person was erased: what is left of his record says nothing about him."""

    name: ClassVar[str] = "profiles.profile-erased"
    profile_id: int
    request_id: int
    agent_id: int | None
