from django.urls import path

from profiles.web import customers, editing, page

app_name = "profiles"

urlpatterns = [
    path("", customers.profile_list, name="profile-list"),
    path("export/", customers.profile_export, name="profile-export"),
    path("<int:profile_id>/", page.profile_page, name="profile-page"),
    path("<int:profile_id>/timeline/", page.profile_timeline, name="profile-timeline"),
    path("<int:profile_id>/edit/", editing.profile_edit, name="profile-edit"),
]
