"""Addresses of the tickets API, mounted under /api/v1/."""

from django.urls import path

from contacts.api.views import TicketViewSet

urlpatterns = [
    path(
        "tickets",
        TicketViewSet.as_view({"get": "list", "post": "create"}),
        name="api-ticket-list",
    ),
    path("tickets/<int:pk>", TicketViewSet.as_view({"get": "retrieve"}), name="api-ticket-detail"),
    path(
        "tickets/<int:pk>/messages",
        TicketViewSet.as_view({"post": "add_message"}),
        name="api-ticket-messages",
    ),
]
