"""Faults of MJML with their lines: the converter itself drops what it does not know."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

from messaging.templating.faults import Fault
from messaging.templating.marks import without_marks

_NAMES: Final = """
    mjml mj-accordion mj-accordion-element mj-accordion-text mj-accordion-title mj-all mj-attributes
    mj-body mj-breakpoint mj-button mj-carousel mj-carousel-image mj-class mj-column mj-divider
    mj-font mj-group mj-head mj-hero mj-image mj-navbar mj-navbar-link mj-preview mj-raw mj-section
    mj-social mj-social-element mj-spacer mj-style mj-table mj-text mj-title mj-wrapper
"""
KNOWN: Final = frozenset(_NAMES.split())
_TAG: Final = re.compile(r"<!--.*?-->|<(/?)(mjml|mj-[a-z-]+)\b[^>]*?(/?)>", re.DOTALL)


def faults(source: str) -> list[Fault]:
    """Unknown elements, and those not closed or closed twice."""
    plain = without_marks(source)
    found: list[Fault] = []
    open_tags: list[tuple[str, int]] = []
    for match in _TAG.finditer(plain):
        closing, name, is_empty = match.groups()
        line = plain.count("\n", 0, match.start()) + 1
        if name is None or (is_empty and name in KNOWN):
            continue
        if name not in KNOWN:
            text = _("There is no element <{name}>.").format(name=name)
            return [*found, Fault(text=text, line=line)]
        if not closing:
            open_tags.append((name, line))
        elif not open_tags or open_tags[-1][0] != name:
            text = _("</{name}> closes nothing here.").format(name=name)
            return [*found, Fault(text=text, line=line)]
        else:
            open_tags.pop()
    for name, line in open_tags[-1:]:
        found.append(Fault(text=_("<{name}> is not closed.").format(name=name), line=line))
    return found
