"""What base.html shows around every page. Nothing is read before the template asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backoffice.web.frame import Frame

if TYPE_CHECKING:
    from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Give templates `frame`: rail, shops, notifications, preferences."""
    return {"frame": Frame(request)}
