"""Addresses for customers."""

from __future__ import annotations

from django.urls import path

from contacts.web import rating

app_name = "contacts-public"
urlpatterns = [path("<str:token>/", rating.rating, name="rating")]
