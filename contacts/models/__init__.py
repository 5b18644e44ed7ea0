"""Tickets, what is said in them, and what customers thought of the answers."""

from contacts.models.ratings import Rating, RatingPolicy
from contacts.models.tickets import BulkChange, Draft, Ticket, TicketMessage, TicketQuerySet

__all__ = [
    "BulkChange",
    "Draft",
    "Rating",
    "RatingPolicy",
    "Ticket",
    "TicketMessage",
    "TicketQuerySet",
]
