from django.urls import path

from profiles.web import customers, duplicates, editing, identity_rules, merging, page

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
    path("<int:profile_id>/merge/", merging.profile_merge, name="profile-merge"),
    path("<int:profile_id>/", page.profile_page, name="profile-page"),
    path("<int:profile_id>/timeline/", page.profile_timeline, name="profile-timeline"),
    path("<int:profile_id>/edit/", editing.profile_edit, name="profile-edit"),
]
