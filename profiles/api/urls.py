from django.urls import path

from profiles.api.consents import ConsentView
from profiles.api.segments import ProfileSegmentsView
from profiles.api.views import IdentifyView, ProfileListView, ProfileView, TimelineView

urlpatterns = [
    path("consents", ConsentView.as_view(), name="api-consent"),
    path("profiles", ProfileListView.as_view(), name="api-profile-list"),
    path("profiles/identify", IdentifyView.as_view(), name="api-profile-identify"),
    path("profiles/<str:profile_id>", ProfileView.as_view(), name="api-profile-detail"),
    path("profiles/<str:profile_id>/timeline", TimelineView.as_view(), name="api-profile-timeline"),
    path(
        "profiles/<str:profile_id>/segments",
        ProfileSegmentsView.as_view(),
        name="api-profile-segments",
    ),
]
