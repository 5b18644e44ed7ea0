"""What mails lead through, mounted at /t/: short, for it stands in every link."""

from __future__ import annotations

from django.urls import path

from messaging.web import tracking

app_name = "messaging-tracking"
urlpatterns = [
    path("<str:token>/", tracking.picture, name="picture"),
    path("<str:token>/<int:number>/", tracking.link, name="link"),
]
