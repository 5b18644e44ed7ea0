"""The one socket of the back office."""

from __future__ import annotations

from django.urls import path

from backoffice.realtime.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
