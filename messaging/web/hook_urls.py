"""Webhooks of mail providers, mounted at /hooks/esp/."""

from __future__ import annotations

from django.urls import path

from messaging.web import hooks

app_name = "messaging-hooks"
urlpatterns = [path("<slug:provider>/<slug:kind>/", hooks.provider_call, name="provider-call")]
