from django.urls import path

from profiles.web import (
    customers,
    duplicates,
    editing,
    identity_rules,
    merging,
    notes,
    page,
    parked,
    wall,
)

app_name = "profiles"

urlpatterns = [
    path("", customers.profile_list, name="profile-list"),
    path("export/", customers.profile_export, name="profile-export"),
    path("duplicates/", duplicates.duplicate_queue, name="duplicate-queue"),
    path("duplicates/<int:pair_id>/merge/", duplicates.duplicate_merge, name="duplicate-merge"),
    path(
        "duplicates/<int:pair_id>/different/",
        duplicates.duplicate_different,
        name="duplicate-different",
    ),
    path("duplicates/<int:pair_id>/later/", duplicates.duplicate_later, name="duplicate-later"),
    path("duplicates/<int:pair_id>/reopen/", duplicates.duplicate_reopen, name="duplicate-reopen"),
    path("merges/<int:merge_id>/undo/", merging.merge_undo, name="merge-undo"),
    path("rules/", identity_rules.identity_rules, name="identity-rules"),
    path("wall/", wall.wall_page, name="wall"),
    path("wall/<int:fact_id>/comment/", wall.comment_write, name="comment-write"),
    path("comments/<int:comment_id>/remove/", wall.comment_remove, name="comment-remove"),
    path("comments/<int:comment_id>/restore/", wall.comment_restore, name="comment-restore"),
    path("notes/<int:note_id>/edit/", notes.note_edit, name="note-edit"),
    path("notes/<int:note_id>/remove/", notes.note_remove, name="note-remove"),
    path("notes/<int:note_id>/restore/", notes.note_restore, name="note-restore"),
    path("tracking/", parked.parked_list, name="parked-calls"),
    path("tracking/settle/", parked.parked_settle, name="parked-settle"),
    path("<int:profile_id>/notes/", notes.note_write, name="note-write"),
    path("<int:profile_id>/merge/", merging.profile_merge, name="profile-merge"),
    path("<int:profile_id>/", page.profile_page, name="profile-page"),
    path("<int:profile_id>/timeline/", page.profile_timeline, name="profile-timeline"),
    path("<int:profile_id>/edit/", editing.profile_edit, name="profile-edit"),
]
