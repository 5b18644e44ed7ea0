"""The settings pages of the company, mounted at /settings/."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "company"
urlpatterns: list[URLPattern] = []
