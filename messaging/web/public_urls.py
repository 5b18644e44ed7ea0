"""What customers reach by the links of their mails, mounted at /preferences/."""

from __future__ import annotations

from django.urls import path

from messaging.web import preferences

app_name = "messaging-public"
urlpatterns = [
    path("<str:token>/", preferences.preferences_page, name="preferences"),
    path("<str:token>/one-click/", preferences.unsubscribe, name="unsubscribe"),
]
