"""Webhooks of SMS providers, mounted at /hooks/sms/."""

from __future__ import annotations

from django.urls import path

from messaging.web import sms_hooks

app_name = "messaging-sms-hooks"
urlpatterns = [path("<slug:provider>/", sms_hooks.provider_call, name="provider-call")]
