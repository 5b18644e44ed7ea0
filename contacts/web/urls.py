"""Addresses of the inbox."""

from __future__ import annotations

from django.urls import path

from contacts.web import rating_settings
from contacts.web.views import deleting, reading, triage, writing

app_name = "contacts"
urlpatterns = [
    path("", reading.ticket_list, name="inbox"),
    path("bulk/", triage.bulk_change, name="bulk-change"),
    path("undo/<int:change_id>/", triage.bulk_undo, name="bulk-undo"),
    path("ratings/", rating_settings.policies, name="rating-policies"),
    path("ratings/<int:shop_id>/", rating_settings.policy_set, name="rating-policy-set"),
    path("<int:number>/", reading.ticket, name="ticket"),
    path("<int:number>/earlier/", reading.ticket_earlier, name="ticket-earlier"),
    path("<int:number>/news/", reading.ticket_news, name="ticket-news"),
    path("<int:number>/messages/", writing.message_add, name="message-add"),
    path("<int:number>/draft/", writing.draft_save, name="draft-save"),
    path("<int:number>/state/", triage.ticket_state, name="ticket-state"),
    path("<int:number>/snooze/", triage.ticket_snooze, name="ticket-snooze"),
    path("<int:number>/assign/", triage.ticket_assign, name="ticket-assign"),
    path("<int:number>/take/", triage.ticket_take, name="ticket-take"),
    path("<int:number>/priority/", triage.ticket_priority, name="ticket-priority"),
    path("<int:number>/delete/", deleting.ticket_delete, name="ticket-delete"),
    path("<int:number>/tags/", triage.ticket_tags, name="ticket-tags"),
]
