"""Which of our rows point at a customer."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Holding, holdings


def register() -> None:
    """Declare what a merge of two customers moves."""
    holdings.register(
        Holding(key="contacts.ticket", table="contacts_ticket", label=_("Requests"), order=10)
    )
