"""Addresses of the tickets API, mounted under /api/v1/."""

from django.urls import path

from contacts.api.views import TicketListView, TicketMessageListView, TicketView

urlpatterns = [
    path("tickets", TicketListView.as_view(), name="api-ticket-list"),
    path("tickets/<int:pk>", TicketView.as_view(), name="api-ticket-detail"),
    path("tickets/<int:pk>/messages", TicketMessageListView.as_view(), name="api-ticket-messages"),
]
