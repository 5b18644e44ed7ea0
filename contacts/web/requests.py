"""A request behind `access.permission`: somebody is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from company.types import Agent


class AgentRequest(HttpRequest):
    """What every view of the inbox gets; only a type, never made."""

    user: Agent  # type: ignore[assignment]  # anonymous visitors never get past the decorator
