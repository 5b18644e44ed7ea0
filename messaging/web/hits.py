"""Openings and clicks in words, for a message's page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from messaging.models import OutgoingMessage
from messaging.queries import hits as queries
from messaging.queries.hits import Seen
from messaging.rules.hits import CLICKS, OPENS
from messaging.web import words

SENT = frozenset({"sent", "delivered", "ambiguous"})


def box(message: OutgoingMessage) -> dict[str, Any]:
    """What a message's page says about openings and clicks; empty for what is no mail or did not leave."""
    if message.channel != OutgoingMessage.Channel.MAIL or message.state not in SENT:
        return {}
    return {
        "note": _note(message),
        "is_noted": bool(message.noted),
        "rows": [_row(seen) for seen in queries.hits_of(message)] if message.noted else [],
    }


def _note(message: OutgoingMessage) -> str:
    if not message.noted:
        return _("Nothing is noted for this message: neither openings nor clicks.")
    if message.noted & OPENS and message.noted & CLICKS:
        return _(
            "Clicks are noted, and openings, which the recipient allowed. An opening is a weak sign: "
            "many programs load pictures unseen."
        )
    if message.noted & OPENS:
        return _("Openings are noted, which the recipient allowed; clicks are not.")
    return _(
        "Clicks are noted. Openings are not: the shop does not want it, or the recipient did not "
        "allow it."
    )


def _row(seen: Seen) -> dict[str, Any]:
    label, tone = _who(seen)
    return {
        "icon": "link" if seen.hit.number else "mail-opened",
        "what": seen.target or _("Opened"),
        "is_link": bool(seen.hit.number),
        "label": label,
        "tone": tone,
        "signs": [words.sign(code) for code in seen.hit.reasons],
        "hits": seen.hit.hits,
        "first_at": seen.hit.first_at,
        "last_at": seen.hit.last_at if seen.hit.hits > 1 else None,
    }


def _who(seen: Seen) -> tuple[str, str]:
    if seen.is_waiting:
        return _("Being judged"), "new"
    return (_("A person"), "good") if seen.is_person else (_("A program"), "")
