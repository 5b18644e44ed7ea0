"""What the demo adds to the back office: the ways to the customer's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from backoffice.extensions import Command, HelpLink, HomeCard, commands, help_links, home

if TYPE_CHECKING:
    from company.types import Agent


def register() -> None:
    """Fill the frame's registries; called in demo mode only."""
    home.register(
        HomeCard(
            key="demo",
            title=_("Try it out"),
            template="demo/_home_card.html",
            permission=None,
            load=_nothing_to_load,
            order=5,
        )
    )
    links = (
        ("demo-mailbox", _("Open the customers' mail"), "demo:mailbox", "mail-opened"),
        ("demo-shop", _("Place a demo order"), "demo:shop", "shopping-cart"),
    )
    for key, label, url_name, icon in links:
        commands.register(Command(key=key, label=label, url_name=url_name, icon=icon))
        help_links.register(HelpLink(key=key, label=label, url_name=url_name, icon=icon))


def _nothing_to_load(agent: Agent) -> dict[str, Any]:
    return {"is_wide": True}
