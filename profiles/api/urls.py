from django.urls import path

from profiles.api.views import IdentifyView, ProfileListView, ProfileView, TimelineView

urlpatterns = [
    path("profiles", ProfileListView.as_view(), name="api-profile-list"),
    path("profiles/identify", IdentifyView.as_view(), name="api-profile-identify"),
    path("profiles/<str:profile_id>", ProfileView.as_view(), name="api-profile-detail"),
    path("profiles/<str:profile_id>/timeline", TimelineView.as_view(), name="api-profile-timeline"),
]
