"""Codes of the post office in words and colours."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

STATE_TONES = {
    "pending": "new",
    "claimed": "new",
    "sent": "good",
    "delivered": "good",
    "deferred": "warn",
    "failed": "bad",
    "skipped": "",
    "cancelled": "",
    "ambiguous": "warn",
}
OUTCOME_TONES = {
    "": "new",
    "message-added": "good",
    "conversation-opened": "good",
    "duplicate": "",
    "suppressed": "",
    "quarantined": "bad",
}
ATTEMPT_ICONS = {
    "attempting": "send",
    "accepted": "circle-check",
    "deferred": "clock",
    "rejected": "circle-x",
    "unknown": "help-circle",
}

_REASONS: dict[str, Promise] = {
    "server_unreachable": gettext_lazy("The mail server cannot be reached"),
    "connection_lost": gettext_lazy("The mail server hung up before it had the message"),
    "answer_lost": gettext_lazy("The connection broke before the mail server answered"),
    "expired": gettext_lazy("It could not be delivered for three days"),
    "unknown_recipient": gettext_lazy("The address does not exist"),
    "unknown_domain": gettext_lazy("The domain of the address does not exist"),
    "invalid_recipient": gettext_lazy("The address is not valid"),
    "recipient_moved": gettext_lazy("The recipient has moved"),
    "mailbox_disabled": gettext_lazy("The mailbox is closed"),
    "mailbox_full": gettext_lazy("The mailbox is full"),
    "mailbox_unavailable": gettext_lazy("The mailbox cannot be used"),
    "too_large": gettext_lazy("The message is too large"),
    "blocked": gettext_lazy("The server blocked the message"),
    "sender_not_authenticated": gettext_lazy("The server does not believe that it comes from us"),
    "try_later": gettext_lazy("The server asked us to come back later"),
    "server_full": gettext_lazy("The server has no room at the moment"),
    "refused": gettext_lazy("The server refused the message"),
    "hard_bounce": gettext_lazy("The address has bounced before"),
    "complaint": gettext_lazy("The recipient complained about spam"),
    "requested": gettext_lazy("A colleague entered it"),
    "rendering_failed": gettext_lazy("A word for the text was missing"),
    "consent_withdrawn": gettext_lazy("The customer does not want marketing any more"),
    "no_consent": gettext_lazy("The customer never agreed to marketing"),
    "too_often": gettext_lazy("The customer wants mail less often"),
    "unsubscribed": gettext_lazy("The recipient does not want it"),
    "domain_pace": gettext_lazy("Its provider gets mass mail one after the other"),
    "domain_paused": gettext_lazy("Its provider asked us to come later; its mass mail waits"),
    "quiet_hours": gettext_lazy(
        "Marketing by SMS waits for a working day between 8 and 22 o'clock"
    ),
    "account_refused": gettext_lazy("The provider does not accept the account"),
    "no_credit": gettext_lazy("The account with the provider is used up"),
    "unreachable_phone": gettext_lazy("The telephone could not be reached"),
}

_SIGNS: dict[str, Promise] = {
    "person": gettext_lazy("A person"),
    "head": gettext_lazy("It only asked whether the address exists"),
    "prefetch": gettext_lazy("A browser or mail program that fetches in advance"),
    "scanner": gettext_lazy("A security scanner or another program"),
    "apple_privacy": gettext_lazy("Mail privacy of Apple, which loads every picture unseen"),
    "image_proxy": gettext_lazy("The picture service of the mail provider, which hides who looks"),
    "too_early": gettext_lazy("Within three seconds of sending"),
    "early": gettext_lazy("Within ten seconds of sending"),
    "nameless": gettext_lazy("A program that does not say its name"),
    "not_navigation": gettext_lazy("Fetched by a program, not by following the link"),
    "no_language": gettext_lazy("It speaks no language, as programs do"),
    "many_links": gettext_lazy("It followed many links at once"),
}

_CAUSES: dict[str, Promise] = {
    "empty": gettext_lazy("It is empty"),
    "too_large": gettext_lazy("It is larger than 35 MB"),
    "headers_too_large": gettext_lazy("Its headers are larger than 4 MB"),
    "malformed": gettext_lazy("Its structure cannot be understood"),
    "no_headers": gettext_lazy("It has no headers"),
    "too_expensive": gettext_lazy("Reading it takes too much time or memory"),
    "gave_up": gettext_lazy("Reading it failed again and again"),
}

_PARKED: dict[str, Promise] = {
    "no_mail": gettext_lazy("It holds no mail"),
    "not_understood": gettext_lazy("It is not written as this provider writes"),
    "to_be_confirmed": gettext_lazy(
        "Amazon asks whether it may tell us: open the SubscribeURL that stands in it"
    ),
    "unknown_mailbox": gettext_lazy("It is for an address of which there is no active mailbox"),
    "unknown_message": gettext_lazy("It is about a message that we did not send"),
    "gave_up": gettext_lazy("Applying it failed again and again"),
    "erased": gettext_lazy("Its content was erased with a customer"),
}


def parked(code: str) -> str:
    """Why a provider's call was not applied; an unknown code speaks for itself."""
    return str(_PARKED.get(code, code.replace("_", " ")))


def reason(code: str) -> str:
    """Why a message waits or did not go; an unknown code speaks for itself."""
    return str(_REASONS.get(code, code.replace("_", " ")))


def sign(code: str) -> str:
    """What shows who opened a mail or followed a link; an unknown code speaks for itself."""
    return str(_SIGNS.get(code, code.replace("_", " ")))


def cause(code: str) -> str:
    """Why a mail could not be read; an unknown code speaks for itself."""
    return str(_CAUSES.get(code, code.replace("_", " ")))


def attempt_title(outcome: str, host: str) -> str:
    """What happened in an attempt to hand a message to a server."""
    titles = {
        "attempting": _("Being handed to %(host)s"),
        "accepted": _("%(host)s accepted it"),
        "deferred": _("%(host)s said “later”"),
        "rejected": _("%(host)s refused it"),
        "unknown": _("No answer from %(host)s"),
    }
    if host == "history":
        return _("Sent by the system used before")
    return titles[outcome] % {"host": host}
