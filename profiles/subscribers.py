"""What follows when a customer is met, corrected or merged."""

from __future__ import annotations

from ecrm.kernel import live
from ecrm.kernel.events import subscribe
from profiles import queries, services
from profiles.events import (
    AttributesChanged,
    ConsentAsked,
    ConsentGranted,
    ConsentWithdrawn,
    ExportFinished,
    ImportFinished,
    MergeUndone,
    NoteChanged,
    NoteWritten,
    OwnerChanged,
    ProfileChanged,
    ProfileCreated,
    ProfilesMerged,
    StageChanged,
    TagsChanged,
    VisitorRecognised,
    WallCommented,
)
from profiles.services import exports, finding, imports_telling


@subscribe(ProfileCreated, io=True)
def show_new_profile(event: ProfileCreated) -> None:
    """Let open lists and the customer's page look again."""
    live.hint(f"profiles:shop:{event.shop_id}", f"profile:{event.profile_id}")


@subscribe(ProfileChanged, io=True)
def show_changed_profile(event: ProfileChanged) -> None:
    """Let the customer's page and the lists of his shops look again."""
    shops = queries.shops_of(event.profile_id)
    live.hint(f"profile:{event.profile_id}", *(f"profiles:shop:{shop_id}" for shop_id in shops))


@subscribe(VisitorRecognised)
def join_recognised_visitor(event: VisitorRecognised) -> None:
    """Join the visitor to the person he turned out to be, unless somebody else identified him."""
    services.join_visitor(event.profile_id, visitor_id=event.visitor_profile_id)


@subscribe(ProfilesMerged)
def compare_survivor(event: ProfilesMerged) -> None:
    """The survivor may resemble others than before."""
    finding.compare_again([event.profile_id, event.merged_profile_id])


@subscribe(MergeUndone)
def compare_both(event: MergeUndone) -> None:
    """Both stand in their own blocks again."""
    finding.compare_again([event.profile_id, event.merged_profile_id])


@subscribe(ProfilesMerged, io=True)
def show_merged_profiles(event: ProfilesMerged) -> None:
    """Let both pages and the lists of their shops look again."""
    _show(event.profile_id, event.merged_profile_id)


@subscribe(MergeUndone, io=True)
def show_parted_profiles(event: MergeUndone) -> None:
    """Let both pages and the lists of their shops look again."""
    _show(event.profile_id, event.merged_profile_id)


@subscribe(NoteWritten, io=True)
def show_note(event: NoteWritten) -> None:
    """Let the customer's page and the wall look again."""
    live.hint(f"profile:{event.profile_id}", f"wall:shop:{event.shop_id}")


@subscribe(NoteChanged, io=True)
def show_changed_note(event: NoteChanged) -> None:
    """Let the customer's page and the wall look again."""
    live.hint(f"profile:{event.profile_id}", f"wall:shop:{event.shop_id}")


@subscribe(WallCommented, io=True)
def show_comment(event: WallCommented) -> None:
    """Let the wall look again."""
    live.hint(f"wall:shop:{event.shop_id}")


@subscribe(AttributesChanged, io=True)
def show_changed_attributes(event: AttributesChanged) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(TagsChanged, io=True)
def show_changed_tags(event: TagsChanged) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(StageChanged, io=True)
def show_changed_stage(event: StageChanged) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(OwnerChanged, io=True)
def show_changed_owner(event: OwnerChanged) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(ConsentGranted, io=True)
def show_granted_consent(event: ConsentGranted) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(ConsentWithdrawn, io=True)
def show_withdrawn_consent(event: ConsentWithdrawn) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


@subscribe(ConsentAsked, io=True)
def show_asked_consent(event: ConsentAsked) -> None:
    """Let the customer's page look again."""
    live.hint(f"profile:{event.profile_id}")


def _show(*profile_ids: int) -> None:
    shops = {shop_id for profile_id in profile_ids for shop_id in queries.shops_of(profile_id)}
    live.hint(
        *(f"profile:{profile_id}" for profile_id in profile_ids),
        *(f"profiles:shop:{shop_id}" for shop_id in sorted(shops)),
    )


@subscribe(ImportFinished, io=True)
def show_imported_customers(event: ImportFinished) -> None:
    """Let open lists of the shop look again."""
    live.hint(f"profiles:shop:{event.shop_id}")


@subscribe(ImportFinished)
def tell_importer(event: ImportFinished) -> None:
    """Notify whoever brought the file."""
    imports_telling.tell_importer(event.import_id)


@subscribe(ExportFinished)
def tell_exporter(event: ExportFinished) -> None:
    """Notify whoever asked for the table."""
    exports.tell_exporter(event.export_id)
