"""What the checks of a sending domain found, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

CHECKS: dict[str, Promise | str] = {
    "spf": _("SPF: who may send"),
    "dkim": _("DKIM: the signature"),
    "dmarc": _("DMARC: what receivers do"),
    "mx": _("MX: where answers go"),
}
VERDICTS: dict[str, tuple[Promise, str]] = {
    "good": (pgettext_lazy("verdict", "Right"), "good"),
    "warn": (pgettext_lazy("verdict", "Could be better"), "warn"),
    "bad": (pgettext_lazy("verdict", "Must be mended"), "bad"),
    "unknown": (pgettext_lazy("verdict", "Not known"), ""),
    "": (pgettext_lazy("verdict", "Not checked yet"), "new"),
}
FINDINGS: dict[str, Promise] = {
    "dns_away": _("No name server answered. Check again later."),
    "spf_missing": _("There is no SPF record: receivers cannot tell our server from a forger's."),
    "spf_several": _("There is more than one SPF record; receivers then count none. Keep one."),
    "spf_broken": _("The SPF record, or one that it includes, cannot be understood."),
    "spf_too_many_lookups": _(
        "The SPF record makes receivers ask more than ten questions; they stop and count it as wrong."
        " Remove includes of services which you no longer use."
    ),
    "spf_open_to_all": _("“+all” lets everybody send in your name. End the record with “~all”."),
    "spf_good": _("The SPF record names our server."),
    "spf_server_unknown": _(
        "There is an SPF record. Whether it names our server cannot be told: set ECRM_SPF_TERM."
    ),
    "spf_without_us": _("The SPF record does not name our server."),
    "dkim_not_asked": _(
        "Nobody has said which selectors sign. Ask who runs your mail server and enter them above."
    ),
    "dkim_missing": _("There is no key under this name. Publish the one of your mail server."),
    "dkim_several": _("There is more than one key under this name. Keep one."),
    "dkim_revoked": _("The key under this name was withdrawn: signatures do not count."),
    "dkim_broken": _("What stands under this name is no key."),
    "dkim_weak": _("The key is too short: receivers do not count it. Make one of 2048 bits."),
    "dkim_short": _("The key counts; one of 2048 bits would be safer."),
    "dkim_testing": _("The key says that it is only being tested. Remove “t=y”."),
    "dkim_good": _("The key stands there and is long enough."),
    "dmarc_missing": _("There is no DMARC policy; the large providers ask for one."),
    "dmarc_several": _("There is more than one DMARC record; receivers then count none. Keep one."),
    "dmarc_broken": _("The DMARC record names no policy."),
    "dmarc_unaligned": _(
        "There is a policy, but neither SPF nor DKIM of this domain is right: receivers would reject"
        " our mail. Mend those first."
    ),
    "dmarc_watches": _(
        "The policy only watches (“p=none”). Ask for quarantine when reports look good."
    ),
    "dmarc_good": _("The policy protects your name, and our mail passes it."),
    "mx_missing": _("No server takes mail for this domain: answers come back to your customers."),
    "mx_null": _("The domain says that it takes no mail: answers come back to your customers."),
    "mx_good": _("These servers take the answers."),
}


def finding(code: str) -> str:
    """A finding in a sentence; an unknown code speaks for itself."""
    return str(FINDINGS.get(code, code.replace("_", " ")))
